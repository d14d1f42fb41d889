package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/proof"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func newQueryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query",
		Short: "Ask a node; what is final is verified",
		Long: `What is of the chain is verified by certificates and proofs against the genesis
document; --prove FILE keeps the proof, which "bedrock verify proof" checks without
any node. Status, and what a node has seen of validators' votes and connections,
are its own word.`,
	}
	cmd.AddCommand(newQueryStatusCommand(), newQueryBlockCommand(), newQueryTxCommand(), newQueryAccountCommand(),
		newQueryRecordCommand(), newQueryStateCommand(), newQueryReceiptsCommand(), newQueryValidatorsCommand(), newQueryEpochsCommand(), newQueryEvidenceCommand(),
		newQueryUpgradeCommand(), newQueryAuthorityCommand(), newQueryParametersCommand())
	return cmd
}

// queryFlags are those of verified queries.
type queryFlags struct {
	nodeFlags
	height uint64
	prove  string
}

func (f *queryFlags) add(cmd *cobra.Command, height bool) {
	f.nodeFlags.add(cmd)
	cmd.Flags().StringVar(&f.prove, "prove", "", "file to write the proof to")
	if height {
		cmd.Flags().Uint64Var(&f.height, "height", 0, "height whose state is read; 0: the newest")
	}
}

// keep writes a verified proof, if that was asked for.
func (f *queryFlags) keep(cmd *cobra.Command, p *nodev1.Proof, c *client.Client) error {
	if f.prove == "" {
		return nil
	}
	// The proof must stand alone: it holds every epoch from genesis on.
	if _, err := proof.VerifyFrom(c.Chain(), p); err != nil {
		return err
	}
	file, err := proof.Encode(p)
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.prove, file, 0o644); err != nil {
		return fmt.Errorf("--prove: %w", err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "proof: %s (%d bytes)\n", f.prove, len(file))
	return nil
}

// accountResult is what is printed of an account.
type accountResult struct {
	Address string `json:"address"`
	Exists  bool   `json:"exists"`
	Nonce   uint64 `json:"nonce"`
	Balance string `json:"balance"`
	Height  uint64 `json:"height"`
}

func newQueryAccountCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:     "account ADDRESS",
		Short:   "Balance and nonce, or a proof that there is no such account",
		Example: "  bedrock query account bed1… --genesis net/genesis.json --prove account.proof",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := ledger.ParseAddress(args[0])
			if err != nil {
				return err
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			s, err := c.Query(cmd.Context(), "account/"+address.String(), nil, f.height, ledger.AccountKey(address))
			if err != nil {
				return err
			}
			if err := f.keep(cmd, s.Message, c); err != nil {
				return err
			}
			r := accountResult{Address: address.String(), Exists: !s.Absent, Balance: "0", Height: s.Height}
			if r.Exists {
				account, err := ledger.DecodeAccount(s.Value)
				if err != nil {
					return err
				}
				r.Nonce, r.Balance = account.Nonce, account.Balance.String()
			}
			return show(cmd, r, func(w io.Writer) {
				fmt.Fprintf(w, "address  %s\nexists   %t\nbalance  %s\nnonce    %d\nheight   %d\n", r.Address, r.Exists, r.Balance, r.Nonce, r.Height)
			})
		},
	}
	f.add(cmd, true)
	return cmd
}

// recordResult is what is printed of a record.
type recordResult struct {
	Owner   string `json:"owner"`
	Key     string `json:"key"` // hex
	Exists  bool   `json:"exists"`
	Data    string `json:"data"` // hex
	Text    string `json:"text,omitempty"`
	Deposit string `json:"deposit"`
	Written uint64 `json:"written"` // height
	Height  uint64 `json:"height"`
}

func newQueryRecordCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:     "record OWNER KEY",
		Short:   "A record, or a proof that there is none",
		Example: "  bedrock query record bed1… invoice/2026-11 --prove record.proof",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			owner, err := ledger.ParseAddress(args[0])
			if err != nil {
				return fmt.Errorf("owner: %w", err)
			}
			key, err := parseBytes(args[1])
			if err != nil {
				return fmt.Errorf("key: %w", err)
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			s, err := c.Query(cmd.Context(), "record/"+owner.String(), key, f.height, ledger.RecordKey(owner, key))
			if err != nil {
				return err
			}
			if err := f.keep(cmd, s.Message, c); err != nil {
				return err
			}
			r := recordResult{Owner: owner.String(), Key: hex.EncodeToString(key), Exists: !s.Absent, Deposit: "0", Height: s.Height}
			if r.Exists {
				record, err := ledger.DecodeRecord(s.Value)
				if err != nil {
					return err
				}
				r.Data, r.Deposit, r.Written = hex.EncodeToString(record.Data), record.Deposit.String(), record.Height
				if utf8.Valid(record.Data) {
					r.Text = string(record.Data)
				}
			}
			return show(cmd, r, func(w io.Writer) {
				data := r.Text
				if data == "" && r.Data != "" {
					data = "0x" + r.Data
				}
				fmt.Fprintf(w, "owner    %s\nkey      %s\nexists   %t\ndata     %q\ndeposit  %s\nwritten  at height %d\nheight   %d\n",
					r.Owner, args[1], r.Exists, data, r.Deposit, r.Written, r.Height)
			})
		},
	}
	f.add(cmd, true)
	return cmd
}

