package consensus

import "testing"

// TestEntryCertificateIsNeeded restarts three of four at once, the fourth is down. All
// gave up view 1, and only node 0 saw that: it entered view 2 by the TC and gave that up
// too. Its timeout of view 1 is not on record any more, so what brings the others into
// view 2 is the certificate by which it entered. // rule: restart
func TestEntryCertificateIsNeeded(t *testing.T) {
	w := newWalk(1)
	giveUp := func(n *walkNode) {
		n.now = n.core.deadline()
		n.step(Tick{})
	}
	for _, n := range w.nodes {
		giveUp(n)
	}
	first := w.nodes[0]
	w.give(first, all)
	giveUp(first)
	if s := first.core.safety; s.TimeoutView != 2 || first.core.view != 2 || w.nodes[1].core.view != 1 {
		t.Fatalf("node 0 in view %d with timeout_view %d, node 1 in view %d", first.core.view, s.TimeoutView, w.nodes[1].core.view)
	}
	w.pool = nil // what was under way is lost
	for _, n := range w.nodes {
		n.start()
	}
	got := false
	for range 100 { // 25 s: several views at the timer's cap
		for _, n := range w.nodes {
			n.now += DevnetTiming().ResendMs
			n.step(Tick{})
		}
		for range 4 {
			for _, n := range w.nodes {
				w.give(n, all)
			}
		}
		if w.err != nil {
			t.Fatal(w.err)
		}
		if got = w.lowest() > 1; got {
			break
		}
	}
	if !got {
		t.Error("nothing is certified beyond the failed view")
	}
}

// lowest is the lowest lock's view of the honest three.
func (w *walk) lowest() uint64 {
	low := w.nodes[0].core.safety.Lock.View
	for _, n := range w.nodes {
		low = min(low, n.core.safety.Lock.View)
	}
	return low
}
