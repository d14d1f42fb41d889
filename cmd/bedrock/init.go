package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Bounds of files that are read.
const (
	maxModuleBytes   = 64 << 20
	maxAppStateBytes = 48 << 20
)

func newInitCommand() *cobra.Command {
	var o home.Options
	var join joinFlags
	var executorFile, appStateFile string
	cmd := &cobra.Command{
		Use:   "init (--chain-id C --validators N | --genesis G --peers P) --dir D",
		Short: "Make a network, or a home for a chain that exists",
		Long: `Makes D/genesis.json and the homes D/node0, D/node1, … Each home has config.yaml,
data/ (the chain volume) and signer/ (the signer volume: identity, keys, vote
log), which are two mounts in a pod.

With --accounts, that many accounts are funded, and their secrets lie in clear in
D/accounts.json: for networks whose coins are worth nothing. With --executor there are
none unless --accounts asks for them, and the module's state begins with {} or what
--app-state names.

Hosts are where validators listen; without --hosts they are 127.0.0.1, 127.0.0.2
and so on, for a network on one machine. Ports: 7600/udp between nodes, 7601 RPC,
7602 admin, 7603 probes and metrics.

With --genesis, D becomes one home for a chain that exists: of a full node, or of
a validator that will join ("bedrock tx validator join"). A signer volume that has
an identity already ("bedrock identity init") is taken as it is. Peers are not
discovered: name all validators where this one will be one.`,
		Example: `  bedrock init --chain-id try-it --validators 4 --dir net
  bedrock init --chain-id consortium --validators 4 --dir net --accounts 0 \
      --app-state ledger.json --hosts a.example,b.example,c.example,d.example --wide-area
  bedrock init --genesis genesis.json --peers 5e1f…@a.example:7600 --host e.example --dir /var/lib/bedrock`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := join.check(cmd)
			if err != nil {
				return err
			}
			if join.genesis != "" {
				return join.run(cmd, o.Dir, executorFile)
			}
			if o.Module, o.ExecutorHash, err = chooseModule(cmd, executorFile); err != nil {
				return err
			}
			if appStateFile != "" {
				if o.AppState, err = readFile(cmd, appStateFile, maxAppStateBytes); err != nil {
					return fmt.Errorf("--app-state: %w", err)
				}
				o.Accounts = 0
			} else if executorFile != "" && !cmd.Flags().Changed("accounts") {
				// What another state machine begins with is its own.
				o.AppState, o.Accounts = []byte("{}"), 0
			}
			o.Time = time.Now()
			n, err := home.Make(o)
			if err != nil {
				return fmt.Errorf("init: %w", err)
			}
			return show(cmd, n, func(w io.Writer) { printNetwork(w, n) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ChainID, "chain-id", "", "name of the chain: a-z, 0-9 and '-'")
	f.IntVar(&o.Validators, "validators", 4, "how many validators")
	f.StringVar(&o.Dir, "dir", "", "folder of the network, or the new home")
	f.StringVar(&o.Scheme, "scheme", "ed25519", "signature scheme: ed25519, or bls12381 above about 35 validators")
	f.StringSliceVar(&o.Hosts, "hosts", nil, "address of each validator, separated by commas")
	f.BoolVar(&o.WideArea, "wide-area", false, "timers for validators far from each other")
	f.StringVar(&executorFile, "executor", "", "executor module (default: the built-in one)")
	f.IntVar(&o.Accounts, "accounts", 1000, "how many accounts to fund")
	f.Uint64Var(&o.Balance, "balance", 1_000_000_000_000, "what each of them gets")
	f.StringVar(&appStateFile, "app-state", "", "state to begin with, as JSON, in place of --accounts")
	f.Uint64Var(&o.MaxBytes, "max-block-bytes", 2<<20, "most bytes of transactions in a block")
	f.Uint64Var(&o.MaxGas, "max-block-gas", 1_000_000_000, "most gas in a block")
	must(cmd.MarkFlagRequired("dir"))
	join.add(cmd)
	addOutputFlag(cmd)
	return cmd
}

// chooseModule answers the module's hash, and its bytes if it is not built in.
func chooseModule(cmd *cobra.Command, path string) ([]byte, types.Hash, error) {
	if path == "" {
		wasm, err := executor.Canonical()
		if err != nil {
			return nil, types.Hash{}, err
		}
		return nil, types.SumHash(wasm), nil
	}
	wasm, err := readFile(cmd, path, maxModuleBytes)
	if err != nil {
		return nil, types.Hash{}, fmt.Errorf("--executor: %w", err)
	}
	report, err := executor.Inspect(wasm)
	if err != nil {
		return nil, types.Hash{}, err
	}
	if !report.Accepted {
		return nil, types.Hash{}, fmt.Errorf("--executor: %s is not accepted: %s", path, report.Reason)
	}
	return wasm, types.SumHash(wasm), nil
}

func printNetwork(w io.Writer, n *home.Network) {
	fmt.Fprintf(w, "Made chain %s in %s\n  genesis hash   %s\n  executor hash  %s\n", n.ChainID, n.Dir, n.Hash, n.Executor)
	for _, node := range n.Nodes {
		fmt.Fprintf(w, "  %s at %s, identity %s\n", node.Home, node.Host, node.Identity.NetworkKey)
	}
	if len(n.Accounts) > 0 {
		fmt.Fprintf(w, "Funded accounts (secrets in clear in %s: for trying things out only):\n", home.AccountsName)
		for _, a := range n.Accounts {
			fmt.Fprintf(w, "  %s\n", a.Address)
		}
	}
	fmt.Fprintf(w, "Start a node with: bedrock start --home %s\n", n.Nodes[0].Home)
}
