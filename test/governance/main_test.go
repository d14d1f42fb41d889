package governance_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

var (
	hostFlag = flag.Int("first-host", 220, "x of the first node's address 127.0.0.x")
	allFlag  = flag.Bool("all", false, "everything under both signature schemes (default: most things under one, both somewhere)")
)

// schemes are those that a test runs under: its own, if it has one, and with -all
// both.
func schemes(own string) []string {
	if *allFlag {
		return []string{"ed25519", "bls12381"}
	}
	if own == "" {
		return nil
	}
	return []string{own}
}

var (
	bedrock string // the program under test
	liar    string // the same, built to sign twice when told to
)

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "governance:", err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "bedrock-governance-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if bedrock, err = fleet.Program(dir, ""); err != nil {
		return 1, err
	}
	if liar, err = fleet.Program(dir, "equivocate"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// network makes the homes of a network on this test's addresses.
func network(t *testing.T, opt devnet.Options) *fleet.Network {
	t.Helper()
	if opt.Binary == "" {
		opt.Binary = bedrock
	}
	opt.FirstHost = *hostFlag
	return fleet.New(t, opt)
}
