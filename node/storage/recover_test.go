package storage

import (
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Blocks that a survivor was brought up to its lock by are not called final where another
// lock is continued; those with a certificate are. // rule: recovery-genesis
func TestBlocksOfALockAreNotCalledFinal(t *testing.T) {
	c := newChain(11, 8)
	dir, opt := t.TempDir(), testOptions()
	s := openStore(t, dir, opt)
	c.fill(t, s, 4)
	locked := c.batch(5, 6)
	locked[1].Certificate = nil
	if err := s.CommitLocked(locked); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		height uint64
		want   string
	}{
		{3, "which would forget them"}, {4, "brought up to a lock at height 6"}, {5, "brought up to a lock at height 6"},
		{6, "brought up to a lock at height 6"}, {7, "ends at height 6"},
	} {
		opt.Genesis, opt.Continues = types.Hash{1}, &Continuation{Genesis: testGenesis, Height: tt.height, Outcome: types.Hash{2}}
		if s, err := Open(dir, opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("continued at height %d: %v, want %q", tt.height, err, tt.want)
			if err == nil {
				_ = s.Close()
			}
		}
	}
}

// A chain that made no block before it was recovered again stopped where the one before
// did: blocks below lead to that one's outcome. // rule: recovery-genesis
func TestTwoRecoveriesOfOneHeight(t *testing.T) {
	c := newChain(12, 8)
	dir, opt := t.TempDir(), testOptions()
	s := openStore(t, dir, opt)
	c.fill(t, s, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	root := c.finals[3].Outcome
	for i := range byte(2) {
		opt.Continues = &Continuation{Genesis: opt.Genesis, Height: 4, Outcome: root.Hash()}
		opt.Genesis = types.Hash{i + 1}
		s := openStore(t, dir, opt)
		first := c.epoch
		first.Number += uint64(i) + 1
		root.NextEpoch = first.Digest()
		if err := s.Recover(root, first); err != nil {
			t.Fatal(err)
		}
		stopped, err := s.Stopped(2)
		if err != nil || stopped == nil || *stopped != c.finals[3].Outcome {
			t.Errorf("after recovery %d the first chain stopped at %+v, %v, want %+v", i+1, stopped, err, c.finals[3].Outcome)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
