package wire

import "github.com/bedrock-bft/bedrock/node/types"

func putHeader(b []byte, h *types.Header) []byte {
	b = putHash(b, 1, h.Genesis)
	b = putUint(b, 2, h.Epoch)
	b = putUint(b, 3, h.View)
	b = putUint(b, 4, h.Height)
	b = putHash(b, 5, h.Parent)
	b = putUint(b, 6, uint64(h.Proposer))
	b = putUint(b, 7, h.TimestampMs)
	b = putHash(b, 8, h.PayloadRoot)
	return putHash(b, 9, h.EvidenceRoot)
}

func (r *reader) header() (h types.Header) {
	h.Genesis = r.hash(1)
	h.Epoch = r.u64(2)
	h.View = r.u64(3)
	h.Height = r.u64(4)
	h.Parent = r.hash(5)
	h.Proposer = r.u32(6)
	h.TimestampMs = r.u64(7)
	h.PayloadRoot = r.hash(8)
	h.EvidenceRoot = r.hash(9)
	r.end()
	return h
}

// EncodeHeader is a header as a message; what its id covers is Header.Encode.
func EncodeHeader(h *types.Header) []byte { return putHeader(nil, h) }

// DecodeHeader reads what EncodeHeader wrote.
func DecodeHeader(b []byte) (types.Header, error) {
	r := newReader("header", b)
	h := r.header()
	return h, *r.err
}

func putBlock(b []byte, block *types.Block) []byte {
	b = putMessage(b, 1, func(b []byte) []byte { return putHeader(b, &block.Header) })
	for _, tx := range block.Payload {
		b = putEntry(b, 2, tx)
	}
	for _, e := range block.Evidence {
		b = putEntry(b, 3, e)
	}
	return b
}

// block reads a block and checks its payload and evidence against the roots.
func (r *reader) block() *types.Block {
	block := &types.Block{}
	h := r.message(1, "header")
	r.require(h != nil, "header")
	if h == nil {
		return nil
	}
	block.Header = h.header()
	if len(r.b) > types.MaxBlockBytes+8*types.MaxTransactions+types.MaxEvidence*(types.MaxEvidenceBytes+4) {
		r.fail("%d bytes of payload are above every limit", len(r.b))
	}
	block.Payload = r.list(2, types.MaxTransactions, types.MaxBlockBytes)
	block.Evidence = r.list(3, types.MaxEvidence, types.MaxEvidenceBytes)
	r.end()
	if *r.err != nil {
		return nil
	}
	switch {
	case types.ListRoot(block.Payload) != block.Header.PayloadRoot:
		r.fail("payload does not match its root")
	case types.ListRoot(block.Evidence) != block.Header.EvidenceRoot:
		r.fail("evidence does not match its root")
	}
	block.ID()
	return block
}

// EncodeBlock is a whole block.
func EncodeBlock(block *types.Block) []byte {
	return putBlock(make([]byte, 0, block.PayloadBytes()+8*len(block.Payload)+512), block)
}

// DecodeBlock reads a block whose payload and evidence match the header's roots.
func DecodeBlock(b []byte) (*types.Block, error) {
	r := newReader("block", b)
	block := r.block()
	if *r.err != nil {
		return nil, *r.err
	}
	return block, nil
}

func putOutcome(b []byte, o *types.Outcome) []byte {
	b = putUint(b, 1, o.Height)
	b = putHash(b, 2, o.Block)
	b = putHash(b, 3, o.StateRoot)
	b = putHash(b, 4, o.ReceiptsRoot)
	b = putHash(b, 5, o.NextEpoch)
	b = putUint(b, 6, uint64(o.FailedRun))
	return putHash(b, 7, o.Parent)
}

func (r *reader) outcome() (o types.Outcome) {
	o.Height = r.u64(1)
	o.Block = r.hash(2)
	o.StateRoot = r.hash(3)
	o.ReceiptsRoot = r.hash(4)
	o.NextEpoch = r.hash(5)
	o.FailedRun = uint16(r.uint(6, types.NoFailedRun))
	o.Parent = r.hash(7)
	r.end()
	return o
}

// EncodeOutcome is an outcome as a message; what its hash covers is Outcome.Encode.
func EncodeOutcome(o *types.Outcome) []byte { return putOutcome(nil, o) }

// DecodeOutcome reads what EncodeOutcome wrote.
func DecodeOutcome(b []byte) (types.Outcome, error) {
	r := newReader("outcome", b)
	o := r.outcome()
	return o, *r.err
}
