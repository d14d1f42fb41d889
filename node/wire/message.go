package wire

import "github.com/bedrock-bft/bedrock/node/types"

func putProposal(b []byte, p *types.Proposal) []byte {
	b = putUint(b, 1, p.Epoch)
	b = putUint(b, 2, uint64(p.Kind))
	b = putUint(b, 3, p.View)
	b = putHash(b, 4, p.BlockID)
	b = putUint(b, 5, uint64(p.Proposer))
	if p.Block != nil {
		b = putMessage(b, 6, func(b []byte) []byte { return putBlock(b, p.Block) })
	}
	if p.QC != nil {
		b = putMessage(b, 7, func(b []byte) []byte { return putQC(b, p.QC) })
	}
	if p.TC != nil {
		b = putMessage(b, 8, func(b []byte) []byte { return putTC(b, p.TC) })
	}
	return putBytes(b, 9, p.Signature)
}

func (r *reader) proposal() *types.Proposal {
	p := &types.Proposal{}
	p.Epoch = r.u64(1)
	p.Kind = types.Kind(r.uint(2, uint64(types.KindProposeFallback)))
	p.View = r.u64(3)
	p.BlockID = r.hash(4)
	p.Proposer = r.u32(5)
	if m := r.message(6, "block"); m != nil {
		p.Block = m.block()
	}
	if m := r.message(7, "qc"); m != nil {
		p.QC = m.qc()
	}
	if m := r.message(8, "tc"); m != nil {
		p.TC = m.tc()
	}
	p.Signature = r.bytes(9, types.MaxSignature)
	r.end()
	if p.Block != nil && p.Block.ID() != p.BlockID {
		r.fail("the block is not the one named")
	}
	return p
}

func putPrepare(b []byte, p *types.SignedPrepare) []byte {
	b = putUint(b, 1, p.Epoch)
	b = putUint(b, 2, uint64(p.Validator))
	b = putUint(b, 3, p.Vote.View)
	b = putUint(b, 4, p.Vote.Height)
	b = putHash(b, 5, p.Vote.Block)
	return putBytes(b, 6, p.Signature)
}

func (r *reader) prepare() *types.SignedPrepare {
	p := &types.SignedPrepare{}
	p.Epoch = r.u64(1)
	p.Validator = r.u32(2)
	p.Vote.View = r.u64(3)
	p.Vote.Height = r.u64(4)
	p.Vote.Block = r.hash(5)
	p.Signature = r.bytes(6, types.MaxSignature)
	r.end()
	return p
}

func putCommit(b []byte, c *types.SignedCommit) []byte {
	b = putUint(b, 1, c.Epoch)
	b = putUint(b, 2, uint64(c.Validator))
	b = putUint(b, 3, c.Vote.View)
	b = putUint(b, 4, c.Vote.Height)
	b = putHash(b, 5, c.Vote.Block)
	b = putHash(b, 6, c.Vote.Outcome)
	return putBytes(b, 7, c.Signature)
}

func (r *reader) commit() *types.SignedCommit {
	c := &types.SignedCommit{}
	c.Epoch = r.u64(1)
	c.Validator = r.u32(2)
	c.Vote.View = r.u64(3)
	c.Vote.Height = r.u64(4)
	c.Vote.Block = r.hash(5)
	c.Vote.Outcome = r.hash(6)
	c.Signature = r.bytes(7, types.MaxSignature)
	r.end()
	return c
}

func putTimeout(b []byte, t *types.SignedTimeout) []byte {
	b = putUint(b, 1, t.Epoch)
	b = putUint(b, 2, uint64(t.Validator))
	b = putUint(b, 3, t.Vote.View)
	b = putUint(b, 4, t.Vote.HighView)
	b = putMessage(b, 5, func(b []byte) []byte { return putQC(b, &t.High) })
	return putBytes(b, 6, t.Signature)
}

func (r *reader) timeout() *types.SignedTimeout {
	t := &types.SignedTimeout{}
	t.Epoch = r.u64(1)
	t.Validator = r.u32(2)
	t.Vote.View = r.u64(3)
	t.Vote.HighView = r.u64(4)
	q := r.message(5, "high")
	r.require(q != nil, "high")
	if q != nil {
		t.High = *q.qc()
	}
	t.Signature = r.bytes(6, types.MaxSignature)
	r.end()
	return t
}

// EncodeMessage is one consensus message; m has exactly one field set.
func EncodeMessage(m *types.Message) []byte {
	switch {
	case m.Proposal != nil:
		size := 1024
		if m.Proposal.Block != nil {
			size += m.Proposal.Block.PayloadBytes() + 8*len(m.Proposal.Block.Payload)
		}
		return putMessage(make([]byte, 0, size), 1, func(b []byte) []byte { return putProposal(b, m.Proposal) })
	case m.Prepare != nil:
		return putMessage(nil, 2, func(b []byte) []byte { return putPrepare(b, m.Prepare) })
	case m.Commit != nil:
		return putMessage(nil, 3, func(b []byte) []byte { return putCommit(b, m.Commit) })
	case m.Timeout != nil:
		return putMessage(nil, 4, func(b []byte) []byte { return putTimeout(b, m.Timeout) })
	case m.QC != nil:
		return putMessage(nil, 5, func(b []byte) []byte { return putQC(b, m.QC) })
	case m.CC != nil:
		return putMessage(nil, 6, func(b []byte) []byte { return putCC(b, m.CC) })
	case m.TC != nil:
		return putMessage(nil, 7, func(b []byte) []byte { return putTC(b, m.TC) })
	case m.EpochStart != nil:
		return putMessage(nil, 8, func(b []byte) []byte { return putEpochStart(b, m.EpochStart) })
	}
	return nil
}

// DecodeMessage reads a consensus message. Nothing in it is verified but that a
// block matches its header and a proposal names its block.
func DecodeMessage(b []byte) (types.Message, error) {
	r := newReader("message", b)
	var m types.Message
	if s := r.message(1, "proposal"); s != nil {
		m.Proposal = s.proposal()
	} else if s := r.message(2, "prepare"); s != nil {
		m.Prepare = s.prepare()
	} else if s := r.message(3, "commit"); s != nil {
		m.Commit = s.commit()
	} else if s := r.message(4, "timeout"); s != nil {
		m.Timeout = s.timeout()
	} else if s := r.message(5, "QC"); s != nil {
		m.QC = s.qc()
	} else if s := r.message(6, "CC"); s != nil {
		m.CC = s.cc()
	} else if s := r.message(7, "TC"); s != nil {
		m.TC = s.tc()
	} else if s := r.message(8, "epoch"); s != nil {
		m.EpochStart = s.epochStart()
	} else {
		r.fail("no known message")
	}
	r.end()
	if *r.err != nil {
		return types.Message{}, *r.err
	}
	return m, nil
}
