package types

import (
	"encoding/binary"
	"fmt"
)

// decoder reads a fixed layout; the first shortfall sticks.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || len(d.b) < n {
		d.bad = true
		return make([]byte, n)
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) u8() byte    { return d.take(1)[0] }
func (d *decoder) u16() uint16 { return binary.LittleEndian.Uint16(d.take(2)) }
func (d *decoder) u32() uint32 { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }
func (d *decoder) hash() Hash  { return Hash(d.take(32)) }

// variable reads a `var` of at most max bytes.
func (d *decoder) variable(max uint32) []byte {
	n := d.u32()
	if n > max || int(n) > len(d.b) {
		d.bad = true
		return nil
	}
	return append([]byte(nil), d.take(int(n))...)
}

func (d *decoder) tag(want string) {
	if got := d.take(1 + len(want)); int(got[0]) != len(want) || string(got[1:]) != want {
		d.bad = true
	}
}

func (d *decoder) done() bool { return !d.bad && len(d.b) == 0 }

func (d *decoder) evidenceMessage() (m EvidenceMessage) {
	switch kind := Kind(d.u8()); kind {
	case KindProposeOptimistic, KindProposeNormal, KindProposeFallback:
		m.Proposal = &ProposalID{Kind: kind, View: d.u64(), Block: d.hash()}
	case KindPrepare:
		m.Prepare = &Prepare{View: d.u64(), Height: d.u64(), Block: d.hash()}
	case KindCommit:
		m.Commit = &Commit{View: d.u64(), Height: d.u64(), Block: d.hash(), Outcome: d.hash()}
	case KindTimeout:
		m.Timeout = &Timeout{View: d.u64(), HighView: d.u64()}
	default:
		d.bad = true
	}
	m.Signature = d.variable(MaxSignature)
	return m
}

// DecodeHeader reads Header.Encode's fixed layout.
func DecodeHeader(b []byte) (Header, error) {
	d := decoder{b: b}
	d.tag("bedrock/header/1")
	h := Header{Genesis: d.hash(), Epoch: d.u64(), View: d.u64(), Height: d.u64(), Parent: d.hash(),
		Proposer: d.u32(), TimestampMs: d.u64(), PayloadRoot: d.hash(), EvidenceRoot: d.hash()}
	if !d.done() {
		return Header{}, fmt.Errorf("decode header: not the fixed layout (%d bytes)", len(b))
	}
	return h, nil
}

// DecodeOutcome reads Outcome.Encode's fixed layout.
func DecodeOutcome(b []byte) (Outcome, error) {
	d := decoder{b: b}
	d.tag("bedrock/outcome/1")
	o := Outcome{Height: d.u64(), Block: d.hash(), StateRoot: d.hash(), ReceiptsRoot: d.hash(),
		NextEpoch: d.hash(), FailedRun: d.u16(), Parent: d.hash()}
	if !d.done() {
		return Outcome{}, fmt.Errorf("decode outcome: not the fixed layout (%d bytes)", len(b))
	}
	return o, nil
}
