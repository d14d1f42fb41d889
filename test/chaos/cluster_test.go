package chaos_test

import (
	"context"
	"errors"
	"fmt"
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
)

// patience bounds a wait for what must happen: far above what a quiet machine
// needs, since other tests may run beside.
const patience = 2 * time.Minute

// pollEvery is how often a condition is looked at.
const pollEvery = 20 * time.Millisecond

// cluster is a network under test.
type cluster struct {
	*testing.T
	net     *devnet.Network
	dir     string
	trust   client.Trust
	timing  genesis.Timing
	keys    *home.Accounts
	clients []*client.Client
	votes   *voteBook

	mu     sync.Mutex
	deaths map[string]error // by name: of nodes that ended unasked
	doomed string           // the node that may do so
}

// newCluster makes the homes of a network; nothing runs yet. At its end all
// processes are ended and the vote logs of all are compared.
func newCluster(t *testing.T, opt devnet.Options) *cluster {
	t.Helper()
	c := &cluster{T: t, dir: filepath.Join(t.TempDir(), "net"), deaths: map[string]error{}, votes: newVoteBook()}
	opt.Binary, opt.Dir, opt.ChainID, opt.FirstHost = bedrock, c.dir, "chaos", *hostFlag
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
	if c.net, err = devnet.Prepare(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(c.net.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	c.trust, c.timing = client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}, g.Timing
	if c.keys, err = home.LoadAccounts(filepath.Join(c.dir, home.AccountsName)); err != nil {
		t.Fatal(err)
	}
	for i := range c.net.Nodes {
		one, err := client.New(c.net.RPC(i), client.Options{Trust: c.trust, Timeout: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		c.clients = append(c.clients, one)
	}
	t.Cleanup(c.finish)
	return c
}

func (c *cluster) finish() {
	for i, p := range c.net.Nodes {
		if err := c.death(i); err != nil {
			c.Errorf("%s ended by itself: %v", p.Name, err)
		}
	}
	if c.Failed() {
		c.Log(c.lastWords())
	}
	if err := c.net.Stop(); err != nil {
		c.Error(err)
	}
	for i := range c.net.Nodes {
		c.keepVotes(i)
	}
}

// lastWords are the ends of all logs.
func (c *cluster) lastWords() string {
	var b strings.Builder
	for _, p := range c.net.Nodes {
		fmt.Fprintf(&b, "--- %s (running: %t)\n%s\n", p.Name, p.Running(), p.LastLines(12))
	}
	return b.String()
}

// wait waits until done answers true; its text says how far it is.
func (c *cluster) wait(what string, done func() (bool, string)) {
	c.Helper()
	deadline := time.NewTimer(patience)
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
			c.Fatalf("waited %s for: %s; at last: %s", patience, what, last)
		}
	}
}

// allLive fails if a node ended that nobody expects to.
func (c *cluster) allLive(what string) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, err := range c.deaths {
		if name != c.doomed {
			c.Fatalf("%s ended by itself (%v), waiting for: %s", name, err, what)
		}
	}
}

// mayDie expects a node to end by itself, until forgetDeath.
func (c *cluster) mayDie(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = c.net.Nodes[i].Name
}

func (c *cluster) startAll() {
	c.Helper()
	if err := c.net.StartAll(); err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) start(i int) {
	c.Helper()
	if err := c.net.Start(i); err != nil {
		c.Fatal(err)
	}
}

// kill ends nodes with SIGKILL, at one instant, and keeps their vote logs.
func (c *cluster) kill(nodes ...int) {
	c.Helper()
	if err := c.net.Kill(nodes...); err != nil {
		c.Fatal(err)
	}
	for _, i := range nodes {
		c.keepVotes(i)
	}
}

func (c *cluster) all() []int {
	list := make([]int, len(c.net.Nodes))
	for i := range list {
		list[i] = i
	}
	return list
}

// status is what a node says of itself, nil while it does not answer.
func (c *cluster) status(i int) *nodev1.GetStatusResponse {
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
	defer cancel()
	s, err := c.clients[i].Status(ctx)
	if err != nil {
		return nil
	}
	return s
}

// waitSigning waits until nodes answer and may sign.
func (c *cluster) waitSigning(nodes ...int) {
	c.Helper()
	for _, i := range nodes {
		c.wait(fmt.Sprintf("node%d signs", i), func() (bool, string) {
			s := c.status(i)
			if s == nil {
				return false, "it does not answer"
			}
			return s.Signing && !s.Syncing, fmt.Sprintf("height %d of %d, %s", s.FinalHeight, s.TargetHeight, s.NotSigningReason)
		})
	}
}

// death is how a node ended that nobody asked to.
func (c *cluster) death(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deaths[c.net.Nodes[i].Name]
}

// forgetDeath takes a node's end as dealt with.
func (c *cluster) forgetDeath(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.deaths, c.net.Nodes[i].Name)
	c.doomed = ""
}

// waitDeath waits until a node has ended by itself, and answers its exit code.
func (c *cluster) waitDeath(i int) int {
	c.Helper()
	var err error
	c.wait(fmt.Sprintf("node%d ends by itself", i), func() (bool, string) {
		err = c.death(i)
		return err != nil, "it runs"
	})
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	return exit.ExitCode()
}

// waitHeight waits until nodes have a final height.
func (c *cluster) waitHeight(height uint64, nodes ...int) {
	c.Helper()
	for _, i := range nodes {
		c.wait(fmt.Sprintf("node%d reaches height %d", i, height), func() (bool, string) {
			s := c.status(i)
			if s == nil {
				return false, "it does not answer"
			}
			return s.FinalHeight >= height, fmt.Sprintf("height %d, signing %t %s", s.FinalHeight, s.Signing, s.NotSigningReason)
		})
	}
}

// metrics are a node's samples whose name has the prefix, summed by name and
// labels as they stand in the text.
func (c *cluster) metrics(i int, prefix string) map[string]float64 {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.net.Ops(i)+"/metrics", nil)
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

// noConflict holds that no running node saw a conflict of any kind.
func (c *cluster) noConflict() {
	c.Helper()
	for i, p := range c.net.Nodes {
		if !p.Running() || c.status(i) == nil {
			continue
		}
		for name, v := range c.metrics(i, "bedrock_consensus_alarms_total") {
			if v > 0 && !strings.Contains(name, "views fail at the timer's cap") {
				c.Errorf("node%d: %s = %g", i, name, v)
			}
		}
	}
}
