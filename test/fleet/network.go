package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/test/votebook"
)

// Patience bounds a wait for what must happen: far above what a quiet machine
// needs, since other tests may run beside.
const Patience = 2 * time.Minute

// pollEvery is how often a condition is looked at.
const pollEvery = 20 * time.Millisecond

// Network is a network under test: its processes, a verifying client of each, and
// a book of all that any of its identities was ever on record as having signed.
type Network struct {
	*testing.T
	Net     *devnet.Network
	Dir     string
	Trust   client.Trust
	Timing  genesis.Timing
	Keys    *home.Accounts
	Clients []*client.Client
	// Evidence says that validators may be shown to have signed twice here: blocks
	// with evidence are no failure.
	Evidence bool

	votes *votebook.Book

	mu     sync.Mutex
	deaths map[string]error // by name: of nodes that ended unasked
	doomed string           // the node that may do so
}

// New makes the homes of a network (Binary and FirstHost must be given; Dir is a new
// folder where it is empty), or takes up those that Dir holds; nothing is started. At
// the test's end all processes started here are ended, and the vote logs of all that
// ever ran are compared: who runs nodes of them beside ends those before.
func New(t *testing.T, opt devnet.Options) *Network {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = filepath.Join(t.TempDir(), "net")
	}
	c := &Network{T: t, Dir: opt.Dir, deaths: map[string]error{}, votes: votebook.New()}
	opt.ChainID = "test"
	if opt.Validators == 0 {
		opt.Validators = 4
	}
	opt.OnDeath = func(p *devnet.Process, err error) {
		if err == nil {
			err = errors.New("exit status 0")
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.deaths[p.Name] = err
	}
	var err error
	if c.Net, err = devnet.Prepare(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(c.Net.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	c.Trust, c.Timing = client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}, g.Timing
	c.Keys, err = home.LoadAccounts(filepath.Join(c.Dir, home.AccountsName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // another state machine has none
		t.Fatal(err)
	}
	for range c.Net.Nodes {
		c.addClient()
	}
	t.Cleanup(c.finish)
	return c
}

// addClient makes the client of the next node.
func (c *Network) addClient() {
	c.Helper()
	one, err := client.New(c.Net.RPC(len(c.Clients)), client.Options{Trust: c.Trust, Timeout: 20 * time.Second})
	if err != nil {
		c.Fatal(err)
	}
	c.Clients = append(c.Clients, one)
}

// Add takes up a further home, made as D/nodeN for the next N with the address
// of that node, and answers N. It does not run yet.
func (c *Network) Add() int {
	c.Helper()
	if err := c.Net.Find(); err != nil {
		c.Fatal(err)
	}
	for len(c.Clients) < len(c.Net.Nodes) {
		c.addClient()
	}
	return len(c.Net.Nodes) - 1
}

func (c *Network) finish() {
	for i, p := range c.Net.Nodes {
		if err := c.Death(i); err != nil {
			c.Errorf("%s ended by itself: %v", p.Name, err)
		}
	}
	if c.Failed() {
		c.Log(c.LastWords())
	}
	if err := c.Net.Stop(); err != nil {
		c.Error(err)
	}
	for i := range c.Net.Nodes {
		c.KeepVotes(i)
	}
}

// LastWords are the ends of all logs.
func (c *Network) LastWords() string {
	var b strings.Builder
	for _, p := range c.Net.Nodes {
		fmt.Fprintf(&b, "--- %s (running: %t)\n%s\n", p.Name, p.Running(), p.LastLines(12))
	}
	return b.String()
}

// Wait waits until done answers true; its text says how far it is.
func (c *Network) Wait(what string, done func() (bool, string)) {
	c.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		ok, last := done()
		if ok {
			return
		}
		c.allLive(what)
		select {
		case <-poll.C:
		case <-deadline.C:
			c.Fatalf("waited %s for: %s; at last: %s", Patience, what, last)
		}
	}
}

// allLive fails if a node ended that nobody expects to.
func (c *Network) allLive(what string) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, err := range c.deaths {
		if name != c.doomed {
			c.Fatalf("%s ended by itself (%v), waiting for: %s", name, err, what)
		}
	}
}

