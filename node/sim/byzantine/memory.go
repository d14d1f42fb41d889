package byzantine

import (
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// What is remembered of each kind, at most; the oldest goes.
const (
	keptBlocks       = 64
	keptCertificates = 32
	keptMessages     = 400
	keptEvery        = 5 // one in so many messages is kept as it was
)

// memory is what went over the network, as the Byzantine ones use it.
type memory struct {
	last    *byte // the message decoded last
	message *types.Message

	blocks   []*types.Block
	qcs      []*types.QC
	ccs      []*types.CC
	tcs      []*types.TC
	timeouts []*types.SignedTimeout
	starts   []*types.EpochStart
	messages [][]byte // some, as they were
	count    int
	roots    map[uint64]types.Root // of epochs
}

func newMemory() *memory { return &memory{roots: map[uint64]types.Root{}} }

func keep[T any](list []T, x T, most int) []T {
	if list = append(list, x); len(list) > most {
		list = list[1:]
	}
	return list
}

// see decodes a message; fresh: it was not the last one as well. A message goes to each
// recipient in a row.
func (m *memory) see(data []byte) (message *types.Message, fresh bool) {
	if m.last == &data[0] {
		return m.message, false
	}
	m.last, m.message = &data[0], nil
	decoded, err := wire.DecodeMessage(data)
	if err != nil {
		return nil, false
	}
	m.message = &decoded
	if m.count++; m.count%keptEvery == 0 {
		m.messages = keep(m.messages, data, keptMessages)
	}
	m.learn(&decoded)
	return m.message, true
}

func (m *memory) learn(message *types.Message) {
	switch {
	case message.Proposal != nil:
		p := message.Proposal
		if p.Block != nil {
			m.blocks = keep(m.blocks, p.Block, keptBlocks)
		}
		m.qc(p.QC)
		m.tc(p.TC)
	case message.Timeout != nil:
		m.timeouts = keep(m.timeouts, message.Timeout, keptCertificates)
		m.qc(&message.Timeout.High)
	case message.QC != nil:
		m.qc(message.QC)
	case message.CC != nil:
		m.ccs = keep(m.ccs, message.CC, keptCertificates)
	case message.TC != nil:
		m.tc(message.TC)
	case message.EpochStart != nil:
		m.starts = keep(m.starts, message.EpochStart, keptCertificates)
	}
}

func (m *memory) qc(q *types.QC) {
	if q == nil || q.View == 0 {
		return
	}
	for _, known := range m.qcs {
		if known.Epoch == q.Epoch && known.View == q.View && known.Block == q.Block {
			return
		}
	}
	m.qcs = keep(m.qcs, q, keptCertificates)
}

func (m *memory) tc(t *types.TC) {
	if t == nil {
		return
	}
	m.qc(&t.High)
	for _, known := range m.tcs {
		if known.Epoch == t.Epoch && known.View == t.View && known.High.View == t.High.View {
			return
		}
	}
	m.tcs = keep(m.tcs, t, keptCertificates)
}

// final learns where epochs begin.
func (m *memory) final(blocks []engine.FinalBlock) {
	for i := range blocks {
		if next := blocks[i].Change; next != nil {
			m.roots[next.Number] = types.Root{Height: blocks[i].Outcome.Height, Block: blocks[i].Outcome.Block}
		}
	}
}

// block is one that was seen; nil: it was not, or long ago.
func (m *memory) block(id types.Hash) *types.Block {
	for i := len(m.blocks) - 1; i >= 0; i-- {
		if m.blocks[i].ID() == id {
			return m.blocks[i]
		}
	}
	return nil
}

// rootQC is view 0 of an epoch.
func (k *kit) rootQC(epoch uint64) types.QC {
	root, ok := k.memory.roots[epoch]
	if !ok {
		root = types.Root{Block: k.w.Genesis()}
	}
	return types.QC{Epoch: epoch, Height: root.Height, Block: root.Block}
}

// stale is a certificate of the epoch of a view below one, an old one where there is.
func (k *kit) stale(epoch, below uint64) types.QC {
	for _, q := range k.memory.qcs {
		if q.Epoch == epoch && q.View+1 < below {
			return *q
		}
	}
	return k.rootQC(epoch)
}
