package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// modulesName is the folder of modules on a chain volume.
const modulesName = "modules"

func newExecutorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "executor",
		Short: "Executor modules: WASM files, known by their SHA-256",
	}
	cmd.AddCommand(newExecutorInspectCommand(), newExecutorHashCommand(), newExecutorAddCommand(), newExecutorRehearseCommand())
	return cmd
}

func newExecutorInspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect FILE.wasm",
		Short: "Imports, exports, hash, and whether a node would accept the module",
		Long: `Runs the load check of a node: exactly the five imports, the exports of its
abi_version, no WASM feature that is off, and compilation. A module that is not
accepted gives an exit code that is not 0, after its verdict was printed.`,
		Example: "  bedrock executor inspect ledger.wasm --output json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := readFile(cmd, args[0], maxModuleBytes)
			if err != nil {
				return err
			}
			report, err := executor.Inspect(wasm)
			if err != nil {
				return err
			}
			return showVerdict(cmd, &report)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func showVerdict(cmd *cobra.Command, r *executor.Report) error {
	if r.Imports == nil {
		r.Imports = []string{}
	}
	if r.Exports == nil {
		r.Exports = []string{}
	}
	err := show(cmd, r, func(w io.Writer) {
		fmt.Fprintf(w, "hash      %s\n", r.Hash)
		for _, name := range r.Imports {
			fmt.Fprintf(w, "import    %s\n", name)
		}
		for _, name := range r.Exports {
			fmt.Fprintf(w, "export    %s\n", name)
		}
		if r.Accepted {
			fmt.Fprintln(w, "verdict   accepted")
		} else {
			fmt.Fprintf(w, "verdict   refused: %s\n", r.Reason)
		}
	})
	if err == nil && !r.Accepted {
		return fmt.Errorf("the module is refused: %s", r.Reason)
	}
	return err
}

func newExecutorHashCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "hash FILE.wasm",
		Short:   "The executor hash of a module: its SHA-256",
		Example: "  bedrock executor hash ledger.wasm",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := readFile(cmd, args[0], maxModuleBytes)
			if err != nil {
				return err
			}
			hash := types.SumHash(wasm).String()
			return show(cmd, map[string]string{"hash": hash}, func(w io.Writer) { fmt.Fprintln(w, hash) })
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newExecutorAddCommand() *cobra.Command {
	var home, admin string
	cmd := &cobra.Command{
		Use:   "add FILE.wasm (--home H | --admin URL)",
		Short: "Give a node a module, so that it has it when an epoch asks for it",
		Example: `  bedrock executor add ledger.wasm --home /var/lib/bedrock
  bedrock executor add ledger.wasm --admin http://127.0.0.1:7602`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			wasm, err := readFile(cmd, args[0], maxModuleBytes)
			if err != nil {
				return err
			}
			var report executor.Report
			switch {
			case (home == "") == (admin == ""):
				return errors.New("say where the module goes: --home H of a node that is stopped, or --admin URL of one that runs")
			case home != "":
				report, err = addToHome(home, wasm)
			default:
				report, err = addByAdmin(cmd, admin, wasm)
			}
			if err != nil {
				return err
			}
			return showVerdict(cmd, &report)
		},
	}
	cmd.Flags().StringVar(&home, "home", "", "home of a node")
	cmd.Flags().StringVar(&admin, "admin", "", "admin service of a running node, http://127.0.0.1:7602")
	addOutputFlag(cmd)
	return cmd
}

func addToHome(home string, wasm []byte) (executor.Report, error) {
	cfg, _, err := config.Load(home, nil)
	if err != nil {
		return executor.Report{}, err
	}
	engine, err := executor.NewEngine(executor.Options{})
	if err != nil {
		return executor.Report{}, err
	}
	report := engine.Inspect(wasm)
	if !report.Accepted {
		return report, nil
	}
	store, err := executor.OpenStore(filepath.Join(cfg.Dirs.Data, modulesName), engine, nil)
	if err != nil {
		return report, err
	}
	_, err = store.Add(wasm)
	return report, err
}

func addByAdmin(cmd *cobra.Command, url string, wasm []byte) (executor.Report, error) {
	res, err := nodev1connect.NewAdminServiceClient(http.DefaultClient, url).
		AddExecutor(cmd.Context(), connect.NewRequest(&nodev1.AddExecutorRequest{Module: wasm}))
	if err != nil {
		return executor.Report{}, unreachable(url, err)
	}
	return verdictReport(res.Msg.Verdict), nil
}
