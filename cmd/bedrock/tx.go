package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/keystore"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func newTxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tx",
		Short: "Build, sign and send transactions",
		Long: `Builds a transaction, signs it with a key, sends it to a node and waits.

The key is a keystore (--key), or one of a test network's funded accounts
(--accounts D/accounts.json --index 3; --index owner3 is the owner of node3). With --wait final (the default) the
command ends when the transaction is final, and has verified that by the commit
certificate and the receipt's proof; a transaction that is final and failed gives
an exit code that is not 0.`,
	}
	record := &cobra.Command{Use: "record", Short: "Owned records: data anchored on the chain"}
	record.AddCommand(newRecordPutCommand(), newRecordDeleteCommand())
	cmd.AddCommand(newTransferCommand(), newBatchCommand(), record, newTxValidatorCommand(), newTxAuthorityCommand(), newSendCommand())
	return cmd
}

// txFlags are those of every command that signs.
type txFlags struct {
	nodeFlags
	key, accounts      string
	index              string
	pw                 passwordFlags
	nonce              int64
	gasLimit, gasPrice uint64
	validUntil         uint64
	wait, out          string
	timeout            time.Duration
}

func (f *txFlags) add(cmd *cobra.Command) {
	f.nodeFlags.add(cmd)
	f.pw.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "keystore of the account that pays and signs")
	flags.StringVar(&f.accounts, "accounts", "", "accounts.json of a test network, in place of --key")
	addIndex(cmd, &f.index)
	flags.Int64Var(&f.nonce, "nonce", -1, "nonce of the transaction; -1: the account's next one")
	flags.Uint64Var(&f.gasLimit, "gas-limit", 0, "most gas to use; 0: enough under the default schedule")
	flags.Uint64Var(&f.gasPrice, "gas-price", 1, "price of a unit of gas")
	flags.Uint64Var(&f.validUntil, "valid-until", 0, "last height that may hold it; 0: any")
	flags.StringVar(&f.out, "sign-only", "", "write the signed transaction to this file and send nothing")
	f.addWait(cmd)
}

func (f *txFlags) addWait(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.wait, "wait", "final", "until it is accepted (in the node's pool) or final")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait until it is final")
}

// signer is the key that was named.
func (f *txFlags) signer(cmd *cobra.Command) (ed25519.PrivateKey, error) {
	switch {
	case f.key != "" && f.accounts != "":
		return nil, errors.New("--key and --accounts both name a key: give one")
	case f.key != "":
		key, err := openKeystore(cmd, f.key, &f.pw)
		if err != nil {
			return nil, err
		}
		if key.Kind == keystore.KindConsensus {
			return nil, fmt.Errorf("%s holds a consensus key: transactions are signed by accounts", f.key)
		}
		return ed25519.NewKeyFromSeed(key.Secret), nil
	case f.accounts != "":
		return accountOf(f.accounts, f.index)
	}
	return nil, errors.New("name the key: --key KEYSTORE, or --accounts D/accounts.json --index N on a test network")
}

func addIndex(cmd *cobra.Command, index *string) {
	cmd.Flags().StringVar(index, "index", "0", "which of those accounts: 3, or owner3 (of the validator that was node3 at genesis), or authority0")
}

// accountOf is a key of a test network's file: a number, or one of the owners or
// of the authority.
func accountOf(path, index string) (ed25519.PrivateKey, error) {
	accounts, err := home.LoadAccounts(path)
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"owner", "authority", ""} {
		digits, ok := strings.CutPrefix(index, kind)
		if !ok {
			continue
		}
		i, err := strconv.Atoi(digits)
		switch {
		case err != nil || i < 0:
			return nil, fmt.Errorf("--index %q: write 3, owner3 or authority0", index)
		case kind == "owner":
			return accounts.OwnerKey(i)
		case kind == "authority" && i < len(accounts.Authority.Keys):
			return accounts.Authority.Keys[i].Key()
		case kind == "authority":
			return nil, fmt.Errorf("--index %s: %s has %d keys of the authority, from 0", index, path, len(accounts.Authority.Keys))
		}
		return accounts.Key(i)
	}
	return nil, fmt.Errorf("--index %q: write 3, owner3 or authority0", index)
}

