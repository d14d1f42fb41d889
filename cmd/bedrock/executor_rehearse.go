package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// rehearseFlags say where a module is rehearsed, and how.
type rehearseFlags struct {
	home, admin string
	engine      uint32
	blocks      uint64
}

func newExecutorRehearseCommand() *cobra.Command {
	var f rehearseFlags
	cmd := &cobra.Command{
		Use:   "rehearse FILE.wasm|HASH (--home H | --admin URL)",
		Short: "Run a module on a node's newest blocks and list what it does otherwise",
		Long: `Checks the module as "executor inspect" does, then runs it on the newest blocks that
the present module executed, each on the stored state before it, beside that one.
Differing epochs, keys, receipts and gas are listed; nothing is changed. The blocks
are those of a home whose node is stopped, or of a node that runs (--admin), which may
also be named a module that it holds by its hash.

The exit code is 0 if the module is accepted and fails on no block that was executed
before, also where it behaves otherwise: a release says whether it may.`,
		Example: `  bedrock executor rehearse next.wasm --home devnet/node0 --blocks 200 --output json
  bedrock executor rehearse next.wasm --admin http://127.0.0.1:7602`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return rehearse(cmd, args[0], &f) },
	}
	cmd.Flags().StringVar(&f.home, "home", "", "home of a node that is stopped")
	cmd.Flags().StringVar(&f.admin, "admin", "", "admin service of a running node, http://127.0.0.1:7602")
	cmd.Flags().Uint32Var(&f.engine, "engine", 0, "engine number to run it under (default: that of the newest epoch)")
	cmd.Flags().Uint64Var(&f.blocks, "blocks", 100, "how many of the newest blocks")
	addOutputFlag(cmd)
	return cmd
}

func rehearse(cmd *cobra.Command, module string, f *rehearseFlags) error {
	if (f.home == "") == (f.admin == "") {
		return errors.New("say on whose blocks: --home H of a node that is stopped, or --admin URL of one that runs")
	}
	var wasm []byte
	hash, err := types.ParseHash(module)
	if byHash := err == nil; byHash && f.admin == "" {
		return errors.New("a module is named by its hash with --admin: with --home give its file")
	} else if !byHash {
		if wasm, err = readFile(cmd, module, maxModuleBytes); err != nil {
			return err
		}
	}
	var report node.RehearseReport
	if f.admin != "" {
		report, err = rehearseByAdmin(cmd, wasm, hash, f)
	} else {
		var cfg config.Config
		if cfg, _, err = config.Load(f.home, os.Environ()); err != nil {
			return err
		}
		report, err = node.Rehearse(cmd.Context(), node.RehearseOptions{Home: f.home, Config: &cfg, Module: wasm, Engine: f.engine, Blocks: f.blocks})
	}
	if err != nil {
		return err
	}
	if err := show(cmd, report, func(w io.Writer) { printRehearsal(w, &report) }); err != nil {
		return err
	}
	if !report.Accepted {
		return fmt.Errorf("the module is refused: %s", report.Reason)
	}
	if report.Failed > 0 {
		return fmt.Errorf("the module fails on %d blocks that were executed before", report.Failed)
	}
	return nil
}

func rehearseByAdmin(cmd *cobra.Command, wasm []byte, hash types.Hash, f *rehearseFlags) (node.RehearseReport, error) {
	request := &nodev1.RehearseExecutorRequest{Engine: f.engine, Blocks: f.blocks, Which: &nodev1.RehearseExecutorRequest_Module{Module: wasm}}
	if wasm == nil {
		request.Which = &nodev1.RehearseExecutorRequest_Hash{Hash: hash[:]}
	}
	res, err := nodev1connect.NewAdminServiceClient(http.DefaultClient, f.admin).RehearseExecutor(cmd.Context(), connect.NewRequest(request))
	if err != nil {
		return node.RehearseReport{}, unreachable(f.admin, err)
	}
	m := res.Msg
	report := node.RehearseReport{Report: verdictReport(m.Verdict), From: m.FromHeight, To: m.ToHeight, Transactions: m.Transactions, Same: m.Same,
		Failed: m.FailedBlocks, GasBefore: m.GasBefore, GasAfter: m.GasAfter, Differences: []node.Difference{}}
	for _, d := range m.Differences {
		report.Differences = append(report.Differences, node.Difference{Height: d.Height, What: d.What, Name: d.Name, Before: d.Before, After: d.After})
	}
	return report, nil
}

// verdictReport is a node's verdict as the load check gives it here.
func verdictReport(v *nodev1.ExecutorVerdict) executor.Report {
	return executor.Report{Imports: v.GetImports(), Exports: v.GetExports(), Hash: fmt.Sprintf("%x", v.GetHash()), Accepted: v.GetAccepted(), Reason: v.GetReason()}
}

func printRehearsal(w io.Writer, r *node.RehearseReport) {
	fmt.Fprintf(w, "hash         %s\n", r.Hash)
	if !r.Accepted {
		fmt.Fprintf(w, "verdict      refused: %s\n", r.Reason)
		return
	}
	fmt.Fprintf(w, "verdict      accepted\n")
	if r.From > r.To {
		fmt.Fprintln(w, "blocks       none to run on")
		return
	}
	fmt.Fprintf(w, "blocks       %d to %d, %d transactions\ngas          %d before, %d after\n", r.From, r.To, r.Transactions, r.GasBefore, r.GasAfter)
	if r.Failed > 0 {
		fmt.Fprintf(w, "failed       %d blocks that were executed before\n", r.Failed)
	}
	if r.Same {
		fmt.Fprintln(w, "behaviour    the same state and receipts at every height")
		return
	}
	fmt.Fprintf(w, "behaviour    differs (the first %d):\n", len(r.Differences))
	for _, d := range r.Differences {
		fmt.Fprintf(w, "  height %d, %s %s: %s, now %s\n", d.Height, d.What, d.Name, d.Before, d.After)
	}
}
