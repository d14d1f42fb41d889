package chaos_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/devnet"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// lastVote is the newest height at which a node saw another one's commit vote.
func (c *cluster) lastVote(at, of int) uint64 {
	c.Helper()
	res, err := c.Clients[at].RPC().ListValidators(c.Context(), connect.NewRequest(&nodev1.ListValidatorsRequest{}))
	if err != nil {
		c.Fatalf("validators of node%d: %v", at, err)
	}
	for _, v := range res.Msg.Validators {
		if v.Moniker == c.Net.Nodes[of].Name {
			return v.LastVoteHeight
		}
	}
	c.Fatalf("node%d knows of no validator node%d", at, of)
	return 0
}

// flows waits until traffic flows: some transfers more are final.
func (c *cluster) flows(tr *fleet.Traffic, more int) {
	c.Helper()
	want := tr.Final() + more
	c.Wait(fmt.Sprintf("%d transfers more are final", more), func() (bool, string) {
		return tr.Final() >= want, fmt.Sprintf("%d of %d final", tr.Final(), want)
	})
}

// One validator of four is killed under load: the others go on, and started
// again it catches up and votes.
func TestOneKilledUnderLoad(t *testing.T) {
	rng := seeded(t)
	c := newCluster(t, devnet.Options{})
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	victim := rng.IntN(4)
	var others []int
	for _, i := range c.All() {
		if i != victim {
			others = append(others, i)
		}
	}
	tr := c.Send(w, 0, 60, 60, others...)
	c.flows(tr, 200)
	healthy := tr.Quantile(0.99)

	c.Kill(victim)
	at, _ := w.Count()
	c.flows(tr, 500)
	c.WaitHeight(at+20, others...)

	began := time.Now()
	c.Start(victim)
	c.WaitSigning(victim)
	target := c.Status(others[0]).FinalHeight
	c.WaitHeight(target, victim)
	caught := time.Since(began)
	c.Wait("others see its commit votes", func() (bool, string) {
		v := c.lastVote(others[0], victim)
		return v > target, fmt.Sprintf("the newest is of height %d, it was started before %d", v, target)
	})
	c.flows(tr, 100)
	tr.Stop()
	tr.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
	p50, p99 := tr.Quantile(0.5), tr.Quantile(0.99)
	height, txs := w.Count()
	t.Logf("node%d killed at height %d and back after %s; %d transfers final in %d blocks; finality p50 %s, p99 %s (before the kill p99 %s)",
		victim, at, caught.Round(time.Millisecond), txs, height, p50.Round(time.Millisecond), p99.Round(time.Millisecond), healthy.Round(time.Millisecond))
	// A dead leader costs its views: some timers, not a stall. (3 s on a quiet machine.)
	if bound := 5 * time.Duration(c.Timing.BaseMs) * time.Millisecond; p99 > bound {
		t.Errorf("finality p99 %s, bound %s: five view timers", p99, bound)
	}
}

// All validators are killed at a random instant under load, again and again:
// what clients were told is final stays, on all nodes, without any repair.
func TestAllKilled(t *testing.T) {
	rng := seeded(t)
	c := newCluster(t, devnet.Options{})
	w := c.Follow(t.Context())
	from := uint64(1)
	const senders = 40
	for round := range *killsFlag {
		began := time.Now()
		c.StartAll()
		c.WaitSigning(c.All()...)
		signing := time.Since(began)
		before, _ := w.Count()
		if before > 0 {
			w.Hold(from, c.All()...)
			from = before
		}
		tr := c.Send(w, round*senders%c.Keys.Count, senders, 100, c.All()...)
		c.WaitHeight(before+2, c.All()...)
		back := time.Since(began)
		c.flows(tr, 20)
		instant := time.Duration(rng.IntN(1500)) * time.Millisecond
		timer := time.NewTimer(instant)
		select {
		case <-timer.C:
		case <-t.Context().Done():
		}
		c.Kill(c.All()...)
		tr.Stop()
		tr.Check()
		height, txs := w.Count()
		t.Logf("round %d: all sign %s after the start, two blocks more after %s, killed %s later at height %d; %d transfers told final in all",
			round, signing.Round(time.Millisecond), back.Round(time.Millisecond), instant, height, txs)
	}
	c.StartAll()
	c.WaitSigning(c.All()...)
	w.Hold(1, c.All()...) // the whole chain, at the end
	tr := c.Send(w, 900, senders, 100, c.All()...)
	c.flows(tr, 20)
	tr.Stop()
	c.NoConflict()
	c.sameState()
	prepares, commits := c.Votes()
	t.Logf("%d prepare and %d commit votes on record, none of a view twice", prepares, commits)
}

// sameState holds that all nodes have the same outcome at a common height.
func (c *cluster) sameState() {
	c.Helper()
	lowest := ^uint64(0)
	for _, i := range c.All() {
		s := c.Status(i)
		if s == nil {
			c.Fatalf("node%d does not answer", i)
		}
		lowest = min(lowest, s.FinalHeight)
	}
	var first []byte
	for _, i := range c.All() {
		res, err := c.Clients[i].RPC().ListOutcomes(c.Context(), connect.NewRequest(&nodev1.ListOutcomesRequest{From: lowest, Limit: 1}))
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
