package byzantine

import (
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// hollow is a QC whose votes are not there: everybody's bit is set, the signatures are
// noise.
func (p *puppet) hollow(view uint64, block types.Hash, height, epoch uint64) *types.QC {
	return &types.QC{Epoch: epoch, View: view, Height: height, Block: block, Prepares: p.noise(epoch)}
}

func (p *puppet) noise(epoch uint64) *types.Aggregate {
	n := p.k.w.Plan().Nodes
	if set := p.k.set(epoch); set != nil {
		n = set.Len()
	}
	a := &types.Aggregate{Signers: make([]byte, (n+7)/8), Signature: make([]byte, types.MaxSignature*n)}
	for i := range n {
		a.Signers[i/8] |= 1 << (i % 8)
	}
	for i := range a.Signature {
		a.Signature[i] = byte(p.rng.Uint32())
	}
	return a
}

// pick is one of a list, false: it is empty.
func pick[T any](p *puppet, list []T) (x T, ok bool) {
	if len(list) == 0 {
		return x, false
	}
	return list[p.rng.IntN(len(list))], true
}

// forgedCertificate shows certificates that nobody signed, of views to come and of
// blocks and outcomes of its own.
func forgedCertificate(p *puppet) {
	s, ok := p.node.Status()
	if !ok || p.rng.IntN(3) > 0 {
		return
	}
	epoch, view, lock := s.Consensus.Epoch, s.Consensus.View+uint64(p.rng.IntN(3)), s.Consensus.Lock
	block := types.SumHash([]byte{byte(view)})
	var m types.Message
	switch p.rng.IntN(5) {
	case 0:
		m.QC = p.hollow(view, block, lock.Height+1, epoch)
	case 1:
		o := types.Outcome{Height: lock.Height + 1, Block: block, StateRoot: block, FailedRun: types.NoFailedRun}
		m.CC = &types.CC{Epoch: epoch, View: view, Height: o.Height, Block: block, Outcome: o, Commits: *p.noise(epoch)}
	case 2:
		m.TC = &types.TC{Epoch: epoch, View: view, High: lock, Groups: []types.TimeoutGroup{{HighView: lock.View, Sigs: *p.noise(epoch)}}}
	case 3: // a real one's votes on another block
		q, ok := pick(p, p.k.memory.qcs)
		if !ok {
			return
		}
		other := *q
		other.Block, other.View, other.Epoch, other.Commit = block, view, epoch, nil
		if other.Prepares == nil {
			other.Prepares = &q.Commit.Commits
		}
		m.QC = &other
	case 4: // in a timeout that is signed
		q := p.hollow(view, block, lock.Height+1, epoch)
		m = p.sign(types.Message{Timeout: &types.SignedTimeout{Epoch: epoch, Vote: types.Timeout{View: view + 1, HighView: view}, High: *q}})
	}
	p.did()
	p.some(m)
}

// without is an aggregate of which signers were taken until it is no quorum, at the
// end with its signatures or without them.
func (p *puppet) without(epoch uint64, a *types.Aggregate) *types.Aggregate {
	out := &types.Aggregate{Signers: slices.Clone(a.Signers), Signature: slices.Clone(a.Signature)}
	set := p.k.set(epoch)
	if set == nil {
		return out
	}
	for {
		signers, power, err := set.SignersOf(out)
		if err != nil || !set.IsQuorum(power) || len(signers) == 0 {
			break
		}
		last := signers[len(signers)-1]
		out.Signers[last/8] &^= 1 << (last % 8)
		if len(out.Signature) >= types.MaxSignature {
			out.Signature = out.Signature[:len(out.Signature)-types.MaxSignature]
		}
	}
	if p.rng.IntN(4) == 0 {
		out.Signature = out.Signature[:len(out.Signature)/2]
	}
	return out
}

// truncatedCertificate shows certificates with fewer signatures than a quorum.
func truncatedCertificate(p *puppet) {
	s, up := p.node.Status()
	if !up || p.rng.IntN(3) > 0 {
		return
	}
	var m types.Message
	switch p.rng.IntN(4) {
	case 0:
		if q, ok := pick(p, p.k.memory.qcs); ok && q.Prepares != nil {
			other := *q
			other.Prepares = p.without(q.Epoch, q.Prepares)
			m.QC = &other
		}
	case 1:
		if cc, ok := pick(p, p.k.memory.ccs); ok {
			other := *cc
			other.Commits = *p.without(cc.Epoch, &cc.Commits)
			m.CC = &other
		}
	case 2:
		if tc, ok := pick(p, p.k.memory.tcs); ok {
			other := *tc
			other.Groups = slices.Clone(tc.Groups)
			g := &other.Groups[p.rng.IntN(len(other.Groups))]
			g.Sigs = *p.without(tc.Epoch, &g.Sigs)
			m.TC = &other
		}
	case 3: // its own vote alone, for a view to come
		epoch, view := s.Consensus.Epoch, s.Consensus.View+1
		v := types.Prepare{View: view, Height: s.Consensus.Lock.Height + 1, Block: types.SumHash([]byte{byte(view)})}
		set, self := p.k.set(epoch), 0
		if i, ok := p.self(epoch); ok {
			self = int(i)
		}
		if set == nil {
			return
		}
		if a, err := set.Aggregate([]int{self}, [][]byte{p.node.Sign(epoch, v)}); err == nil {
			m.QC = &types.QC{Epoch: epoch, View: view, Height: v.Height, Block: v.Block, Prepares: &a}
		}
	}
	if m.Epoch() == 0 {
		return
	}
	p.did()
	p.some(m)
}

// mixedCertificate shows certificates put together from others: of two views, of two
// epochs, prepares as commits.
func mixedCertificate(p *puppet) {
	s, up := p.node.Status()
	if !up || p.rng.IntN(3) > 0 {
		return
	}
	epoch, view := s.Consensus.Epoch, s.Consensus.View
	q, ok := pick(p, p.k.memory.qcs)
	if !ok || q.Prepares == nil {
		return
	}
	var m types.Message
	switch p.rng.IntN(4) {
	case 0: // votes of one epoch in another
		other := *q
		other.Epoch, other.View = epoch+uint64(p.rng.IntN(2)), view
		m.QC = &other
	case 1: // half of the signatures are of another vote
		r, _ := pick(p, p.k.memory.qcs)
		if r.Prepares == nil || len(r.Prepares.Signature) != len(q.Prepares.Signature) {
			return
		}
		other := *q
		half := len(q.Prepares.Signature) / 2
		other.Prepares = &types.Aggregate{Signers: q.Prepares.Signers, Signature: append(slices.Clone(q.Prepares.Signature[:half]), r.Prepares.Signature[half:]...)}
		other.View = max(q.View, view)
		m.QC = &other
	case 2: // prepare votes as commit votes
		o := types.Outcome{Height: q.Height, Block: q.Block, FailedRun: types.NoFailedRun}
		m.CC = &types.CC{Epoch: q.Epoch, View: max(q.View, view), Height: q.Height, Block: q.Block, Outcome: o, Commits: *q.Prepares}
	case 3: // the timeouts of one view for another, and a certificate of another epoch
		tc, ok := pick(p, p.k.memory.tcs)
		if !ok {
			return
		}
		other := *tc
		other.View, other.Epoch = view, epoch
		if p.rng.IntN(2) == 0 {
			other.High = *q
		}
		m.TC = &other
	}
	p.did()
	p.some(m)
}
