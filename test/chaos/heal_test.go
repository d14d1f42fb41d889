package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// A network that is cut in two halves has no quorum: nothing is final while it lasts,
// and once it heals the next block is, soon: within two seconds in the middle of
// -heals partitions of -cut, if these are five at least. (The median, since other
// programs may hold up one of them: the whole distribution is printed.) Clients keep
// what they were told.
func TestHalvesHeal(t *testing.T) {
	if !apart(t) {
		return
	}
	rng := seeded(t)
	c, l := newApart(t, devnet.Options{})
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	tr := c.Send(w, 0, 40, 50, c.All()...)
	c.flows(tr, 100)
	var first, all []time.Duration
	for k := range *healsFlag {
		order := rng.Perm(4)
		l.cut(between(order[:2], order[2:])...)
		c.stands(w)
		c.pass(*cutFlag)
		height, _ := w.Count()
		if l.dropped(order[0]) == 0 || l.dropped(order[2]) == 0 {
			t.Fatal("the firewall dropped nothing")
		}
		began := time.Now()
		l.cut()
		open := time.Since(began)
		c.risesAbove(w, height)
		first = append(first, time.Since(began))
		after, _ := w.Count()
		c.WaitHeight(after, c.All()...)
		all = append(all, time.Since(began))
		t.Logf("partition %d, %v | %v for %s at height %d: rules gone within %s, first commit after %s, all nodes have it after %s", k+1, order[:2], order[2:],
			*cutFlag, height, open.Round(time.Millisecond), first[k].Round(time.Millisecond), all[k].Round(time.Millisecond))
		c.flows(tr, 50)
	}
	tr.Stop()
	tr.Check()
	w.Hold(1, c.All()...)
	c.NoConflict()
	t.Logf("heal to first commit: %s", distribution(first))
	t.Logf("heal to all nodes:    %s", distribution(all))
	if m := quantile(first, 0.5); len(first) >= 5 && m > 2*time.Second {
		t.Errorf("in the middle the first commit comes %s after the network healed, want 2 s", m)
	}
}

// stands waits until finality stands still: no node tells of a block for a second.
func (c *cluster) stands(w *fleet.Told) {
	c.Helper()
	height, _ := w.Count()
	since := time.Now()
	c.Wait("finality stands still", func() (bool, string) {
		if now, _ := w.Count(); now != height {
			height, since = now, time.Now()
		}
		return time.Since(since) > time.Second, fmt.Sprintf("height %d", height)
	})
}

// pass lets time pass under what is broken now.
func (c *cluster) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.Context().Done():
	}
}

// risesAbove waits until some client is told of a height above one.
func (c *cluster) risesAbove(w *fleet.Told, height uint64) {
	c.Helper()
	c.Wait(fmt.Sprintf("a block above %d is final", height), func() (bool, string) {
		now, _ := w.Count()
		return now > height, fmt.Sprintf("height %d", now)
	})
}

func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func distribution(list []time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d times, min %s, median %s, p90 %s, max %s:", len(list), quantile(list, 0).Round(time.Millisecond),
		quantile(list, 0.5).Round(time.Millisecond), quantile(list, 0.9).Round(time.Millisecond), quantile(list, 1).Round(time.Millisecond))
	for _, d := range slices.Sorted(slices.Values(list)) {
		fmt.Fprintf(&b, " %d", d.Milliseconds())
	}
	return b.String() + " (ms)"
}
