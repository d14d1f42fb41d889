package consensus

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/consensus/spec"
	"github.com/bedrock-bft/bedrock/node/types"
)

// refinement follows a walk in the model: everything that an honest Core signs must
// be a step that the model allows. It ends quietly where the walk leaves what the
// model knows (its views, two blocks a view).
type refinement struct {
	state spec.State
	ids   map[types.Hash]int8
	over  bool
	steps int
}

func newRefinement() *refinement {
	return &refinement{state: spec.Initial(), ids: map[types.Hash]int8{fakeGenesis: 0}}
}

// id numbers a block: the first and second that anybody votes for in a view.
func (r *refinement) id(h types.Hash, view uint64) int8 {
	if id, ok := r.ids[h]; ok {
		return id
	}
	if view > spec.Views {
		r.over = true
		return 0
	}
	for _, id := range []int8{2*int8(view) - 1, 2 * int8(view)} {
		if r.state.Parent[id] < 0 {
			r.ids[h] = id
			return id
		}
	}
	r.over = true
	return 0
}

// signed follows one message of an honest node, after what it persisted.
func (r *refinement) signed(w *walk, n *walkNode, m types.Message) {
	if r.over || m.Proposal != nil {
		return
	}
	if m.View() > spec.Views || n.safety.Lock.View > spec.Views {
		r.over = r.over || n.safety.Lock.View > spec.Views
		return
	}
	// Certificates learned first: the lock is durable with what is signed.
	lock, ok := r.ids[n.safety.Lock.Block]
	if !ok {
		w.fail("the model knows no votes for the lock of view %d", n.safety.Lock.View)
		return
	}
	if me := r.state.Validators[n.i]; n.safety.Lock.View > uint64(me.Lock+1)/2 {
		want := r.state
		want.Validators[n.i].Lock = lock
		r.step(w, want, "learns a QC")
	}
	want := r.state
	me := &want.Validators[n.i]
	v := int8(m.View())
	switch {
	case m.Prepare != nil:
		b := w.blocks[m.Prepare.Vote.Block]
		parent, known := r.ids[b.Header.Parent]
		id := r.id(m.Prepare.Vote.Block, m.Prepare.Vote.View)
		if !known {
			w.fail("a vote for a block whose parent nobody voted for")
		}
		bit := 2 - id%2
		if r.over || me.Vote[v]&bit != 0 {
			return // the same vote again
		}
		want.Parent[id] = parent
		me.Vote[v] |= bit
		me.Voted = max(me.Voted, v)
	case m.Timeout != nil:
		if me.Timeout[v] != 0 {
			return // again, with a lock that is not lower
		}
		me.Timeout[v], me.Left = int8(m.Timeout.Vote.HighView)+1, v
	case m.Commit != nil:
		id := r.ids[m.Commit.Vote.Block]
		if me.Commit[v] == id {
			return // the same vote again
		}
		me.Commit[v] = id
	}
	r.step(w, want, "signs")
}

// step goes to the state wanted if the model allows it.
func (r *refinement) step(w *walk, want spec.State, what string) {
	found := false
	r.state.Next(spec.Rules{}, spec.Views, func(t spec.State) {
		found = found || t == want
	})
	if !found {
		w.fail("an honest validator %s what the model does not allow:\nfrom %+v\nto   %+v", what, r.state, want)
		return
	}
	r.state = want
	r.steps++
}

// TestCodeRefinesModel replays random walks of the code in the model.
func TestCodeRefinesModel(t *testing.T) {
	steps := 0
	for k := range *walks {
		w := followedWalk(*firstSeed+int64(k), newRefinement())
		if err := w.run(150); err != nil {
			t.Fatalf("walk %d: %v", *firstSeed+int64(k), err)
		}
		steps += w.model.steps
	}
	if steps < 5**walks {
		t.Fatalf("%d steps of the model in %d walks", steps, *walks)
	}
	t.Logf("%d steps of the model in %d walks", steps, *walks)
}
