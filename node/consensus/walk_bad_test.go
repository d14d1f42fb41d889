package consensus

import (
	"fmt"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

func (w *walk) bad(m types.Message) { w.pool = append(w.pool, signMessage(m, fakeKey(walkBad))) }

// badVote signs a vote for anything, or gives up a view with any lock.
func (w *walk) badVote() {
	if len(w.order) == 0 {
		return
	}
	b := w.order[len(w.order)-1-w.rnd.Intn(min(len(w.order), 6))]
	if w.rnd.Intn(2) == 0 {
		w.bad(types.Message{Prepare: &types.SignedPrepare{Epoch: 1, Validator: walkBad,
			Vote: types.Prepare{View: b.Header.View, Height: b.Header.Height, Block: b.ID()}}})
		return
	}
	v := w.nodes[w.rnd.Intn(3)].core.view
	q := w.known[w.rnd.Intn(len(w.known))]
	if q.View < v {
		w.bad(types.Message{Timeout: &types.SignedTimeout{Epoch: 1, Validator: walkBad,
			Vote: types.Timeout{View: v, HighView: q.View}, High: *q}})
	}
}

// badProposal proposes in a view that the Byzantine validator leads.
func (w *walk) badProposal() {
	v := w.nodes[w.rnd.Intn(3)].core.view + uint64(w.rnd.Intn(2))
	for w.set.Leader(v) != walkBad {
		v++
	}
	if v > w.views+2 {
		return
	}
	q := w.known[len(w.known)-1-w.rnd.Intn(min(4, len(w.known)))]
	for _, x := range w.known {
		if x.View+1 == v && w.rnd.Intn(2) == 0 {
			q = x
		}
	}
	if q.View >= v {
		return
	}
	if q.View+1 == v && w.rnd.Intn(2) == 0 { // two blocks, one a class
		for _, kind := range []types.Kind{types.KindProposeOptimistic, types.KindProposeNormal} {
			b := w.keep(&types.Block{Payload: [][]byte{fmt.Appendf(nil, "bad %d", w.rnd.Int63())}}, v, q.Height+1, q.Block, walkBad, 0)
			p := &types.Proposal{Epoch: 1, View: v, BlockID: b.ID(), Proposer: walkBad, Block: b, Kind: kind}
			if kind == types.KindProposeNormal {
				p.QC = q
			}
			w.bad(types.Message{Proposal: p})
			w.bad(types.Message{Prepare: &types.SignedPrepare{Epoch: 1, Validator: walkBad,
				Vote: types.Prepare{View: v, Height: b.Header.Height, Block: b.ID()}}})
		}
		return
	}
	b := w.keep(&types.Block{Payload: [][]byte{fmt.Appendf(nil, "bad %d", w.rnd.Int63())}}, v, q.Height+1, q.Block, walkBad, 0)
	p := &types.Proposal{Epoch: 1, View: v, BlockID: b.ID(), Proposer: walkBad, Block: b, Kind: types.KindProposeOptimistic}
	switch k := w.rnd.Intn(3); {
	case k == 0 && (q.View+1 == v || w.rnd.Intn(2) == 0): // also on an older one
		p.Kind, p.QC = types.KindProposeNormal, q
	case k > 0 && len(w.tcs) > 0:
		p.Kind, p.QC, p.TC = types.KindProposeFallback, q, w.tcs[len(w.tcs)-1-w.rnd.Intn(min(4, len(w.tcs)))]
	}
	w.bad(types.Message{Proposal: p})
}

func (w *walk) run(steps int) error {
	for range steps {
		if w.act(); w.err != nil {
			return w.err
		}
	}
	return nil
}

func TestWalksAgree(t *testing.T) {
	commits := 0
	for k := range *walks {
		w := newWalk(*firstSeed + int64(k))
		if err := w.run(250); err != nil {
			t.Fatalf("walk %d: %v", *firstSeed+int64(k), err)
		}
		for _, who := range w.commit {
			if quorumWithBad(who) {
				commits++
			}
		}
	}
	if commits < *walks/2 {
		t.Fatalf("only %d commits in %d walks: the walk does not get anywhere", commits, *walks)
	}
	t.Logf("%d walks, %d commits", *walks, commits)
}
