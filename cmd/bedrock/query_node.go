package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/ledger"
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
				printConsensus(w, s)
				printExecutor(w, s.Executor)
			})
		},
	}
	f.add(cmd)
	return cmd
}

// printConsensus shows how long ago things last went on, and who leads.
func printConsensus(w io.Writer, s *nodev1.GetStatusResponse) {
	if c := s.Consensus; c != nil {
		fmt.Fprintf(w, "finality    %s ago, oldest waiting work %s\nview        leader %d (%.12x), %d failed before it, timer %s\n",
			time.Duration(c.CommitAgeMs)*time.Millisecond, time.Duration(s.OldestWaitingMs)*time.Millisecond,
			c.Leader, c.LeaderKey, c.FailedViews, time.Duration(c.ViewTimerMs)*time.Millisecond)
	}
}

// printExecutor shows what a node runs, lacks, and gets ready for.
func printExecutor(w io.Writer, e *nodev1.ExecutorStatus) {
	if e == nil {
		return // an older node's
	}
	fmt.Fprintf(w, "executor    %x, engine %d\n", e.Hash, e.Engine)
	if e.Missing != "" {
		fmt.Fprintf(w, "lacks       %s\n", e.Missing)
	}
	if u := e.Upgrade; u != nil {
		readiness := strings.ToLower(strings.TrimPrefix(u.Readiness.String(), "MODULE_READINESS_"))
		fmt.Fprintf(w, "scheduled   %x, engine %d, heights %d to %d: %d ready; this node: %s (%s)\n",
			u.Hash, u.Engine, u.NotBeforeHeight, u.NotAfterHeight, len(u.Ready), readiness, u.Reason)
	}
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