// txSession is a signer and the node that its transactions go to.
type txSession struct {
	f       *txFlags
	cmd     *cobra.Command
	key     ed25519.PrivateKey
	c       *client.Client
	genesis [32]byte
}

// begin checks the flags, opens the key and connects.
func (f *txFlags) begin(cmd *cobra.Command) (*txSession, error) {
	if err := f.checkWait(); err != nil {
		return nil, err
	}
	key, err := f.signer(cmd)
	if err != nil {
		return nil, err
	}
	c, g, err := f.connect(cmd)
	if err != nil {
		return nil, err
	}
	return &txSession{f: f, cmd: cmd, key: key, c: c, genesis: g.Hash()}, nil
}

// public is the signer's public key.
func (s *txSession) public() ledger.ID { return ledger.ID(s.key.Public().(ed25519.PublicKey)) }

// body is that of an operation that the signer pays for.
func (s *txSession) body(op ledger.Operation) (ledger.Body, error) {
	f := s.f
	body := ledger.Body{Genesis: s.genesis, Payer: s.public(), GasLimit: f.gasLimit, GasPrice: f.gasPrice, ValidUntil: f.validUntil, Operation: op, Nonce: uint64(f.nonce)}
	if f.gasLimit == 0 {
		body.GasLimit = ledger.GasLimit(op)
	}
	var err error
	if f.nonce < 0 {
		body.Nonce, err = nextNonce(s.cmd, s.c, s.key)
	}
	return body, err
}

// finish sends a signed transaction, or keeps it.
func (s *txSession) finish(tx []byte) error {
	if s.f.out == "" {
		return s.f.send(s.cmd, s.c, tx)
	}
	if err := os.WriteFile(s.f.out, tx, 0o600); err != nil {
		return fmt.Errorf("--sign-only: %w", err)
	}
	return showSent(s.cmd, sent{Hash: types.TxHash(tx).String(), State: "signed", Bytes: len(tx)})
}

// run signs an operation and sends it.
func (f *txFlags) run(cmd *cobra.Command, op ledger.Operation) error {
	s, err := f.begin(cmd)
	if err != nil {
		return err
	}
	body, err := s.body(op)
	if err != nil {
		return err
	}
	tx, err := ledger.Sign(s.key, body)
	if err != nil {
		return err
	}
	return s.finish(tx)
}

// nextNonce takes the node's word: a wrong nonce could only make the transaction
// be refused, and before the first certificate nothing can be proven.
func nextNonce(cmd *cobra.Command, c *client.Client, key ed25519.PrivateKey) (uint64, error) {
	address := ledger.AddressOf(key.Public().(ed25519.PublicKey))
	res, err := c.RPC().Query(cmd.Context(), connect.NewRequest(&nodev1.QueryRequest{Path: "account/" + address.String()}))
	if err != nil {
		return 0, fmt.Errorf("find the nonce of %s: %w", address, unreachable(c.URL(), err))
	}
	if res.Msg.Code != 0 {
		return 0, fmt.Errorf("find the nonce of %s: %s (give it with --nonce)", address, res.Msg.Log)
	}
	if res.Msg.Absent {
		return 0, fmt.Errorf("the chain has no account %s: fund it first", address)
	}
	account, err := ledger.DecodeAccount(res.Msg.Value)
	return account.Nonce, err
}

func (f *txFlags) checkWait() error {
	if f.wait != "accepted" && f.wait != "final" {
		return fmt.Errorf("--wait %s: use accepted or final", f.wait)
	}
	if f.timeout < time.Second || f.timeout > 10*time.Minute {
		return fmt.Errorf("--timeout %s: use 1s to 10m", f.timeout)
	}
	return nil
}

