package signer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// own is the newest message of one kind that this process signed.
type own struct {
	epoch uint64
	view  uint64
	bytes []byte
}

// guard is what signing is held against.
type guard struct {
	genesis   types.Hash
	loaded    bool
	start     types.SafetyState // as the vote log held it when it was opened
	state     types.SafetyState // last recorded
	signed    map[types.Kind]own
	suspended map[string]string // why -> text
}

// Reasons of suspension that nothing lifts.
const (
	heldForeign  = "foreign"
	heldDeleted  = "deleted"
	heldClosed   = "closed"
	heldFellBack = "fell back"
)

// recovered takes the state that the vote log held when it was opened.
func (g *guard) recovered(genesis types.Hash, state types.SafetyState) error {
	if g.loaded {
		return errors.New("signer was told of the recovered state before")
	}
	g.genesis, g.loaded, g.start, g.state = genesis, true, state, state
	g.signed = map[types.Kind]own{}
	return nil
}

// recorded takes a state that the vote log has synced. // rule: persist-first
func (g *guard) recorded(state types.SafetyState) {
	err := errors.New("the recovered state is not known")
	if g.loaded {
		err = checkRise(&g.state, &state)
	}
	if err != nil {
		g.suspended[heldFellBack] = err.Error()
		return
	}
	g.state = state
}

// checkRise holds that all views only rise within an epoch, and epochs too.
func checkRise(old, next *types.SafetyState) error {
	if next.Epoch > old.Epoch {
		return nil
	}
	if next.Epoch < old.Epoch { // rule: epoch-no-return
		return fmt.Errorf("safety state fell back from epoch %d to %d", old.Epoch, next.Epoch)
	}
	for _, v := range []struct {
		name      string
		old, next uint64
	}{
		{"voted_view", old.VotedView, next.VotedView},
		{"timeout_view", old.TimeoutView, next.TimeoutView},
		{"commit view", commitView(old), commitView(next)},
		{"lock view", old.Lock.View, next.Lock.View},
		{"optimistic_view", old.OptimisticView, next.OptimisticView},
		{"proposed_view", old.ProposedView, next.ProposedView},
	} {
		if v.next < v.old {
			return fmt.Errorf("safety state's %s fell back from %d to %d in epoch %d", v.name, v.old, v.next, old.Epoch)
		}
	}
	if next.VotedView == old.VotedView && next.VotedBlock != old.VotedBlock {
		return fmt.Errorf("safety state names two blocks voted for in view %d of epoch %d", old.VotedView, old.Epoch)
	}
	if old.Commit != nil && commitView(next) == commitView(old) && *next.Commit != *old.Commit {
		return fmt.Errorf("safety state names two commit votes of view %d of epoch %d", old.Commit.View, old.Epoch)
	}
	return nil
}

func commitView(s *types.SafetyState) uint64 {
	if s.Commit == nil {
		return 0
	}
	return s.Commit.View
}

// sign answers the bytes to sign, or why not.
func (g *guard) sign(epoch uint64, msg types.Signable) ([]byte, error) {
	for _, why := range slices.Sorted(maps.Keys(g.suspended)) {
		return nil, fmt.Errorf("signing is suspended (%s: %s)", why, g.suspended[why])
	}
	if !g.loaded {
		return nil, errors.New("the vote log's state is not known")
	}
	if g.state.Epoch != epoch {
		return nil, fmt.Errorf("the vote log records epoch %d", g.state.Epoch)
	}
	view, err := g.accounted(msg)
	if err != nil {
		return nil, err
	}
	b := msg.SignBytes(types.Domain{Genesis: g.genesis, Epoch: epoch})
	kind := msg.SignedKind()
	if last, ok := g.signed[kind]; ok && last.epoch == epoch {
		if view < last.view {
			return nil, fmt.Errorf("view %d after view %d", view, last.view)
		}
		// Timeouts of one view may report a lock that rose; no other kind changes.
		if view == last.view && kind != types.KindTimeout && !bytes.Equal(last.bytes, b) {
			return nil, fmt.Errorf("another message of view %d was signed", view)
		}
	}
	g.signed[kind] = own{epoch: epoch, view: view, bytes: b}
	return b, nil
}

// signedView is the newest view of which this process signed a message of kind.
func (g *guard) signedView(kind types.Kind) uint64 {
	if last, ok := g.signed[kind]; ok && last.epoch == g.state.Epoch {
		return last.view
	}
	return 0
}