// MayDie expects a node to end by itself, until ForgetDeath.
func (c *Network) MayDie(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = c.Net.Nodes[i].Name
}

// StartAll starts every node that does not run.
func (c *Network) StartAll() {
	c.Helper()
	if err := c.Net.StartAll(); err != nil {
		c.Fatal(err)
	}
}

// Start starts one node.
func (c *Network) Start(i int) {
	c.Helper()
	if err := c.Net.Start(i); err != nil {
		c.Fatal(err)
	}
}

// Kill ends nodes with SIGKILL, at one instant, and keeps their vote logs.
func (c *Network) Kill(nodes ...int) {
	c.Helper()
	if err := c.Net.Kill(nodes...); err != nil {
		c.Fatal(err)
	}
	for _, i := range nodes {
		c.KeepVotes(i)
	}
}

// All are the indices of all nodes.
func (c *Network) All() []int {
	list := make([]int, len(c.Net.Nodes))
	for i := range list {
		list[i] = i
	}
	return list
}

// Status is what a node says of itself, nil while it does not answer.
func (c *Network) Status(i int) *nodev1.GetStatusResponse {
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
	defer cancel()
	s, err := c.Clients[i].Status(ctx)
	if err != nil {
		return nil
	}
	return s
}

// WaitSigning waits until nodes answer and may sign.
func (c *Network) WaitSigning(nodes ...int) {
	c.Helper()
	for _, i := range nodes {
		c.Wait(fmt.Sprintf("node%d signs", i), func() (bool, string) {
			s := c.Status(i)
			if s == nil {
				return false, "it does not answer"
			}
			return s.Signing && !s.Syncing, fmt.Sprintf("height %d of %d, %s", s.FinalHeight, s.TargetHeight, s.NotSigningReason)
		})
	}
}

// Death is how a node ended that nobody asked to.
func (c *Network) Death(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deaths[c.Net.Nodes[i].Name]
}

// ForgetDeath takes a node's end as dealt with.
func (c *Network) ForgetDeath(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.deaths, c.Net.Nodes[i].Name)
	c.doomed = ""
}

// WaitDeath waits until a node has ended by itself, and answers its exit code.
func (c *Network) WaitDeath(i int) int {
	c.Helper()
	var err error
	c.Wait(fmt.Sprintf("node%d ends by itself", i), func() (bool, string) {
		err = c.Death(i)
		return err != nil, "it runs"
	})
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	return exit.ExitCode()
}

// WaitHeight waits until nodes have a final height.
func (c *Network) WaitHeight(height uint64, nodes ...int) {
	c.Helper()
	for _, i := range nodes {
		c.Wait(fmt.Sprintf("node%d reaches height %d", i, height), func() (bool, string) {
			s := c.Status(i)
			if s == nil {
				return false, "it does not answer"
			}
			return s.FinalHeight >= height, fmt.Sprintf("height %d, signing %t %s", s.FinalHeight, s.Signing, s.NotSigningReason)
		})
	}
}

// Metrics are a node's samples whose name has the prefix, summed by name and
// labels as they stand in the text.
func (c *Network) Metrics(i int, prefix string) map[string]float64 {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.Net.Ops(i)+"/metrics", nil)
	if err != nil {
		c.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Fatalf("metrics of node%d: %v", i, err)
	}
	body, err := readAll(res)
	if err != nil {
		c.Fatalf("metrics of node%d: %v", i, err)
	}
	out := map[string]float64{}
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if err != nil {
			c.Fatalf("metrics of node%d: %q: %v", i, line, err)
		}
		out[line[:at]] = v
	}
	return out
}

// NoConflict holds that no running node saw a conflict of any kind.
func (c *Network) NoConflict() {
	c.Helper()
	for i, p := range c.Net.Nodes {
		if !p.Running() || c.Status(i) == nil {
			continue
		}
		for name, v := range c.Metrics(i, "bedrock_consensus_alarms_total") {
			if v > 0 && !strings.Contains(name, "views fail at the timer's cap") {
				c.Errorf("node%d: %s = %g", i, name, v)
			}
		}
	}
}
