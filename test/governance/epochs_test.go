package governance_test

import (
	"crypto/ed25519"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

var epochsFlag = flag.Int("epochs", 4, "changes of the set one after another in TestManyEpochs")

// awayFor is how many epochs a validator that was cut off misses.
const awayFor = 2

// TestManyEpochs changes powers again and again under load, while one validator is
// cut off or dead; it comes back two epochs later and follows by certificates.
func TestManyEpochs(t *testing.T) {
	for _, scheme := range schemes("bls12381") {
		t.Run(scheme, func(t *testing.T) { manyEpochs(t, scheme, *epochsFlag) })
	}
}

func manyEpochs(t *testing.T, scheme string, epochs int) {
	c := &chain{network(t, devnet.Options{Scheme: scheme, Validators: 5})}
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	load := c.Send(w, firstSender, senders, trafficRate, 0, 1)
	c.Wait("transfers are final", func() (bool, string) { return load.Final() > 20, "" })

	began := c.Status(0).Epoch
	timer := time.Duration(c.Timing.BaseMs) * time.Millisecond
	var longest time.Duration
	together, done := 0, uint64(0)
	for round := 0; done < uint64(epochs); round++ {
		away := 2 + round%3 // powers of the others change: a quorum is always there
		back := c.cutOff(away, round%2 == 0)
		for range awayFor {
			w.Pause()
			before := c.Status(0).Epoch
			if c.changePowers(w, before) {
				together++
			}
			made := max(1, c.Status(0).Epoch-before)
			done += made
			pause := w.Pause()
			longest = max(longest, pause)
			if bound := time.Duration(5*made) * timer; pause > bound {
				t.Errorf("finality stood still for %s at the change to epoch %d, bound %s", pause, before+made, bound)
			}
		}
		back()
		c.WaitSigning(away)
		c.WaitHeight(c.height(), away)
		if s, now := c.Status(away), c.Status(0); s.Epoch+1 < now.Epoch {
			t.Errorf("node%d is back in epoch %d, the others in %d", away, s.Epoch, now.Epoch)
		}
	}
	if together == 0 {
		t.Error("no two changes were in one block")
	}
	c.lost(scheme, 4)
	load.Stop()
	load.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
	t.Logf("%d epochs from %d on, %d with two changes in one block; finality stood still for %s at most, of view timers of %s; %d transfers final, p99 %s",
		done, began, together, longest.Round(time.Millisecond), timer, load.Final(), load.Quantile(0.99).Round(time.Millisecond))
}

// cutOff takes a validator away: it is stopped in its tracks, or killed. It answers
// what brings it back.
func (c *chain) cutOff(i int, frozen bool) (back func()) {
	c.Helper()
	if !frozen {
		c.Kill(i)
		return func() { c.Start(i) }
	}
	pid := c.Net.Nodes[i].PID()
	signal := func(s syscall.Signal) {
		if err := syscall.Kill(pid, s); err != nil {
			c.Errorf("signal node%d: %v", i, err)
		}
	}
	signal(syscall.SIGSTOP)
	return func() { signal(syscall.SIGCONT) }
}

// changePowers sends two changes at once, paid by two accounts, and waits until both
// are made and the next epoch has a final block; whether one block made both.
func (c *chain) changePowers(w *fleet.Told, epoch uint64) (together bool) {
	c.Helper()
	keys, err := c.Keys.AuthorityKeys()
	if err != nil {
		c.Fatal(err)
	}
	var heights []uint64
	var hashes []types.Hash
	for k := range 2 {
		pays := c.account(payer + k)
		name := ledger.ValidatorName(c.identity(k))
		power := c.validator(name).Power%2 + 1
		hashes = append(hashes, c.submit(pays, weigh(name, power), keys...))
	}
	for _, hash := range hashes {
		select {
		case <-w.Await(hash):
		case <-time.After(fleet.Patience):
			c.Fatalf("a change of power is not final in epoch %d", epoch)
		}
		heights = append(heights, w.HeightOf(hash))
	}
	c.Wait("the next epoch has a final block", func() (bool, string) {
		n, e := c.epoch()
		return n > epoch && c.height() >= e.FirstHeight, fmt.Sprint(n)
	})
	return heights[0] == heights[1]
}

// submit gives a transaction of the authority to node0.
func (c *chain) submit(pays ed25519.PrivateKey, op ledger.Operation, keys ...ed25519.PrivateKey) types.Hash {
	c.Helper()
	tx, err := ledger.SignAuthority(pays, c.body(pays, op, 0), keys...)
	if err != nil {
		c.Fatal(err)
	}
	if _, err := c.Clients[0].Submit(c.Context(), tx); err != nil {
		c.Fatal(err)
	}
	return ledger.Hash(tx)
}

// lost takes a signer volume away for good: what is made in its place is another
// instance, silent until its owner rotates the validator to it. (A takeover.)
func (c *chain) lost(scheme string, i int) {
	c.Helper()
	old := c.identity(i)
	name := ledger.ValidatorName(old)
	c.Kill(i)
	if err := os.RemoveAll(filepath.Join(c.Net.Nodes[i].Home, "signer")); err != nil {
		c.Fatal(err)
	}
	c.cli("identity", "init", "--scheme", scheme, "--home", c.Net.Nodes[i].Home)
	c.Start(i)
	if reason := c.silent(i); reason == "" {
		c.Error("the new instance does not say why it is silent")
	} else {
		c.Logf("the instance on a new volume: %s", reason)
	}
	c.WaitHeight(c.height(), i)
	rotation, until := c.rotationOf(i, name)
	c.mustDo(c.owner(i), rotation, until)
	c.waitMember("the new instance has its place", name, func(m *ledger.Member) bool { return m != nil && m.Identity == c.identity(i) })
	c.WaitSigning(i)
	if c.identity(i) == old {
		c.Error("the lost identity came back")
	}
}
