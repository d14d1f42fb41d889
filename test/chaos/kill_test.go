package chaos_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/devnet"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// lastVote is the newest height at which a node saw another one's commit vote.
func (c *cluster) lastVote(at, of int) uint64 {
	c.Helper()
	res, err := c.clients[at].RPC().ListValidators(c.Context(), connect.NewRequest(&nodev1.ListValidatorsRequest{}))
	if err != nil {
		c.Fatalf("validators of node%d: %v", at, err)
	}
	for _, v := range res.Msg.Validators {
		if v.Moniker == c.net.Nodes[of].Name {
			return v.LastVoteHeight
		}
	}
	c.Fatalf("node%d knows of no validator node%d", at, of)
	return 0
}

// flows waits until traffic flows: some transfers more are final.
func (c *cluster) flows(tr *traffic, more int) {
	c.Helper()
	want := tr.final() + more
	c.wait(fmt.Sprintf("%d transfers more are final", more), func() (bool, string) {
		return tr.final() >= want, fmt.Sprintf("%d of %d final", tr.final(), want)
	})
}

// One validator of four is killed under load: the others go on, and started
// again it catches up and votes.
func TestOneKilledUnderLoad(t *testing.T) {
	rng := seeded(t)
	c := newCluster(t, devnet.Options{})
	c.startAll()
	c.waitSigning(c.all()...)
	w := c.follow(t.Context())
	victim := rng.IntN(4)
	var others []int
	for _, i := range c.all() {
		if i != victim {
			others = append(others, i)
		}
	}
	tr := c.send(w, 0, 60, 60, others...)
	c.flows(tr, 200)
	healthy := tr.quantile(0.99)

	c.kill(victim)
	at, _ := w.count()
	c.flows(tr, 500)
	c.waitHeight(at+20, others...)

	began := time.Now()
	c.start(victim)
	c.waitSigning(victim)
	target := c.status(others[0]).FinalHeight
	c.waitHeight(target, victim)
	caught := time.Since(began)
	c.wait("others see its commit votes", func() (bool, string) {
		v := c.lastVote(others[0], victim)
		return v > target, fmt.Sprintf("the newest is of height %d, it was started before %d", v, target)
	})
	c.flows(tr, 100)
	tr.stop()
	tr.check()
	w.hold(1, c.all()...)
	c.noConflict()
	p50, p99 := tr.quantile(0.5), tr.quantile(0.99)
	height, txs := w.count()
	t.Logf("node%d killed at height %d and back after %s; %d transfers final in %d blocks; finality p50 %s, p99 %s (before the kill p99 %s)",
		victim, at, caught.Round(time.Millisecond), txs, height, p50.Round(time.Millisecond), p99.Round(time.Millisecond), healthy.Round(time.Millisecond))
	// A dead leader costs its views: some timers, not a stall. (3 s on a quiet machine.)
	if bound := 5 * time.Duration(c.timing.BaseMs) * time.Millisecond; p99 > bound {
		t.Errorf("finality p99 %s, bound %s: five view timers", p99, bound)
	}
}

// All validators are killed at a random instant under load, again and again:
// what clients were told is final stays, on all nodes, without any repair.
func TestAllKilled(t *testing.T) {
	rng := seeded(t)
	c := newCluster(t, devnet.Options{})
	w := c.follow(t.Context())
	from := uint64(1)
	const senders = 40
	for round := range *killsFlag {
		began := time.Now()
		c.startAll()
		c.waitSigning(c.all()...)
		signing := time.Since(began)
		before, _ := w.count()
		if before > 0 {
			w.hold(from, c.all()...)
			from = before
		}
		tr := c.send(w, round*senders%c.keys.Count, senders, 100, c.all()...)
		c.waitHeight(before+2, c.all()...)
		back := time.Since(began)
		c.flows(tr, 20)
		instant := time.Duration(rng.IntN(1500)) * time.Millisecond
		timer := time.NewTimer(instant)
		select {
		case <-timer.C:
		case <-t.Context().Done():
		}
		c.kill(c.all()...)
		tr.stop()
		tr.check()
		height, txs := w.count()
		t.Logf("round %d: all sign %s after the start, two blocks more after %s, killed %s later at height %d; %d transfers told final in all",
			round, signing.Round(time.Millisecond), back.Round(time.Millisecond), instant, height, txs)
	}
	c.startAll()
	c.waitSigning(c.all()...)
	w.hold(1, c.all()...) // the whole chain, at the end
	tr := c.send(w, 900, senders, 100, c.all()...)
	c.flows(tr, 20)
	tr.stop()
	c.noConflict()
	c.sameState()
	prepares, commits := c.votes.counts()
	t.Logf("%d prepare and %d commit votes on record, none of a view twice", prepares, commits)
}

// sameState holds that all nodes have the same outcome at a common height.
func (c *cluster) sameState() {
	c.Helper()
	lowest := ^uint64(0)
	for _, i := range c.all() {
		s := c.status(i)
		if s == nil {
			c.Fatalf("node%d does not answer", i)
		}
		lowest = min(lowest, s.FinalHeight)
	}
	var first []byte
	for _, i := range c.all() {
		res, err := c.clients[i].RPC().ListOutcomes(c.Context(), connect.NewRequest(&nodev1.ListOutcomesRequest{From: lowest, Limit: 1}))
		if err != nil || len(res.Msg.Outcomes) != 1 {
			c.Fatalf("outcome %d of node%d: %v", lowest, i, err)
		}
		root := res.Msg.Outcomes[0].StateRoot
		if first == nil {
			first = root
		} else if !bytes.Equal(first, root) {
			c.Errorf("height %d: node%d has state root %x, node0 %x", lowest, i, root, first)
		}
	}
}
