package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/types"
)

// joinFlags are those of `bedrock init --genesis`: a home for a chain that exists.
type joinFlags struct {
	genesis, role, moniker, host string
	peers, marks                 []string
}

func (f *joinFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.genesis, "genesis", "", "genesis document of a chain that exists: make one home for it in --dir")
	flags.StringSliceVar(&f.peers, "peers", nil, "with --genesis: nodes to dial, NETWORK_KEY@HOST:PORT, separated by commas; of a validator: all other validators")
	flags.StringVar(&f.role, "role", "validator", "with --genesis: validator (one that will join, too) or full")
	flags.StringVar(&f.moniker, "moniker", "", "with --genesis: name of the node for people")
	flags.StringVar(&f.host, "host", "", "with --genesis: address that others reach the node at")
	flags.StringSliceVar(&f.marks, "mark", nil, "with --genesis: what the signer volume is mounted as (UIDs of volume and cluster)")
}

// networkOnly are the flags that make a new chain.
var networkOnly = []string{"chain-id", "validators", "scheme", "hosts", "wide-area", "accounts", "balance", "app-state", "max-block-bytes", "max-block-gas"}

// check refuses flags of a new chain beside those of an existing one.
func (f *joinFlags) check(cmd *cobra.Command) error {
	if f.genesis == "" {
		for _, name := range []string{"peers", "role", "moniker", "host", "mark"} {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s is about a home for a chain that exists: name its genesis document with --genesis", name)
			}
		}
		if !cmd.Flags().Changed("chain-id") {
			return errors.New("--chain-id C makes a new network, --genesis G a home for a chain that exists: give one")
		}
		return nil
	}
	for _, name := range networkOnly {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s makes a new chain and --genesis joins one that exists: give one of them", name)
		}
	}
	return nil
}

// joined is what is printed of a new home.
type joined struct {
	home.Node
	ChainID string     `json:"chain_id"`
	Hash    types.Hash `json:"genesis_hash"`
	Role    string     `json:"role"`
}

func (f *joinFlags) run(cmd *cobra.Command, dir, executorFile string) error {
	g, err := genesis.Load(f.genesis)
	if err != nil {
		return err
	}
	o := home.JoinOptions{Dir: dir, Genesis: g, Moniker: f.moniker, Role: f.role, Host: f.host, Peers: f.peers, Marks: f.marks}
	if o.Module, err = f.module(cmd, g, executorFile); err != nil {
		return err
	}
	n, err := home.Join(o)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	r := joined{n, g.ChainID, g.Hash(), f.role}
	return show(cmd, r, func(w io.Writer) {
		fmt.Fprintf(w, "Made a home of chain %s in %s\n  genesis hash  %s\n  identity      %s\nStart it with: bedrock start --home %s\n", r.ChainID, r.Home, r.Hash, r.Identity.NetworkKey, r.Home)
		if r.Role == "validator" {
			fmt.Fprintf(w, "It follows the chain. To make it a validator, its owner runs: bedrock tx validator join --home %s --key OWNER.json\n", r.Home)
		}
	})
}

// module is the executor of epoch 1, where the program does not have it built in.
func (f *joinFlags) module(cmd *cobra.Command, g *genesis.Genesis, path string) ([]byte, error) {
	if path == "" {
		wasm, err := executor.Canonical()
		if err == nil && types.SumHash(wasm) != g.ExecutorHash {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: the chain began with executor %s, which this program does not have built in: the node asks its peers for it, or give it with --executor FILE.wasm\n", g.ExecutorHash)
		}
		return nil, err
	}
	wasm, hash, err := chooseModule(cmd, path)
	if err == nil && hash != g.ExecutorHash {
		err = fmt.Errorf("--executor: %s has the hash %s, the chain began with %s", path, hash, g.ExecutorHash)
	}
	return wasm, err
}
