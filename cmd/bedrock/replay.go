package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
)

func newReplayCommand() *cobra.Command {
	var o node.ReplayOptions
	cmd := &cobra.Command{
		Use:   "replay --home D [--from H] [--to H] [--witness DIR]",
		Short: "Execute stored blocks again and compare every outcome",
		Long: `Executes the blocks of a home again, by the modules of their epochs, and compares
state root and receipts root of every height with the stored outcome. The node of
that home must not run. From height 1 the state is built up in a fresh store;
from above it each block runs on the stored state before it.

With --witness each block is also written to a file that holds everything that it
reads: it can be executed anywhere, without a chain.`,
		Example: "  bedrock replay --home devnet/node0\n  bedrock replay --home devnet/node0 --from 100 --to 120 --witness witnesses",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(o.Home, os.Environ())
			if err != nil {
				return err
			}
			o.Config = &cfg
			o.Progress = func(height, to uint64) { fmt.Fprintf(cmd.ErrOrStderr(), "height %d of %d\n", height, to) }
			report, err := node.Replay(cmd.Context(), o)
			if err != nil {
				return err
			}
			return show(cmd, report, func(w io.Writer) {
				fmt.Fprintf(w, "heights %d to %d: %d blocks with %d transactions, %d failed blocks; every outcome is the stored one\n",
					report.From, report.To, report.Blocks, report.Transactions, report.FailedBlocks)
				fmt.Fprintf(w, "final outcome %s\n", report.FinalOutcome)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Home, "home", "", "the node's home")
	f.Uint64Var(&o.From, "from", 0, "first height (default: 1)")
	f.Uint64Var(&o.To, "to", 0, "last height (default: the tip)")
	f.StringVar(&o.WitnessDir, "witness", "", "folder for witness files")
	must(cmd.MarkFlagRequired("home"))
	addOutputFlag(cmd)
	return cmd
}
