package governance_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// Accounts of a network that have tasks here; traffic comes from others.
const (
	payer       = 40  // of what the authority signs
	newOwner    = 50  // owns who joins
	firstSender = 100 // of the traffic
	senders     = 20
	trafficRate = 40 // transfers a second
)

// chain is a network that is governed: by the program's own commands.
type chain struct{ *fleet.Network }

// govern starts a network of four validators.
func govern(t *testing.T, opt devnet.Options) *chain {
	t.Helper()
	c := &chain{network(t, opt)}
	c.StartAll()
	c.WaitSigning(c.All()...)
	return c
}

// cli runs a command of the program against node0 and answers what it printed.
func (c *chain) cli(args ...string) string {
	c.Helper()
	out, err := c.try(args...)
	if err != nil {
		c.Fatalf("bedrock %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (c *chain) try(args ...string) (string, error) {
	cmd := exec.CommandContext(c.Context(), bedrock, args...)
	cmd.Env = append(os.Environ(), "BEDROCK_NODE="+c.Net.RPC(0), "BEDROCK_GENESIS="+c.Net.Genesis())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		return out.String() + errs.String(), err
	}
	return out.String(), nil
}

// newcomer makes a home for this chain, starts its node, and waits until it has
// what the others have.
func (c *chain) newcomer(role string) int {
	c.Helper()
	i := len(c.Net.Nodes)
	var peers []string
	for k := range 4 {
		peers = append(peers, fmt.Sprintf("%s@%s:7600", c.record(k).NetworkKey, c.Net.Host(k)))
	}
	c.cli("init", "--genesis", c.Net.Genesis(), "--peers", strings.Join(peers, ","), "--role", role,
		"--host", c.Net.Host(i), "--moniker", fmt.Sprintf("node%d", i), "--dir", filepath.Join(c.Dir, fmt.Sprintf("node%d", i)))
	if got := c.Add(); got != i {
		c.Fatalf("the newcomer is node%d, not node%d", got, i)
	}
	c.Start(i)
	c.WaitHeight(c.height(), i)
	return i
}

func (c *chain) record(i int) signer.Record {
	c.Helper()
	r, err := signer.ReadRecord(filepath.Join(c.Net.Nodes[i].Home, "signer"))
	if err != nil {
		c.Fatal(err)
	}
	return r
}

func (c *chain) identity(i int) ledger.ID {
	c.Helper()
	id, err := ledger.ParseID(c.record(i).NetworkKey)
	if err != nil {
		c.Fatal(err)
	}
	return id
}

// height is node0's.
func (c *chain) height() uint64 {
	c.Helper()
	var height uint64
	c.Wait("node0 answers", func() (bool, string) {
		s := c.Status(0)
		if s != nil {
			height = s.FinalHeight
		}
		return s != nil, ""
	})
	return height
}

// query reads one row with its proof; height 0: the newest.
func (c *chain) query(path string, height uint64, key []byte) *client.State {
	c.Helper()
	s, err := c.Clients[0].Query(c.Context(), path, nil, height, key)
	if err != nil {
		c.Fatal(err)
	}
	return s
}

// validator is a row of the ledger, proven.
func (c *chain) validator(name ledger.ID) ledger.Validator {
	c.Helper()
	s := c.query("validator/"+name.String(), 0, ledger.ValidatorKey(name))
	v, err := ledger.DecodeValidator(s.Value)
	if err != nil {
		c.Fatal(err)
	}
	return v
}

// epoch is the epoch that executes, by its row.
func (c *chain) epoch() (uint64, ledger.Epoch) {
	c.Helper()
	s := c.query("epochs", 0, ledger.EpochsKey())
	now, err := ledger.DecodeEpochs(s.Value)
	if err != nil {
		c.Fatal(err)
	}
	s = c.query(fmt.Sprintf("epoch/%d", now.Number), 0, ledger.EpochKey(now.Number))
	e, err := ledger.DecodeEpoch(s.Value)
	if err != nil {
		c.Fatal(err)
	}
	return now.Number, e
}

// member is what an epoch says of a validator; nil: it is not in the set.
func member(e *ledger.Epoch, name ledger.ID) *ledger.Member {
	for i := range e.Members {
		if e.Members[i].Validator == name {
			return &e.Members[i]
		}
	}
	return nil
}

// waitMember waits for an epoch in which done holds of a validator's place.
func (c *chain) waitMember(what string, name ledger.ID, done func(*ledger.Member) bool) uint64 {
	c.Helper()
	var number uint64
	c.Wait(what, func() (bool, string) {
		n, e := c.epoch()
		number = n
		m := member(&e, name)
		return done(m), fmt.Sprintf("epoch %d of %d validators, its place: %+v", n, len(e.Members), m)
	})
	return number
}

// silent waits until a node says that it does not sign, and gives its reason.
func (c *chain) silent(i int) string {
	c.Helper()
	var reason string
	c.Wait(fmt.Sprintf("node%d does not sign", i), func() (bool, string) {
		s := c.Status(i)
		if s == nil {
			return false, "it does not answer"
		}
		reason = s.NotSigningReason
		return !s.Signing, ""
	})
	return reason
}

// signedIn is the newest epoch in which a stopped node has a vote on record.
func (c *chain) signedIn(i int) uint64 {
	c.Helper()
	_, in := c.Inspect(i)
	var newest uint64
	for k := range in.Records {
		if s := &in.Records[k].State; s.VotedView > 0 || s.CommitView > 0 || s.TimeoutView > 0 {
			newest = max(newest, s.Epoch)
		}
	}
	return newest
}
