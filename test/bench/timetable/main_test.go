package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

// A small run gives every figure, and each has sense.
func TestEveryFigureIsThere(t *testing.T) {
	s := settings{accounts: []int{300, 900}, transfers: 200, blocks: 2, loading: 3, idle: 200 * time.Millisecond, dir: t.TempDir()}
	r, err := measure(t.Context(), s, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.phases {
		for name, d := range map[string]time.Duration{"verify": p.verify, "decode": p.decode, "execute": p.execute, "tree": p.tree,
			"commit": p.commit, "votes": p.votes, "reads": p.reads, "background": p.background} {
			if d <= 0 {
				t.Errorf("%d accounts: %s took %s", p.accounts, name, d)
			}
		}
		if p.reads >= p.execute+p.tree || p.decode >= p.verify {
			t.Errorf("%d accounts: parts are larger than what holds them: %+v", p.accounts, p)
		}
		if p.hostCalls < 5 || p.storeSyncs != 1 || p.voteSyncs != 4 {
			t.Errorf("%d accounts: %g host calls, %g and %g syncs a block; want at least 5, 1 and 4", p.accounts, p.hostCalls, p.storeSyncs, p.voteSyncs)
		}
		if p.batchBytes < 200 || p.voteBytes < 200 {
			t.Errorf("%d accounts: %+v: fewer bytes than a transfer has", p.accounts, p)
		}
	}
	if r.hops.transfers != 600 || r.hops.block <= 0 || r.hops.gossip <= 0 {
		t.Errorf("network: %+v", r.hops)
	}
	for _, l := range []latency{r.votes.idle, r.votes.steady, r.votes.executing, r.votes.committing} {
		if l.samples == 0 || l.p50 <= 0 || l.p99 < l.p50 {
			t.Errorf("votes: %+v", r.votes)
		}
	}
	var out bytes.Buffer
	r.write(&out)
	if text := out.String(); strings.Count(text, "\n| ") < 20 || !strings.Contains(text, "| tree |") || strings.Contains(text, "NaN") {
		t.Errorf("the table:\n%s", text)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{7: "7", 999: "999", 1000: "1,000", 10_000: "10,000", 1_000_005: "1,000,005"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}

// Votes are recorded beside commits of made-up blocks, and the turn is printed.
func TestTurns(t *testing.T) {
	turns, err := measureSyncs(t.Context(), t.TempDir(), 1, 200*time.Millisecond, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []latency{turns[0].idle, turns[0].committing} {
		if l.samples == 0 || l.p50 <= 0 || l.p99 < l.p50 || l.deviceP50 <= 0 {
			t.Errorf("votes: %+v", l)
		}
	}
	var out bytes.Buffer
	writeTurns(&out, turns)
	if text := out.String(); !strings.Contains(text, "| idle |") || !strings.Contains(text, "| to idle |") {
		t.Errorf("the table:\n%s", text)
	}
}
