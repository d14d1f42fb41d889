package storage

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
)

// FuzzRows reads arbitrary bytes as each kind of stored value: damage is ErrDamaged,
// and what is accepted is the one encoding of its value.
func FuzzRows(f *testing.F) {
	row := state.ValueWrite{Key: []byte("key"), Value: []byte("value")}
	gone := state.ValueWrite{Key: []byte("key"), Tombstone: true}
	outcome := outcomeRow{treeVersion: 7, rooted: true, outcome: types.Outcome{Height: 9, Block: types.Hash{1}, StateRoot: types.Hash{2}, Parent: types.Hash{3}}}
	list := []receipts.Receipt{
		{TxHash: [32]byte{1}, GasUsed: 5, EventsRoot: [32]byte{2}, Log: "log", Events: []receipts.Event{
			{Type: "paid", Attributes: []receipts.Attribute{{Key: "to", Value: []byte("x")}, {Key: "empty"}}}, {Type: "bare"}}},
		{TxHash: [32]byte{3}, Code: 4},
	}
	for _, seed := range [][]byte{
		appendRow(nil, &row), appendRow(nil, &gone), encodeOutcomeRow(&outcome), encodeReceipts(list), encodeReceipts(nil),
		appendPages(nil, []state.PageID{{Version: 3}, {Version: 4, Path: state.Path{Len: 3, Bits: [32]byte{0xab, 0xc0}}}}),
		encodePlace(TxPlace{Height: 8, Index: 2, Success: true}), make([]byte, 2*addressBytes), nil,
		{0xff, 0xff, 0xff, 0xff}, // receipts without end
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range []struct {
			name  string
			again func([]byte) ([]byte, error)
		}{
			{"state row", rewriteRow}, {"outcome row", rewriteOutcome}, {"receipts", rewriteReceipts},
			{"stale pages", rewritePages}, {"addresses", rewriteAddresses}, {"place", rewritePlace},
		} {
			again, err := kind.again(b)
			switch {
			case err != nil && !errors.Is(err, ErrDamaged):
				t.Fatalf("%s: error without ErrDamaged: %v", kind.name, err)
			case err == nil && !bytes.Equal(again, b):
				t.Fatalf("%s: two encodings of one value:\n%x\n%x", kind.name, b, again)
			}
		}
	})
}

func rewriteRow(b []byte) ([]byte, error) {
	row, err := readRow(b)
	if err != nil {
		return nil, err
	}
	if !row.Present { // the key of a deleted row is not given out
		return b, nil
	}
	return appendRow(nil, &state.ValueWrite{Key: row.Key, Value: row.Value}), nil
}

func rewriteOutcome(b []byte) ([]byte, error) {
	row, err := decodeOutcomeRow(b)
	if err != nil {
		return nil, err
	}
	return encodeOutcomeRow(&row), nil
}

func rewriteReceipts(b []byte) ([]byte, error) {
	list, err := decodeReceipts(b)
	if err != nil {
		return nil, err
	}
	return encodeReceipts(list), nil
}

func rewritePages(b []byte) ([]byte, error) {
	list, err := readPageList(b)
	if err != nil {
		return nil, err
	}
	return appendPages(nil, list), nil
}

func rewriteAddresses(b []byte) ([]byte, error) {
	list, err := readAddresses(b)
	if err != nil {
		return nil, err
	}
	var again []byte
	for _, a := range list {
		again = append(again, a[:]...)
	}
	return again, nil
}

func rewritePlace(b []byte) ([]byte, error) {
	place, err := decodePlace(b)
	if err != nil {
		return nil, err
	}
	return encodePlace(place), nil
}