// sent is what is printed of a transaction.
type sent struct {
	Hash    string `json:"hash"`
	State   string `json:"state"` // signed, accepted or final
	Height  uint64 `json:"height,omitempty"`
	Code    uint32 `json:"code"`
	Name    string `json:"code_name,omitempty"`
	GasUsed uint64 `json:"gas_used,omitempty"`
	Log     string `json:"log,omitempty"`
	Bytes   int    `json:"bytes,omitempty"`
	// Validator is the name of the validator that it is about.
	Validator string `json:"validator,omitempty"`
}

func (f *txFlags) send(cmd *cobra.Command, c *client.Client, tx []byte) error {
	validator := aboutValidator(tx)
	if f.wait == "accepted" {
		hash, err := c.Submit(cmd.Context(), tx)
		if err != nil {
			return refusal(err)
		}
		return showSent(cmd, sent{Hash: hash.String(), State: "accepted", Validator: validator})
	}
	t, err := c.SubmitFinal(cmd.Context(), tx, f.timeout)
	if err != nil {
		return refusal(err)
	}
	s := sent{Hash: types.TxHash(tx).String(), State: "final", Height: t.Height, Code: t.Receipt.Code,
		Name: ledger.CodeName(t.Receipt.Code), GasUsed: t.Receipt.GasUsed, Log: t.Receipt.Log, Validator: validator}
	if err := showSent(cmd, s); err != nil {
		return err
	}
	if s.Code != 0 {
		return advised(s.Code, fmt.Errorf("the transaction is final and failed: code %d: %s", s.Code, s.Log))
	}
	return nil
}

func showSent(cmd *cobra.Command, s sent) error {
	return show(cmd, s, func(w io.Writer) {
		fmt.Fprintf(w, "transaction  %s\nstate        %s\n", s.Hash, s.State)
		if s.Validator != "" {
			fmt.Fprintf(w, "validator    %s\n", s.Validator)
		}
		if s.State == "final" {
			fmt.Fprintf(w, "height       %d\ncode         %d (%s)\ngas used     %d\n", s.Height, s.Code, s.Name, s.GasUsed)
		}
	})
}

func newSendCommand() *cobra.Command {
	var f txFlags
	var raw bool
	cmd := &cobra.Command{
		Use:   "send FILE",
		Short: "Send a signed transaction from a file",
		Long: `Sends a transaction as "--sign-only" wrote it, the same in hex, or a half-signed
transaction of the authority ("--draft") once enough keys have signed it. With --raw
the file's bytes go as they stand: a transaction of another state machine.`,
		Example: "  bedrock tx send signed.tx --wait accepted\n  bedrock tx send weigh.json\n  bedrock tx send add.tx --raw",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.checkWait(); err != nil {
				return err
			}
			tx, err := readFile(cmd, args[0], ledger.MaxDraftBytes)
			if err != nil {
				return err
			}
			var draft *ledger.Draft
			if !raw {
				if tx, draft, err = ledgerBytes(tx); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			if draft != nil {
				if err := enoughSigned(cmd, c, draft); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			}
			return f.send(cmd, c, tx)
		},
	}
	f.nodeFlags.add(cmd)
	f.addWait(cmd)
	cmd.Flags().BoolVar(&raw, "raw", false, "send the file's bytes as they stand")
	return cmd
}

// ledgerBytes reads a signed transaction, or one of the authority with its draft.
func ledgerBytes(raw []byte) (tx []byte, draft *ledger.Draft, err error) {
	draft, err = ledger.ParseDraft(raw)
	if errors.Is(err, ledger.ErrNoDraft) {
		tx, err = signedBytes(raw)
		return tx, nil, err
	}
	if err == nil {
		tx, err = draft.Transaction()
	}
	return tx, draft, err
}

// signedBytes reads a transaction in its encoding or in hex.
func signedBytes(raw []byte) ([]byte, error) {
	if _, err := ledger.Decode(raw); err == nil {
		return raw, nil
	}
	text := string(raw)
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	tx, err := hex.DecodeString(text)
	if err != nil {
		return nil, errors.New("it is neither a signed transaction nor one in hex: make one with --sign-only, or send it with --raw if the chain runs another state machine")
	}
	if _, err := ledger.Decode(tx); err != nil {
		return nil, err
	}
	return tx, nil
}
