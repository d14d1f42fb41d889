package votelog

import (
	"encoding/binary"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// The payload of a record, integers little-endian:
//
//	synced height u64 | SafetyState var (empty: epoch 0, nothing signed)
//	count u32, outcomes {epoch u64, view u64, height u64, block, outcome (32 each)}
//	count u32, blocks {id (32), var; empty in a slot}

const (
	outcomeBytes  = 3*8 + 2*32
	maxOutcomes   = 1 << 16 // in one record
	maxBlocks     = 1 << 12 // in one record
	blockMinBytes = 32 + 4
)

// outcomeEntry is an outcome with the epoch that it was signed in.
type outcomeEntry struct {
	epoch  uint64
	signed types.SignedOutcome
}

// content is a decoded payload.
type content struct {
	synced   uint64
	state    types.SafetyState
	outcomes []outcomeEntry
	blocks   []blockEntry
}

// blockEntry is a body, or in a slot only its id.
type blockEntry struct {
	id   types.Hash
	body []byte
}

// encodeContent writes a payload; whole keeps the bodies.
func encodeContent(c *content, whole bool) []byte {
	var state []byte
	if c.state.Epoch != 0 {
		state = wire.EncodeSafetyState(&c.state)
	}
	size := 8 + 4 + len(state) + 4 + len(c.outcomes)*outcomeBytes + 4
	for i := range c.blocks {
		size += blockMinBytes + len(c.blocks[i].body)
	}
	b := make([]byte, 0, size)
	b = binary.LittleEndian.AppendUint64(b, c.synced)
	b = appendVar(b, state)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.outcomes)))
	for _, o := range c.outcomes {
		b = binary.LittleEndian.AppendUint64(b, o.epoch)
		b = binary.LittleEndian.AppendUint64(b, o.signed.View)
		b = binary.LittleEndian.AppendUint64(b, o.signed.Height)
		b = append(b, o.signed.Block[:]...)
		b = append(b, o.signed.Outcome[:]...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.blocks)))
	for i := range c.blocks {
		b = append(b, c.blocks[i].id[:]...)
		if whole {
			b = appendVar(b, c.blocks[i].body)
		} else {
			b = appendVar(b, nil)
		}
	}
	return b
}

func appendVar(b, v []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
}

// decodeContent reads a payload whose CRCs were valid.
func decodeContent(payload []byte) (content, error) {
	r := &payloadReader{b: payload}
	c := content{synced: r.u64()}
	if state := r.bytes(int(r.u32())); len(state) > 0 {
		decoded, err := wire.DecodeSafetyState(state)
		if err != nil {
			return content{}, fmt.Errorf("decode the safety state of a vote log record: %w", err)
		}
		c.state = *decoded
	}
	for range r.count(maxOutcomes) {
		o := outcomeEntry{epoch: r.u64()}
		o.signed.View, o.signed.Height = r.u64(), r.u64()
		copy(o.signed.Block[:], r.bytes(32))
		copy(o.signed.Outcome[:], r.bytes(32))
		c.outcomes = append(c.outcomes, o)
	}
	for range r.count(maxBlocks) {
		e := blockEntry{}
		copy(e.id[:], r.bytes(32))
		e.body = r.bytes(int(r.u32()))
		c.blocks = append(c.blocks, e)
	}
	if r.short || len(r.b) != 0 {
		return content{}, fmt.Errorf("decode a vote log record of %d bytes: lengths do not add up", len(payload))
	}
	return c, nil
}

type payloadReader struct {
	b     []byte
	short bool
}

func (r *payloadReader) bytes(n int) []byte {
	if r.short || n < 0 || n > len(r.b) {
		r.short = true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *payloadReader) u32() uint32 {
	if v := r.bytes(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (r *payloadReader) u64() uint64 {
	if v := r.bytes(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

func (r *payloadReader) count(limit int) int {
	n := int(r.u32())
	if n > limit {
		r.short = true
		return 0
	}
	return n
}