// txResult is what is printed of a transaction.
type txResult struct {
	Hash        string `json:"hash"`
	State       string `json:"state"` // unknown, accepted or final
	Height      uint64 `json:"height,omitempty"`
	TimestampMs uint64 `json:"timestamp_ms,omitempty"`
	Code        uint32 `json:"code"`
	Name        string `json:"code_name,omitempty"`
	GasUsed     uint64 `json:"gas_used,omitempty"`
	Log         string `json:"log,omitempty"`
	Events      int    `json:"events,omitempty"`
	Bytes       string `json:"bytes,omitempty"` // hex
}

func newQueryTxCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:     "tx HASH",
		Short:   "A transaction with its receipt",
		Example: "  bedrock query tx 5e1f… --prove tx.proof --output json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			hash, err := types.ParseHash(args[0])
			if err != nil {
				return err
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			t, pending, err := c.Transaction(cmd.Context(), hash)
			if errors.Is(err, client.ErrNotFound) {
				if !pending {
					return fmt.Errorf("%w at %s: it may be at another node, or never have been sent", err, c.URL())
				}
				r := txResult{Hash: hash.String(), State: "accepted"}
				return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "transaction  %s\nstate        accepted, not final yet\n", r.Hash) })
			}
			if err != nil {
				return err
			}
			if err := f.keep(cmd, t.Message, c); err != nil {
				return err
			}
			r := txResult{Hash: hash.String(), State: "final", Height: t.Height, TimestampMs: t.TimestampMs, Code: t.Receipt.Code,
				Name: ledger.CodeName(t.Receipt.Code), GasUsed: t.Receipt.GasUsed, Log: t.Receipt.Log, Events: len(t.Receipt.Events), Bytes: hex.EncodeToString(t.Bytes)}
			return show(cmd, r, func(w io.Writer) {
				fmt.Fprintf(w, "transaction  %s\nstate        final\nheight       %d\ncode         %d (%s)\ngas used     %d\n", r.Hash, r.Height, r.Code, r.Name, r.GasUsed)
				for _, e := range t.Receipt.Events {
					fmt.Fprintf(w, "event        %s\n", e.Type)
				}
			})
		},
	}
	f.add(cmd, false)
	return cmd
}

// blockResult is what is printed of a block.
type blockResult struct {
	ID           string   `json:"block_id"`
	Height       uint64   `json:"height"`
	Epoch        uint64   `json:"epoch"`
	View         uint64   `json:"view"`
	Parent       string   `json:"parent_id"`
	Proposer     uint32   `json:"proposer"`
	TimestampMs  uint64   `json:"timestamp_ms"`
	StateRoot    string   `json:"state_root"`
	ReceiptsRoot string   `json:"receipts_root"`
	OutcomeHash  string   `json:"outcome_hash"`
	Transactions []string `json:"transactions"` // hashes
	PayloadBytes int      `json:"payload_bytes"`
}

func newQueryBlockCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:     "block [HEIGHT|ID]",
		Short:   "A final block with its outcome; without an argument the newest",
		Example: "  bedrock query block 120 --prove block.proof",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			which, err := parseBlock(args)
			if err != nil {
				return err
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			b, err := which(cmd, c)
			if err != nil {
				return err
			}
			if err := f.keep(cmd, b.Message, c); err != nil {
				return err
			}
			h := &b.Block.Header
			r := blockResult{ID: b.ID.String(), Height: h.Height, Epoch: h.Epoch, View: h.View, Parent: h.Parent.String(), Proposer: h.Proposer,
				TimestampMs: h.TimestampMs, StateRoot: b.Outcome.StateRoot.String(), ReceiptsRoot: b.Outcome.ReceiptsRoot.String(),
				OutcomeHash: b.Outcome.Hash().String(), Transactions: []string{}, PayloadBytes: b.Block.PayloadBytes()}
			for _, tx := range b.Block.Payload {
				r.Transactions = append(r.Transactions, types.TxHash(tx).String())
			}
			return show(cmd, r, func(w io.Writer) {
				fmt.Fprintf(w, "block         %s\nheight        %d (epoch %d, view %d)\nparent        %s\nproposer      %d\nstate root    %s\noutcome       %s\ntransactions  %d (%d bytes)\n",
					r.ID, r.Height, r.Epoch, r.View, r.Parent, r.Proposer, r.StateRoot, r.OutcomeHash, len(r.Transactions), r.PayloadBytes)
				for _, hash := range r.Transactions {
					fmt.Fprintf(w, "  %s\n", hash)
				}
			})
		},
	}
	f.add(cmd, false)
	return cmd
}

// parseBlock reads which block is meant.
func parseBlock(args []string) (func(*cobra.Command, *client.Client) (*client.FinalBlock, error), error) {
	height := uint64(0)
	if len(args) == 1 {
		var err error
		if height, err = strconv.ParseUint(args[0], 10, 64); err != nil || len(args[0]) >= 20 {
			id, err := types.ParseHash(args[0])
			if err != nil {
				return nil, fmt.Errorf("%q is neither a height nor a block's id", args[0])
			}
			return func(cmd *cobra.Command, c *client.Client) (*client.FinalBlock, error) {
				return c.BlockByID(cmd.Context(), id)
			}, nil
		}
	}
	return func(cmd *cobra.Command, c *client.Client) (*client.FinalBlock, error) {
		return c.Block(cmd.Context(), height)
	}, nil
}
