package node

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// A lock is held against the block that a recovery continues by views: the highest one
// may stand lower than one of an earlier view that nobody else saw. // rule: recovery-genesis
func TestRecoveryGoesByTheViewOfLocks(t *testing.T) {
	type lock struct{ epoch, view, height uint64 }
	for _, tt := range []struct {
		name     string
		ends     bool // the block that is continued, of view 7 and height 11 in epoch 2, ends its epoch
		lock     lock
		above    bool // the lock extends it
		lockPast bool
	}{
		{"the very block", false, lock{2, 7, 11}, false, false},
		{"below it", false, lock{2, 6, 10}, false, false},
		{"higher, of an earlier view: never final", false, lock{2, 5, 12}, false, false},
		{"lower, of a later view: another branch may be final", false, lock{2, 8, 11}, false, true},
		{"of a later view, and above it", false, lock{2, 8, 12}, true, true},
		{"above the end of the epoch: void", true, lock{2, 9, 12}, true, false},
		{"of a later view beside the end of the epoch", true, lock{2, 9, 11}, false, true},
		{"of the epoch before", false, lock{1, 40, 9}, false, false},
		{"the root of the next epoch", true, lock{3, 0, 11}, false, false},
		{"of the next epoch", true, lock{3, 1, 12}, true, true},
		{"never signed", false, lock{}, false, false},
	} {
		at := stop{header: &types.Header{Epoch: 2, View: 7, Height: 11}, ends: tt.ends}
		q := types.QC{Epoch: tt.lock.epoch, View: tt.lock.view, Height: tt.lock.height}
		if got := at.lockedPast(&q, func() bool { return tt.above }); got != tt.lockPast {
			t.Errorf("%s: locked past it: %v", tt.name, got)
		}
	}
}

// Whether a lock extends a block is told by the bodies that the vote log holds; one that
// is missing, or a loop, proves nothing.
func TestTheVoteLogLeadsFromItsLock(t *testing.T) {
	block := func(parent types.Hash, height uint64) *types.Block {
		return &types.Block{Header: types.Header{Parent: parent, Height: height}}
	}
	end := types.Hash{7}
	first := block(end, 12)
	second := block(first.ID(), 13)
	r := &votelog.Recovered{Blocks: []*types.Block{first, second}}
	r.State.Lock.Block = second.ID()
	if !extends(r, end) || !extends(r, first.ID()) || !extends(r, second.ID()) {
		t.Error("the lock does not lead to what it extends")
	}
	if extends(r, types.Hash{8}) {
		t.Error("it leads to what it does not extend")
	}
	if r.Blocks = r.Blocks[1:]; extends(r, end) {
		t.Error("it leads over a body that is missing")
	}
}
