package consensus

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

func (n *twinNode) carryOut(effects []Effect) {
	var own []Event
	for _, x := range effects {
		if ev := n.carry(x); ev != nil {
			own = append(own, ev)
		}
	}
	for _, ev := range own {
		n.step(ev)
	}
}

func (n *twinNode) peer() Peer { return fakePeer(n.w.validator(n.i)) }

// carry does one effect; an event that it gives at once is answered.
func (n *twinNode) carry(x Effect) Event {
	w := n.w
	switch x := x.(type) {
	case Persist:
		s := x.State
		n.safety = &s
		for _, b := range x.Blocks {
			n.blocks[b.ID()] = b
		}
	case Sign:
		m := signMessage(x.Message, fakeKey(w.validator(n.i)))
		n.checkSigned(m)
		n.send(-1, m.View(), Received{From: n.peer(), Message: m})
		return Received{Message: m}
	case Multicast:
		n.send(-1, x.Message.View(), Received{From: n.peer(), Message: x.Message})
	case Send:
		n.send(w.byPeer(x.To), x.Message.View(), Received{From: n.peer(), Message: x.Message})
	case AskCertificates:
		n.send(w.byPeer(x.Peer), x.View, CertificatesAsked{From: n.peer(), Epoch: x.Epoch, View: x.View})
	case BuildBlock:
		return n.build(x)
	case VerifyBlock:
		return BlockVerified{ID: x.Block.ID(), Valid: true}
	case ExecuteBlock:
		id := x.Block.ID()
		return BlockExecuted{ID: id, Success: true, ReceiptsRoot: types.ListRoot(x.Block.Payload),
			StateRoot: types.SumHash(append(x.Parent.StateRoot[:], id[:]...))}
	case FetchBlock:
		return n.fetch(x)
	case Finalize:
		n.finalize(x)
	case StopSigning:
		w.fail("instance %d stopped signing: %s", n.i, x.Reason)
	case EvidenceFound:
		if who := int(x.Evidence.Validator); w.honest(who) && !w.blind {
			w.fail("instance %d holds evidence against validator %d, which is honest: %+v", n.i, who, x.Evidence)
		}
	case Alarm:
		if x.Kind == AlarmConflict || x.Kind == AlarmDivergenceSuspected {
			w.fail("instance %d: CONFLICT: %s: %s", n.i, x.Kind, x.Detail)
		}
	}
	return nil
}

func (w *twinWorld) byPeer(p Peer) int {
	for i := range w.n {
		if fakePeer(i) == p {
			return i
		}
	}
	return w.n
}

// build makes a block that no other instance makes: so twins that lead contradict each
// other.
func (n *twinNode) build(x BuildBlock) Event {
	b := &types.Block{}
	if !x.Empty {
		b.Payload = [][]byte{{byte(n.i), byte(x.View), byte(x.Kind)}}
	}
	b.Header = types.Header{Genesis: fakeGenesis, Epoch: x.Epoch, View: x.View, Height: x.Height, Parent: x.Parent,
		Proposer: x.Proposer, TimestampMs: max(x.MinTimestampMs, 2000+uint64(n.i)),
		PayloadRoot: types.ListRoot(b.Payload), EvidenceRoot: types.ListRoot(nil)}
	return BlockBuilt{Kind: x.Kind, View: x.View, Block: b}
}

// fetch gets a block from whoever is in the cell and has it.
func (n *twinNode) fetch(x FetchBlock) Event {
	w := n.w
	if len(w.rounds) == 0 {
		return nil
	}
	now := w.rounds[len(w.rounds)-1]
	for _, from := range x.From {
		for i, p := range w.nodes {
			if now[i] != now[n.i] || w.validator(i) != w.byPeer(from) {
				continue
			}
			b := p.core.Block(x.ID)
			if b == nil {
				b = p.blocks[x.ID]
			}
			if b != nil {
				return BlockFetched{From: from, Block: b}
			}
		}
	}
	return nil
}

// finalize checks agreement: one outcome a height, whoever it is, since the certificate
// that makes it final would convince anybody.
func (n *twinNode) finalize(x Finalize) {
	w := n.w
	for _, b := range x.Blocks {
		if h := uint64(len(n.finals)) + 1; b.Outcome.Height != h {
			w.fail("instance %d: final height %d after %d", n.i, b.Outcome.Height, h-1)
			return
		}
		if was, ok := w.final[b.Outcome.Height]; ok && was != b.Outcome.Hash() {
			w.fail("instance %d: CONFLICT: another outcome is final at height %d", n.i, b.Outcome.Height)
			return
		}
		w.final[b.Outcome.Height] = b.Outcome.Hash()
		n.finals = append(n.finals, b)
		n.blocks[b.Block.ID()] = b.Block
	}
}

// checkSigned checks that no honest instance contradicts itself, and that what it signs
// is on record.
func (n *twinNode) checkSigned(m types.Message) {
	w, s := n.w, n.safety
	if !w.honest(n.i) || w.blind {
		return
	}
	once := func(class string, view uint64, what types.Hash) {
		key := fmt.Sprintf("%d %s %d", n.i, class, view)
		if was, ok := w.signed[key]; ok && was != what {
			w.fail("instance %d signed two different: %s", n.i, key)
		}
		w.signed[key] = what
	}
	recorded := s != nil
	switch {
	case !recorded:
	case m.Proposal != nil && m.Proposal.Kind == types.KindProposeOptimistic:
		recorded = s.OptimisticView >= m.Proposal.View
		once("optimistic proposal", m.Proposal.View, m.Proposal.BlockID)
	case m.Proposal != nil:
		recorded = s.ProposedView >= m.Proposal.View
		once("proposal", m.Proposal.View, m.Proposal.BlockID)
	case m.Prepare != nil:
		v := m.Prepare.Vote
		recorded = s.VotedView == v.View && s.VotedBlock == v.Block && n.blocks[v.Block] != nil
		once("prepare", v.View, v.Block)
	case m.Commit != nil:
		v := m.Commit.Vote
		recorded = s.Commit != nil && *s.Commit == v && s.Lock.View >= v.View
		once("commit", v.View, v.Outcome)
	case m.Timeout != nil:
		v := m.Timeout.Vote
		recorded = s.TimeoutView >= v.View && s.Lock.View >= v.HighView
		if s.Commit != nil && s.Commit.View <= v.View && v.HighView < s.Commit.View {
			w.fail("instance %d: amnesia: view %d given up with a lock of %d, after a commit vote of %d", n.i, v.View, v.HighView, s.Commit.View)
		}
	}
	if !recorded {
		w.fail("instance %d signs what its record does not hold: %+v", n.i, m)
	}
}