// startState is what was on record at the start, if it was of this epoch.
func (g *guard) startState() types.SafetyState {
	if g.start.Epoch == g.state.Epoch {
		return g.start
	}
	return types.SafetyState{}
}

// accounted holds a message against the recorded state. Writes of the vote log
// may have been merged: then a message is of a lower view than the state, and
// stands if its view rose above what was on record at the start.
func (g *guard) accounted(msg types.Signable) (uint64, error) {
	st, start := &g.state, g.startState()
	switch m := msg.(type) {
	case types.Prepare:
		same := m.View == st.VotedView && m.Block == st.VotedBlock && m.Height == st.VotedHeight
		return m.View, rose("prepare vote", m.View, st.VotedView, start.VotedView, same)
	case types.Commit:
		same := st.Commit != nil && m == *st.Commit || start.Commit != nil && m == *start.Commit // rule: restart
		if err := rose("commit vote", m.View, commitView(st), commitView(&start), same); err != nil {
			return m.View, err
		}
		return m.View, g.commitAfterTimeout(m, same)
	case types.Timeout:
		if err := rose("timeout", m.View, st.TimeoutView, start.TimeoutView, m.View == st.TimeoutView); err != nil {
			return m.View, err
		}
		return m.View, g.timeoutReports(m)
	case types.ProposalID:
		return m.View, g.proposal(m, &start)
	}
	return 0, fmt.Errorf("no rule for a message of kind %d", msg.SignedKind())
}

// rose: a view on record, that of the record itself only as recorded, and none
// that a process before this one may have signed in another way. same: it is what is on
// record, or was at the start.
func rose(what string, view, recorded, start uint64, same bool) error {
	switch {
	case view == 0 || view > recorded:
		return fmt.Errorf("the recorded %s is of view %d", what, recorded)
	case view == recorded && !same:
		return fmt.Errorf("the recorded %s of view %d is another one", what, recorded)
	case view < recorded && view <= start && !same:
		return fmt.Errorf("a %s of view %d was on record before this start", what, start)
	}
	return nil
}

// commitAfterTimeout: no commit vote of a view that a timeout left, unless it is
// on record. // rule: commit-vote
func (g *guard) commitAfterTimeout(m types.Commit, same bool) error {
	if g.state.Lock.View < m.View {
		return fmt.Errorf("the recorded lock is of view %d, below the vote's", g.state.Lock.View)
	}
	if start := g.startState(); !same && start.TimeoutView >= m.View {
		return fmt.Errorf("view %d was left by a timeout before this start", m.View)
	}
	if last, ok := g.signed[types.KindCommit]; ok && last.epoch == g.state.Epoch && last.view == m.View {
		return nil // sent again
	}
	if left := g.signedView(types.KindTimeout); left >= m.View && !(same && g.start.Commit != nil && m == *g.start.Commit) {
		return fmt.Errorf("view %d was left by a timeout of view %d", m.View, left)
	}
	return nil
}

// timeoutReports: a timeout reports at least the view of every commit vote up to
// its view, and no lock that is not on record.
func (g *guard) timeoutReports(m types.Timeout) error {
	if m.HighView >= m.View || m.HighView > g.state.Lock.View {
		return fmt.Errorf("the timeout of view %d reports view %d, the recorded lock is of view %d", m.View, m.HighView, g.state.Lock.View)
	}
	start := g.startState()
	for _, commit := range []uint64{commitView(&g.state), commitView(&start), g.signedView(types.KindCommit)} {
		if commit <= m.View && m.HighView < commit {
			return fmt.Errorf("the timeout of view %d reports view %d, below the commit vote of view %d", m.View, m.HighView, commit)
		}
	}
	return nil
}

// proposal refuses all views that were on record at the start: what a proposal
// of them said is not. // rule: propose-once
func (g *guard) proposal(m types.ProposalID, start *types.SafetyState) error {
	recorded, before := g.state.ProposedView, start.ProposedView
	if m.Kind == types.KindProposeOptimistic {
		recorded, before = g.state.OptimisticView, start.OptimisticView
	}
	if m.View == 0 || m.View > recorded {
		return fmt.Errorf("the recorded proposal is of view %d", recorded)
	}
	if m.View <= before {
		return fmt.Errorf("a proposal of view %d was on record before this start", before)
	}
	other := map[types.Kind]types.Kind{
		types.KindProposeNormal: types.KindProposeFallback, types.KindProposeFallback: types.KindProposeNormal,
	}[m.Kind]
	if other != 0 && g.signedView(other) >= m.View {
		return fmt.Errorf("view %d was proposed in another way", m.View)
	}
	return nil
}
