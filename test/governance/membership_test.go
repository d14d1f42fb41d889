package governance_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
)

// TestMembership changes who the validators are, under load: one joins, powers
// change, one is rotated to a new instance beside the old one, a copied home is
// started beside its original, one leaves.
func TestMembership(t *testing.T) {
	for _, scheme := range schemes("ed25519") {
		t.Run(scheme, func(t *testing.T) { membership(t, scheme) })
	}
}

func membership(t *testing.T, scheme string) {
	c := govern(t, devnet.Options{Scheme: scheme})
	w := c.Follow(t.Context())
	load := c.Send(w, firstSender, senders, trafficRate, 0)
	c.Wait("transfers are final", func() (bool, string) { return load.Final() > 20, "" })

	full := c.newcomer("full")
	joined := c.join()
	c.reweigh(joined)
	old, fresh := c.rotate()
	c.copied()
	left := c.leave(joined)

	// Everybody has it all, whatever they were.
	before := load.Final()
	c.Wait("transfers go on", func() (bool, string) { return load.Final() > before+20, "" })
	load.Stop()
	load.Check()
	w.Hold(1, 0, 1, full, joined, fresh, left, old)
	c.NoConflict()
	c.proveOffline(joined)
}

// join makes a validator of a newcomer, by its owner and the authority.
func (c *chain) join() int {
	c.Helper()
	i := c.newcomer("validator")
	name := ledger.ValidatorName(c.identity(i))
	owner := c.account(newOwner)
	c.mustDo(owner, c.joinOf(i, owner), 0)
	if code, _ := c.decide(weigh(ledger.ID{1}, 1)); code != "no_such_validator" {
		c.Errorf("weighing a validator that nobody knows: %s", code)
	}
	c.Wait("its node says that it is ready", func() (bool, string) {
		v := c.validator(name)
		return v.Ready, v.Status.String()
	})
	c.mustDecide(weigh(name, 1))
	c.waitMember("it is in the set", name, func(m *ledger.Member) bool { return m != nil && m.Power == 1 })
	c.WaitSigning(i)
	return i
}

// reweigh changes powers.
func (c *chain) reweigh(joined int) {
	c.Helper()
	name := ledger.ValidatorName(c.identity(joined))
	c.mustDecide(weigh(name, 2))
	c.waitMember("its power is 2", name, func(m *ledger.Member) bool { return m != nil && m.Power == 2 })
	c.WaitSigning(0, 1, 2, 3, joined)
}

// rotate puts a new instance in node2's place while the old process runs: from the
// next epoch on the old one is silent.
func (c *chain) rotate() (old, fresh int) {
	c.Helper()
	old, fresh = 2, c.newcomer("validator")
	name := ledger.ValidatorName(c.identity(old))
	rotation, until := c.rotationOf(fresh, name)
	c.mustDo(c.owner(old), rotation, until)
	epoch := c.waitMember("the new instance has its place", name, func(m *ledger.Member) bool {
		return m != nil && m.Identity == c.identity(fresh)
	})
	c.WaitSigning(fresh)
	if reason := c.silent(old); reason == "" {
		c.Error("the old instance does not say why it is silent")
	} else {
		c.Logf("the old instance: %s", reason)
	}
	c.WaitHeight(c.height(), old) // it follows on
	was := c.identity(old)
	c.end(old)
	for _, key := range []string{"network.key", "consensus.key"} { // rule: key-deleted
		if _, err := os.Lstat(filepath.Join(c.Net.Nodes[old].Home, "signer", key)); !errors.Is(err, os.ErrNotExist) {
			c.Errorf("the old instance's %s is still there: %v", key, err)
		}
	}
	if newest := c.signedIn(old); newest >= epoch {
		c.Errorf("the old instance signed in epoch %d, it was rotated away from epoch %d on", newest, epoch)
	}
	c.Start(old)
	if reason := c.silent(old); reason == "" {
		c.Error("the old instance, started again, does not say why it is silent")
	}
	if c.identity(old) == was { // rule: identity-once
		c.Error("the kept volume goes on with the identity that was rotated away")
	}
	return old, fresh
}

// copied starts a copy of node1's home beside the original.
func (c *chain) copied() {
	c.Helper()
	i := c.newcomer("validator")
	c.end(i)
	place := filepath.Join(c.Net.Nodes[i].Home, "signer")
	if err := os.RemoveAll(place); err != nil {
		c.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", filepath.Join(c.Net.Nodes[1].Home, "signer"), place).CombinedOutput(); err != nil {
		c.Fatalf("copy the volume: %v\n%s", err, out)
	}
	was := c.identity(1)
	c.Start(i)
	reason := c.silent(i)
	c.Logf("the copy: %s", reason)
	if reason == "" {
		c.Error("the copy does not say why it is silent")
	}
	if c.identity(i) == was {
		c.Error("the copy took the original's identity")
	}
	c.WaitHeight(c.height(), i)
	c.end(i)
	if newest := c.signedIn(i); newest != 0 {
		c.Errorf("the copy signed in epoch %d", newest)
	}
}

// leave takes node3 out for good.
func (c *chain) leave(joined int) int {
	c.Helper()
	const left = 3
	name := ledger.ValidatorName(c.identity(left))
	c.mustDo(c.owner(left), ledger.Leave{Validator: name, Expected: c.identity(left)}, 0)
	c.waitMember("it is out of the set", name, func(m *ledger.Member) bool { return m == nil })
	if reason := c.silent(left); reason == "" {
		c.Error("who left does not say why it is silent")
	}
	// Three old ones and the newcomer remain: one less is refused.
	other := ledger.ValidatorName(c.identity(joined))
	owner := c.account(newOwner)
	leave := ledger.Leave{Validator: other, Expected: c.identity(joined)}
	if code, log := c.result(ledger.Sign(owner, c.body(owner, leave, 0))); code != "too_few_validators" {
		c.Errorf("leaving fewer than four: %s: %s", code, log)
	}
	return left
}

// end asks a node to end, waits for that and keeps its vote log.
func (c *chain) end(i int) {
	c.Helper()
	if err := c.Net.Nodes[i].End(syscall.SIGTERM); err != nil {
		c.Fatal(err)
	}
	c.KeepVotes(i)
}

// proveOffline reads a validator's row with its proof and verifies it with genesis
// alone, all nodes stopped.
func (c *chain) proveOffline(i int) {
	c.Helper()
	file := filepath.Join(c.TempDir(), "validator.proof")
	c.cli("query", "validators", ledger.ValidatorName(c.identity(i)).String(), "--prove", file)
	if err := c.Net.Stop(); err != nil {
		c.Fatal(err)
	}
	c.Logf("%s", c.cli("verify", "proof", file, "--genesis", c.Net.Genesis()))
}
