package byzantine

import (
	"github.com/bedrock-bft/bedrock/node/types"
)

// second reports whether a node is shown the second of two messages; both: it is shown
// each of them.
func (p *puppet) second(to int) (second, both bool) {
	switch to % 3 {
	case 0:
		return false, false
	case 1:
		return true, false
	}
	return true, true
}

// show gives one node the first message, the second, or both.
func (p *puppet) show(to int, first, other types.Message) []types.Message {
	second, both := p.second(to)
	if second {
		p.did()
	}
	switch {
	case both:
		return []types.Message{first, other}
	case second:
		return one(other)
	}
	return one(first)
}

// doublePrepare votes for two blocks a view: the other is one that there is, or none.
func doublePrepare(p *puppet, to int, m types.Message) []types.Message {
	if m.Prepare == nil || !p.own(&m) {
		return one(m)
	}
	v := *m.Prepare
	v.Vote.Block[0] ^= 1
	for _, b := range p.k.memory.blocks {
		if h := &b.Header; h.Epoch == v.Epoch && h.View == v.Vote.View && b.ID() != m.Prepare.Vote.Block {
			v.Vote.Block, v.Vote.Height = b.ID(), h.Height
		}
	}
	return p.show(to, m, p.sign(types.Message{Prepare: &v}))
}

// doubleCommit commits to two outcomes a view.
func doubleCommit(p *puppet, to int, m types.Message) []types.Message {
	if m.Commit == nil || !p.own(&m) {
		return one(m)
	}
	v := *m.Commit
	v.Vote.Outcome[0] ^= 1
	return p.show(to, m, p.sign(types.Message{Commit: &v}))
}

// doubleTimeout gives a view up with its lock and with an old one.
func doubleTimeout(p *puppet, to int, m types.Message) []types.Message {
	if m.Timeout == nil || !p.own(&m) {
		return one(m)
	}
	return p.show(to, m, p.gaveUp(m.Timeout.Epoch, m.Timeout.Vote.View))
}

// gaveUp is a timeout of a view with a stale lock.
func (p *puppet) gaveUp(epoch, view uint64) types.Message {
	high := p.k.stale(epoch, view)
	return p.sign(types.Message{Timeout: &types.SignedTimeout{Epoch: epoch, Vote: types.Timeout{View: view, HighView: high.View}, High: high}})
}

// parrot votes whatever anybody votes, towards that one.
func parrot(p *puppet, from int, m *types.Message) {
	switch {
	case m.Prepare != nil:
		v := *m.Prepare
		p.send(from, p.sign(types.Message{Prepare: &v}))
	case m.Commit != nil:
		v := *m.Commit
		p.send(from, p.sign(types.Message{Commit: &v}))
	default:
		return
	}
	p.did()
}

// withhold keeps a part of its votes to itself.
func withhold(p *puppet, _ int, m types.Message) []types.Message {
	if p.own(&m) && p.rng.IntN(2) == 0 {
		p.did()
		return nil
	}
	return one(m)
}

// selective shows its votes to one node alone.
func selective(p *puppet, to int, m types.Message) []types.Message {
	if m.Proposal == nil && p.own(&m) && to != p.favourite {
		p.did()
		return nil
	}
	return one(m)
}

// staleLock reports an old lock in its timeouts.
func staleLock(p *puppet, _ int, m types.Message) []types.Message {
	if m.Timeout == nil || !p.own(&m) {
		return one(m)
	}
	p.did()
	return one(p.gaveUp(m.Timeout.Epoch, m.Timeout.Vote.View))
}

// giveUp gives up the present view and the next ones, though nothing is wrong, to some.
func giveUp(p *puppet) {
	s, ok := p.node.Status()
	if !ok || p.rng.IntN(4) > 0 {
		return
	}
	p.did()
	p.some(p.gaveUp(s.Consensus.Epoch, s.Consensus.View+uint64(p.rng.IntN(3))))
}

// wrongRoot commits to an outcome of another state.
func wrongRoot(p *puppet, _ int, m types.Message) []types.Message {
	if m.Commit == nil || !p.own(&m) {
		return one(m)
	}
	p.did()
	v := *m.Commit
	v.Vote.Outcome = types.SumHash(v.Vote.Outcome[:])
	return one(p.sign(types.Message{Commit: &v}))
}

// wrongRoots shows certificates whose outcome was changed.
func wrongRoots(p *puppet) {
	if list := p.k.memory.ccs; len(list) > 0 && p.rng.IntN(3) == 0 {
		cc := *list[p.rng.IntN(len(list))]
		cc.Outcome.StateRoot[0] ^= 1
		p.did()
		p.some(types.Message{CC: &cc})
	}
}

// neverProposes votes and never proposes.
func neverProposes(p *puppet, _ int, m types.Message) []types.Message {
	if m.Proposal != nil && p.own(&m) {
		p.did()
		return nil
	}
	return one(m)
}

// silent says nothing.
func silent(p *puppet, _ int, _ types.Message) []types.Message {
	p.did()
	return nil
}
