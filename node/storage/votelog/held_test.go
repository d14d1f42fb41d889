package votelog

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// rule: log-drop
func TestDroppable(t *testing.T) {
	mine, other := types.Hash{1}, types.Hash{2}
	tests := []struct {
		name          string
		d             decided
		epoch, height uint64
		want          bool
	}{
		{"nothing known", decided{epoch: 1}, 1, 5, false},
		{"above the synced height", decided{epoch: 1, synced: 4}, 1, 5, false},
		{"at the synced height", decided{epoch: 1, synced: 5}, 1, 5, true},
		{"epoch over", decided{epoch: 2}, 1, 5, true},
		{"later epoch", decided{epoch: 1}, 2, 5, false},
		{"final, not synced", decided{epoch: 1, final: map[uint64]types.Hash{5: mine}}, 1, 5, false},
		{"conflicting block final", decided{epoch: 1, final: map[uint64]types.Hash{5: other}}, 1, 5, true},
		{"another height final", decided{epoch: 1, final: map[uint64]types.Hash{4: other}}, 1, 5, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.d.droppable(tt.epoch, tt.height, mine); got != tt.want {
				t.Errorf("droppable = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestExpendable(t *testing.T) {
	h := newHeld()
	h.addBody(types.Hash{1}, body{epoch: 1, height: 1, segment: 1, bytes: 10})
	h.addBody(types.Hash{3}, body{epoch: 1, height: 3, segment: 3, bytes: 30})
	h.addOutcome(outcome{outcomeEntry: outcomeEntry{epoch: 1, signed: types.SignedOutcome{Height: 2}}, segment: 2})
	all := []uint64{1, 2, 3, 4}
	steps := []struct {
		synced uint64
		latest uint64
		want   int
		bytes  int64
	}{
		{0, 4, 0, 40},
		{1, 4, 1, 30},
		{2, 4, 2, 30},
		{3, 3, 2, 0}, // the segment of the latest record stays, needed or not
		{3, 4, 3, 0},
	}
	for i, s := range steps {
		h.advance(s.synced, 1)
		if got := h.expendable(all, s.latest); len(got) != s.want || h.bytes != s.bytes {
			t.Errorf("step %d: expendable %v, %d bytes held; want %d segments, %d bytes", i, got, h.bytes, s.want, s.bytes)
		}
	}
}

func TestHeldBodyMovesToTheNewerSegment(t *testing.T) {
	h := newHeld()
	h.addBody(types.Hash{1}, body{epoch: 1, height: 1, segment: 1, bytes: 10})
	h.addBody(types.Hash{1}, body{epoch: 1, height: 1, segment: 2, bytes: 10})
	if h.needs(1) || !h.needs(2) || h.bytes != 10 {
		t.Errorf("needs(1) %v, needs(2) %v, %d bytes", h.needs(1), h.needs(2), h.bytes)
	}
}
