package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
)

// What each epoch changed, with a rotation seen as one validator's.
func TestHistoryOfEpochs(t *testing.T) {
	set := func(number uint64, members ...any) types.Epoch {
		e := types.Epoch{Number: number}
		for i := 0; i < len(members); i += 2 {
			e.Validators = append(e.Validators, types.Validator{NetworkKey: [32]byte{members[i].(byte)}, Power: uint64(members[i+1].(int))})
		}
		return e
	}
	a, b, c := ledger.ID{0xa}, ledger.ID{0xb}, ledger.ID{0xc}
	e := &epochs{
		list: []types.Epoch{
			set(1, byte(1), 10, byte(2), 10),
			set(2, byte(1), 10, byte(2), 10, byte(3), 5),
			set(3, byte(4), 12, byte(3), 5),
		},
		first:  []uint64{1, 20, 31},
		holder: map[ledger.ID]ledger.ID{{1}: a, {4}: a, {2}: b, {3}: c},
		names:  map[ledger.ID]string{a: "alpha", b: "beta"},
	}
	var got []string
	for i := range e.list {
		for _, c := range e.changes(i) {
			got = append(got, c.String())
		}
	}
	want := []string{
		"alpha entered with power 10", "beta entered with power 10",
		"0c0000000000 entered with power 5",
		"alpha rotated from identity 010000000000 to 040000000000", "alpha weighed, power 10 to 12", "beta left the set",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes:\n%s", diff)
	}
	if h := e.historyOf(b); len(h) != 2 || h[1].Epoch != 3 || h[1].Height != 31 {
		t.Errorf("history of beta: %+v", h)
	}
	if r, err := e.results(0, 2); err != nil || len(r.Epochs) != 2 || r.Epochs[0].Number != 2 || r.Epochs[1].Power != 17 {
		t.Errorf("the newest two: %+v, %v", r, err)
	}
	if r, err := e.results(1, 1); err != nil || r.Epochs[0].First != 1 || r.Newest != 3 {
		t.Errorf("the first: %+v, %v", r, err)
	}
	if _, err := e.results(4, 1); err == nil {
		t.Error("an epoch that is none")
	}
}
