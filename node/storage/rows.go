package storage

import (
	"encoding/binary"
	"fmt"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// Row flags of the state family.
const (
	rowTombstone = 0
	rowValue     = 1
)

// appendRow is the state family's value: flag, raw key, value.
func appendRow(dst []byte, w *state.ValueWrite) []byte {
	flag := byte(rowValue)
	if w.Tombstone {
		flag = rowTombstone
	}
	dst = append(dst, flag)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(w.Key)))
	dst = append(dst, w.Key...)
	if w.Tombstone {
		return dst
	}
	return append(dst, w.Value...)
}

// readRow copies a row; a tombstone is an absence, anything odd an error.
func readRow(b []byte) (state.Row, error) {
	if len(b) < 3 || len(b) < 3+int(binary.LittleEndian.Uint16(b[1:])) {
		return state.Row{}, fmt.Errorf("%w: a state row of %d bytes is too short", ErrDamaged, len(b))
	}
	n := int(binary.LittleEndian.Uint16(b[1:]))
	switch b[0] {
	case rowTombstone:
		if len(b) != 3+n {
			return state.Row{}, fmt.Errorf("%w: a deleted row has a value", ErrDamaged)
		}
		return state.Row{}, nil
	case rowValue:
		own := append([]byte(nil), b[3:]...)
		return state.Row{Present: true, Key: own[:n:n], Value: own[n:]}, nil
	}
	return state.Row{}, fmt.Errorf("%w: a state row has flag %d", ErrDamaged, b[0])
}

// outcomeRow is what the outcomes family keeps of a height.
type outcomeRow struct {
	outcome     types.Outcome
	treeVersion uint64
	rooted      bool // the tree has a root page
}

func (r *outcomeRow) ref() state.Ref {
	return state.Ref{Root: r.outcome.StateRoot, Height: r.outcome.Height, TreeVersion: r.treeVersion}
}

func encodeOutcomeRow(r *outcomeRow) []byte {
	b := binary.BigEndian.AppendUint64(nil, r.treeVersion)
	if r.rooted {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return append(b, wire.EncodeOutcome(&r.outcome)...)
}

func decodeOutcomeRow(b []byte) (outcomeRow, error) {
	if len(b) < 9 || b[8] > 1 {
		return outcomeRow{}, fmt.Errorf("%w: an outcome row of %d bytes", ErrDamaged, len(b))
	}
	o, err := wire.DecodeOutcome(b[9:])
	if err != nil {
		return outcomeRow{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return outcomeRow{outcome: o, treeVersion: binary.BigEndian.Uint64(b), rooted: b[8] == 1}, nil
}

// Lists of pages made stale and of changed addresses.

func appendPages(dst []byte, pages []state.PageID) []byte {
	for i := range pages {
		dst = binary.BigEndian.AppendUint64(dst, pages[i].Version)
		dst = pages[i].Path.Append(dst)
	}
	return dst
}

func readPageList(b []byte) ([]state.PageID, error) {
	var list []state.PageID
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, fmt.Errorf("%w: a list of stale pages ends in the middle", ErrDamaged)
		}
		path, n, err := state.ParsePath(b[8:])
		if err != nil {
			return nil, fmt.Errorf("%w: a list of stale pages: %w", ErrDamaged, err)
		}
		list = append(list, state.PageID{Version: binary.BigEndian.Uint64(b), Path: path})
		b = b[8+n:]
	}
	return list, nil
}

func readAddresses(b []byte) ([]state.Address, error) {
	if len(b)%addressBytes != 0 {
		return nil, fmt.Errorf("%w: a list of addresses has %d bytes", ErrDamaged, len(b))
	}
	list := make([]state.Address, 0, len(b)/addressBytes)
	for ; len(b) > 0; b = b[addressBytes:] {
		list = append(list, state.Address(b[:addressBytes]))
	}
	return list, nil
}

func encodePlace(p TxPlace) []byte {
	b := binary.BigEndian.AppendUint64(nil, p.Height)
	b = binary.BigEndian.AppendUint32(b, p.Index)
	if p.Success {
		return append(b, 1)
	}
	return append(b, 0)
}

func decodePlace(b []byte) (TxPlace, error) {
	if len(b) != 13 || b[12] > 1 {
		return TxPlace{}, fmt.Errorf("%w: an index row of %d bytes", ErrDamaged, len(b))
	}
	return TxPlace{
		Height: binary.BigEndian.Uint64(b), Index: binary.BigEndian.Uint32(b[8:]), Success: b[12] == 1,
	}, nil
}

func appendVar[T string | []byte](dst []byte, v T) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(v))), v...)
}

// encodeReceipts keeps receipts whole, texts included.
func encodeReceipts(list []receipts.Receipt) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	for i := range list {
		r := &list[i]
		b = r.Append(b)
		b = appendVar(b, r.Log)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Events)))
		for _, e := range r.Events {
			b = appendVar(b, e.Type)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Attributes)))
			for _, a := range e.Attributes {
				b = appendVar(b, a.Key)
				b = appendVar(b, a.Value)
			}
		}
	}
	return b
}

func decodeReceipts(b []byte) ([]receipts.Receipt, error) {
	r := &rowReader{b: b}
	list := make([]receipts.Receipt, 0, r.count(receipts.EncodedLen))
	for range cap(list) {
		list = append(list, r.receipt())
	}
	if r.short || len(r.b) != 0 {
		return nil, fmt.Errorf("%w: receipts of %d bytes do not add up", ErrDamaged, len(b))
	}
	return list, nil
}

// rowReader reads fields until one does not fit.
type rowReader struct {
	b     []byte
	short bool
}

func (r *rowReader) bytes(n int) []byte {
	if r.short || n < 0 || n > len(r.b) {
		r.short = true
		return make([]byte, max(0, min(n, 64)))
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *rowReader) u32() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }

// count reads a number of entries of at least that many bytes each.
func (r *rowReader) count(each int) int {
	n := int(r.u32())
	if n*each > len(r.b) {
		r.short = true
		return 0
	}
	return n
}

func (r *rowReader) variable() []byte { return append([]byte(nil), r.bytes(r.count(1))...) }

func (r *rowReader) receipt() receipts.Receipt {
	out := receipts.Receipt{TxHash: [32]byte(r.bytes(32))}
	out.Code = r.u32()
	out.GasUsed = binary.LittleEndian.Uint64(r.bytes(8))
	out.EventsRoot = [32]byte(r.bytes(32))
	out.Log = string(r.variable())
	for range r.count(8) {
		e := receipts.Event{Type: string(r.variable())}
		for range r.count(8) {
			e.Attributes = append(e.Attributes, receipts.Attribute{Key: string(r.variable()), Value: r.variable()})
		}
		out.Events = append(out.Events, e)
	}
	return out
}
