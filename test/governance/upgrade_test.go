package governance_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/modules"
)

// TestUpgrade replaces the executor of a loaded chain: while half of the power
// lacks the module it lapses; once all have it, it is active from one height on
// without a restart, and migrates the state over several blocks.
func TestUpgrade(t *testing.T) {
	for _, scheme := range schemes("bls12381") {
		t.Run(scheme, func(t *testing.T) { upgrade(t, scheme) })
	}
}

func upgrade(t *testing.T, scheme string) {
	path := modules.Build(t, modules.LedgerNext)
	next := hashOf(t, path)
	c := &chain{network(t, devnet.Options{Scheme: scheme, Env: []string{"BEDROCK_EXECUTOR_FETCH=false"}})}
	// node1 brings it from node0.
	c.Net.Nodes[1].Env = []string{"BEDROCK_EXECUTOR_FETCH=true"}
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	load := c.Send(w, firstSender, senders, trafficRate, 0, 1, 2, 3)
	c.Wait("transfers are final", func() (bool, string) { return load.Final() > 20, "" })
	pids := c.pids()

	c.addModule(path, 0)
	until := c.height() + 400
	c.schedule(next, until)
	c.Wait("node0 and node1 are ready", func() (bool, string) {
		u := c.scheduled()
		return u != nil && len(u.Ready) == 2, fmt.Sprintf("%+v", u)
	})
	c.Wait("it lapses", func() (bool, string) { return c.scheduled() == nil, fmt.Sprint(c.height(), " of ", until) })
	if n, e := c.epoch(); e.Executor == next {
		t.Fatalf("epoch %d runs a module that half of the power lacks", n)
	}

	c.addModule(path, 2, 3)
	c.schedule(next, c.height()+100_000)
	active := c.waitExecutor(next)
	c.Wait("the state is migrated", func() (bool, string) {
		return c.schema(0) == 2, fmt.Sprintf("schema %d at height %d", c.schema(0), c.height())
	})
	if got := c.schema(active.FirstHeight); got != 1 {
		t.Errorf("schema %d right after the first block of the epoch: it was to be migrated over several blocks", got)
	}
	before := load.Final()
	c.Wait("transfers go on", func() (bool, string) { return load.Final() > before+20, "" })
	if got := c.pids(); fmt.Sprint(got) != fmt.Sprint(pids) {
		t.Errorf("processes %v, they began as %v", got, pids)
	}
	load.Stop()
	load.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
}

// TestRevert schedules a module that fails every block once it is active: the
// chain goes back to the former one by itself. (With -all; node's own tests revert one
// in a process.)
func TestRevert(t *testing.T) {
	for _, scheme := range schemes("") {
		t.Run(scheme, func(t *testing.T) { revert(t, scheme) })
	}
}

func revert(t *testing.T, scheme string) {
	path := modules.Build(t, modules.LedgerTrapLater)
	trap := hashOf(t, path)
	c := govern(t, devnet.Options{Scheme: scheme})
	w := c.Follow(t.Context())
	load := c.Send(w, firstSender, senders, trafficRate, 0, 1, 2, 3)
	c.Wait("transfers are final", func() (bool, string) { return load.Final() > 20, "" })
	_, former := c.epoch()
	number := c.Status(0).Epoch

	c.addModule(path, 0)
	c.schedule(trap, c.height()+100_000)
	c.Wait("the module fails, and its epoch is over", func() (bool, string) {
		s := c.Status(0)
		if s == nil {
			return false, "it does not answer"
		}
		return s.Epoch == number+2, fmt.Sprintf("epoch %d, height %d", s.Epoch, s.FinalHeight)
	})
	failed := w.FailedBlocks()
	before := load.Final()
	c.Wait("transfers go on", func() (bool, string) { return load.Final() > before+20, fmt.Sprint(load.Final()) })
	n, e := c.epoch()
	if e.Executor != former.Executor || n != number+2 {
		t.Errorf("epoch %d runs %s, the former one is %s", n, e.Executor, former.Executor)
	}
	t.Logf("failed blocks with transactions: %v; epoch %d begins at height %d", failed, n, e.FirstHeight)
	load.Stop()
	load.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
}

func hashOf(t *testing.T, path string) ledger.ID {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// addModule gives running nodes a module through their admin services.
func (c *chain) addModule(path string, nodes ...int) {
	c.Helper()
	for _, i := range nodes {
		c.cli("executor", "add", path, "--admin", "http://"+c.Net.Host(i)+":7602")
	}
}

// schedule plans a module for the next ready block up to a height.
func (c *chain) schedule(module ledger.ID, until uint64) {
	c.Helper()
	c.mustDecide(ledger.Schedule{Executor: module, Engine: 1, NotBefore: c.height() + 20, NotAfter: until})
}

// scheduled is what is planned; nil: nothing.
func (c *chain) scheduled() *ledger.Upgrade {
	c.Helper()
	s := c.query("upgrade", 0, ledger.UpgradeKey())
	if s.Absent {
		return nil
	}
	u, err := ledger.DecodeUpgrade(s.Value)
	if err != nil {
		c.Fatal(err)
	}
	return &u
}

// schema is the schema number of the state at a height; 0: the newest.
func (c *chain) schema(height uint64) uint32 {
	c.Helper()
	s := c.query("schema", height, []byte{0x06})
	if len(s.Value) != 4 {
		c.Fatalf("the row of the schema number has %d bytes", len(s.Value))
	}
	return binary.LittleEndian.Uint32(s.Value)
}

// waitExecutor waits for an epoch that runs a module.
func (c *chain) waitExecutor(module ledger.ID) ledger.Epoch {
	c.Helper()
	var epoch ledger.Epoch
	c.Wait("the module is active", func() (bool, string) {
		n, e := c.epoch()
		epoch = e
		return e.Executor == module, fmt.Sprintf("epoch %d runs %s; planned: %+v", n, e.Executor, c.scheduled())
	})
	return epoch
}

func (c *chain) pids() []int {
	var list []int
	for _, p := range c.Net.Nodes {
		list = append(list, p.PID())
	}
	return list
}
