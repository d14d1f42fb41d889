package node

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// A lock is held against the one that a recovery was made from by views: the highest one
// may stand lower than one of an earlier view that nobody else saw. // rule: recovery-genesis
func TestRecoveryGoesByTheViewOfLocks(t *testing.T) {
	type lock struct{ epoch, view, height uint64 }
	within := genesis.Continues{Epoch: 2, Height: 11, LockEpoch: 2, LockView: 7}    // that very block was locked
	uncertain := genesis.Continues{Epoch: 3, Height: 11, LockEpoch: 2, LockView: 9} // one above it, and it ends epoch 2
	certain := genesis.Continues{Epoch: 3, Height: 11, LockEpoch: 3}                // it ended epoch 2 for good
	for _, tt := range []struct {
		name     string
		at       genesis.Continues
		lock     lock
		above    bool // the lock is known to extend it
		lockPast bool
	}{
		{"the very block", within, lock{2, 7, 11}, false, false},
		{"below it", within, lock{2, 6, 10}, false, false},
		{"higher, of an earlier view: never final", within, lock{2, 5, 12}, false, false},
		{"lower, of a later view: another branch may be final", within, lock{2, 8, 11}, false, true},
		{"of a later view, and above it", within, lock{2, 8, 12}, true, true},
		{"the next epoch's root", within, lock{3, 0, 12}, false, true},
		{"never signed", within, lock{}, false, false},
		{"the same lock above the end of the epoch, its block not at hand", uncertain, lock{2, 9, 12}, false, false},
		{"an earlier one beside the end of the epoch: never final", uncertain, lock{2, 8, 11}, false, false},
		{"a later one above the end of the epoch: void", uncertain, lock{2, 10, 12}, true, false},
		{"a later one beside the end of the epoch", uncertain, lock{2, 10, 11}, false, true},
		{"of the epoch before", uncertain, lock{1, 40, 9}, false, false},
		{"the next epoch's root, which is the end", uncertain, lock{3, 0, 11}, false, false},
		{"the next epoch's root, which is another end", uncertain, lock{3, 0, 10}, false, true},
		{"of the next epoch", uncertain, lock{3, 1, 12}, true, true},
		{"any above the end for good", certain, lock{2, 90, 12}, false, false},
		{"of the next epoch, which began", certain, lock{3, 1, 12}, true, true},
	} {
		at := ending{Continues: &tt.at, block: types.Hash{11}, ends: tt.at.Epoch == 3}
		q := types.QC{Epoch: tt.lock.epoch, View: tt.lock.view, Height: tt.lock.height, Block: types.Hash{byte(tt.lock.height)}}
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
