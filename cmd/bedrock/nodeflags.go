package main

import (
	"errors"
	"fmt"
	"os"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// Environment variables that stand for flags.
const (
	nodeEnv    = "BEDROCK_NODE"
	genesisEnv = "BEDROCK_GENESIS"
)

const defaultNode = "http://127.0.0.1:7601"

// nodeFlags say which node is asked, and what its answers are held against.
type nodeFlags struct{ node, genesis string }

func (f *nodeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.node, "node", "", "the node's RPC (default: $"+nodeEnv+", else "+defaultNode+")")
	cmd.Flags().StringVar(&f.genesis, "genesis", "", "genesis document that answers are verified against (default: $"+genesisEnv+", else the node's own, with a warning)")
	addOutputFlag(cmd)
}

func (f *nodeFlags) address() string {
	switch env := os.Getenv(nodeEnv); {
	case f.node != "":
		return f.node
	case env != "":
		return env
	}
	return defaultNode
}

// bare is the node's service, which verifies nothing.
func (f *nodeFlags) bare() (nodev1connect.NodeServiceClient, error) {
	return client.Connect(f.address(), nil)
}

// document is the genesis that is trusted.
func (f *nodeFlags) document(cmd *cobra.Command) (*genesis.Genesis, error) {
	path := f.genesis
	if path == "" {
		path = os.Getenv(genesisEnv)
	}
	if path != "" {
		return genesis.Load(path)
	}
	rpc, err := f.bare()
	if err != nil {
		return nil, err
	}
	res, err := rpc.GetGenesis(cmd.Context(), connect.NewRequest(&nodev1.GetGenesisRequest{}))
	if err != nil {
		return nil, unreachable(f.address(), err)
	}
	g, err := genesis.Parse(res.Msg.Document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.address(), err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "note: verified against the genesis that the node itself gave (%s); --genesis FILE names yours\n", g.Hash())
	return g, nil
}

// connect makes a client that verifies.
func (f *nodeFlags) connect(cmd *cobra.Command) (*client.Client, *genesis.Genesis, error) {
	g, err := f.document(cmd)
	if err != nil {
		return nil, nil, err
	}
	c, err := client.New(f.address(), client.Options{Trust: client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}})
	return c, g, err
}

// fromHome stands for --node and --genesis where a home is named: its own.
func (f *nodeFlags) fromHome(cfg *config.Config) {
	if f.genesis == "" && os.Getenv(genesisEnv) == "" {
		f.genesis = cfg.Genesis.File
	}
	if f.node == "" && os.Getenv(nodeEnv) == "" && cfg.RPC.Listen != "" {
		f.node = "http://" + cfg.RPC.Listen
		if cfg.RPC.TLSCertificate != "" {
			f.node = "https://" + cfg.RPC.Listen
		}
	}
}

func unreachable(address string, err error) error {
	var refused *connect.Error
	if errors.As(err, &refused) && refused.Code() == connect.CodeUnavailable {
		return fmt.Errorf("no node answers at %s: start one with `bedrock start` or `bedrock devnet`, or name another with --node: %w", address, err)
	}
	return fmt.Errorf("%s: %w", address, err)
}
