package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func newQueryStatusCommand() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "What a node says of itself",
		Example: "  bedrock query status --node http://127.0.0.2:7601 --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.bare()
			if err != nil {
				return err
			}
			res, err := c.GetStatus(cmd.Context(), connect.NewRequest(&nodev1.GetStatusRequest{}))
			if err != nil {
				return unreachable(f.address(), err)
			}
			s := res.Msg
			return show(cmd, s, func(w io.Writer) {
				signing := "yes"
				if !s.Signing {
					signing = "no: " + s.NotSigningReason
				}
				fmt.Fprintf(w, "chain       %s (%x)\nversion     %s\nidentity    %x (validator %d)\nheight      %d of %d, epoch %d, view %d\nstate root  %x\nsyncing     %t\nsigning     %s\npeers       %d\npool        %d transactions, %d bytes\n",
					s.ChainId, s.GenesisHash, s.Version, s.NetworkKey, s.ValidatorIndex, s.FinalHeight, s.TargetHeight, s.Epoch, s.View,
					s.StateRoot, s.Syncing, signing, s.Peers, s.PoolTransactions, s.PoolBytes)
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newQueryValidatorsCommand() *cobra.Command {
	var f nodeFlags
	var epoch uint64
	cmd := &cobra.Command{
		Use:     "validators",
		Short:   "The validators of an epoch",
		Long:    "The set is verified by epoch certificates; votes and connections are what the node has seen.",
		Example: "  bedrock query validators --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			res, err := c.RPC().ListValidators(cmd.Context(), connect.NewRequest(&nodev1.ListValidatorsRequest{Epoch: epoch}))
			if err != nil {
				return unreachable(f.address(), err)
			}
			if err := c.Learn(cmd.Context(), res.Msg.Epoch); err != nil {
				return err
			}
			set, ok := c.Chain().Epoch(res.Msg.Epoch)
			if !ok || len(set.Validators) != len(res.Msg.Validators) {
				return fmt.Errorf("the node names %d validators of epoch %d, its certificate %d", len(res.Msg.Validators), res.Msg.Epoch, len(set.Validators))
			}
			for i, v := range res.Msg.Validators {
				if known := set.Validators[i]; known.Power != v.Validator.Power || string(known.NetworkKey[:]) != string(v.Validator.NetworkKey) {
					return fmt.Errorf("the node names another validator %d of epoch %d than its certificate", i, res.Msg.Epoch)
				}
			}
			return show(cmd, res.Msg, func(w io.Writer) {
				fmt.Fprintf(w, "epoch %d\n", res.Msg.Epoch)
				for i, v := range res.Msg.Validators {
					fmt.Fprintf(w, "%3d  power %-8d %x  last vote %d  connected %t  %s\n", i, v.Validator.Power, v.Validator.NetworkKey, v.LastVoteHeight, v.Connected, v.Moniker)
				}
			})
		},
	}
	f.add(cmd)
	cmd.Flags().Uint64Var(&epoch, "epoch", 0, "which epoch; 0: the present one")
	return cmd
}

func newQueryEpochsCommand() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:     "epochs",
		Short:   "All epochs, verified by their certificates",
		Example: "  bedrock query epochs --genesis net/genesis.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, g, err := f.connect(cmd)
			if err != nil {
				return err
			}
			status, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.Learn(cmd.Context(), status.Epoch); err != nil {
				return err
			}
			first := types.EpochStart{Epoch: g.Epoch()}
			list := &nodev1.ListEpochsResponse{Newest: status.Epoch, Epochs: []*nodev1.EpochStart{codec.EpochStartTo(&first)}}
			for _, s := range c.Chain().Starts(status.Epoch) {
				list.Epochs = append(list.Epochs, codec.EpochStartTo(&s))
			}
			return show(cmd, list, func(w io.Writer) {
				for _, s := range list.Epochs {
					fmt.Fprintf(w, "epoch %d from height %d: %d validators, executor %x, engine %d\n",
						s.Epoch.Number, s.GetCertificate().GetOutcome().GetHeight(), len(s.Epoch.Validators), s.Epoch.ExecutorHash, s.Epoch.Engine)
				}
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newQueryReceiptsCommand() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:     "receipts HEIGHT",
		Short:   "Receipts and events of a height, verified against its outcome",
		Example: "  bedrock query receipts 120 --output json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			height, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return fmt.Errorf("height %q: write a number", args[0])
			}
			c, _, err := f.connect(cmd)
			if err != nil {
				return err
			}
			list, err := c.Receipts(cmd.Context(), height)
			if err != nil {
				return err
			}
			res := &nodev1.GetReceiptsResponse{Height: height}
			for i := range list {
				res.Receipts = append(res.Receipts, codec.TransactionReceiptTo(&list[i]))
			}
			return show(cmd, res, func(w io.Writer) {
				fmt.Fprintf(w, "height %d: %d receipts\n", height, len(list))
				for i := range list {
					fmt.Fprintf(w, "%s  code %d (%s)  gas %d  events %d\n", hex.EncodeToString(list[i].TxHash[:]), list[i].Code, ledger.CodeName(list[i].Code), list[i].GasUsed, len(list[i].Events))
				}
			})
		},
	}
	f.add(cmd)
	return cmd
}
