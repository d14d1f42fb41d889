package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/types"
)

// store is the chain volume of a node: what is final, by height. It outlives its node.
// Reading waits for nothing.
type store struct {
	wait    func() // what a commit or a sync takes
	heights []stored
	batches []uint64 // the last height of each commit, from the synced one on
	synced  uint64
	epochs  map[uint64]*types.EpochStart

	filling  bool   // it lacks what the vote log saw synced, and is filled from peers
	want     uint64 // what the vote log saw synced when it was opened
	failSync bool   // the next sync fails
	failed   bool   // one did: nothing more is written
	noticed  func()
	damaged  map[uint64]bool // heights that do not read
}

// errDamaged is what reading a damaged height gives; errStoreSync what a failed sync does.
var (
	errDamaged   = errors.New("the chain volume is damaged")
	errStoreSync = errors.New("the chain volume failed to sync")
)

// open holds the store against what the vote log saw synced. One that is empty is filled
// from peers, as package storage does it. // rule: key-with-memory
func (s *store) open(synced uint64) error {
	s.want, s.failSync, s.failed = synced, false, false
	switch tip := s.Tip(); {
	case tip >= synced:
		s.filling = false
	case tip == 0:
		s.filling = true
	case !s.filling:
		return fmt.Errorf("the store ends at height %d, the vote log saw %d synced", tip, synced)
	}
	// What is found is written into tables before a store is open, and those are synced.
	s.synced, s.batches = s.Tip(), []uint64{s.Tip()}
	return nil
}

// stored is one height.
type stored struct {
	block       *types.Block
	outcome     types.Outcome
	certificate *types.CC // of this height, or nil
	state       ledger
}

func newStore(genesis types.Outcome, epoch types.Epoch) *store {
	return &store{heights: []stored{{outcome: genesis}}, batches: []uint64{0}, epochs: map[uint64]*types.EpochStart{1: {Epoch: epoch}}}
}

// damage makes a height unreadable.
func (s *store) damage(height uint64) {
	if s.damaged == nil {
		s.damaged = map[uint64]bool{}
	}
	s.damaged[height] = true
}

// cut loses what was not synced: all batches from one on, as a log that ends there.
func (s *store) cut(rng *rand.Rand) {
	keep := s.batches[rng.IntN(len(s.batches))]
	for number, start := range s.epochs {
		if start.Certificate != nil && start.Certificate.Outcome.Height > keep {
			delete(s.epochs, number)
		}
	}
	s.heights = s.heights[:keep+1]
	for h := range s.damaged {
		if h > keep {
			delete(s.damaged, h)
		}
	}
	s.synced, s.batches = keep, []uint64{keep}
}

// Commit implements engine.Store.
func (s *store) Commit(blocks []engine.FinalBlock, certificate *types.CC, starts []types.EpochStart) error {
	s.wait()
	if s.failed {
		return errStoreSync
	}
	for i := range blocks {
		b := &blocks[i]
		if b.Outcome.Height != uint64(len(s.heights)) {
			return fmt.Errorf("block %d is committed onto %d", b.Outcome.Height, len(s.heights)-1)
		}
		state := s.heights[len(s.heights)-1].state
		for j, tx := range b.Block.Payload {
			if b.Execution.Receipts[j].Code == 0 {
				state.apply(tx)
			}
		}
		if root := state.root(); root != b.Outcome.StateRoot {
			return fmt.Errorf("block %d gives the state root %s, its outcome says %s", b.Outcome.Height, root, b.Outcome.StateRoot)
		}
		s.heights = append(s.heights, stored{block: b.Block, outcome: b.Outcome, certificate: b.Certificate, state: state})
	}
	for i := range starts {
		s.epochs[starts[i].Epoch.Number] = &starts[i]
	}
	s.batches = append(s.batches, s.Tip())
	return nil
}

// Sync implements engine.Store.
func (s *store) Sync() (uint64, error) {
	tip := s.Tip()
	s.wait()
	if s.failSync || s.failed {
		s.failed = true
		return 0, errStoreSync
	}
	s.synced = tip
	if tip >= s.want {
		s.filling = false
	}
	for len(s.batches) > 1 && s.batches[0] < tip {
		s.batches = s.batches[1:]
	}
	return tip, nil
}

// Tip implements engine.Store.
func (s *store) Tip() uint64 { return uint64(len(s.heights) - 1) }

// Floor implements engine.Store.
func (s *store) Floor() uint64 { return 1 }

func (s *store) at(height uint64) (*stored, error) {
	if height >= uint64(len(s.heights)) {
		return nil, fmt.Errorf("height %d is not here, the tip is %d", height, s.Tip())
	}
	if s.damaged[height] { // rule: host-fault
		s.noticed()
		return nil, fmt.Errorf("%w: height %d does not match its checksum", errDamaged, height)
	}
	return &s.heights[height], nil
}

// Block implements engine.Store.
func (s *store) Block(height uint64) (*types.Block, error) {
	h, err := s.at(height)
	if err != nil {
		return nil, err
	}
	return h.block, nil
}

// BlockByID implements engine.Store.
func (s *store) BlockByID(id types.Hash) (*types.Block, error) {
	for i := len(s.heights) - 1; i > 0; i-- {
		if s.heights[i].outcome.Block == id {
			return s.Block(uint64(i))
		}
	}
	return nil, fmt.Errorf("block %s is not here", id)
}

// Outcome implements engine.Store.
func (s *store) Outcome(height uint64) (*types.Outcome, error) {
	h, err := s.at(height)
	if err != nil {
		return nil, err
	}
	return &h.outcome, nil
}

// Certificate implements engine.Store.
func (s *store) Certificate(height uint64) (*types.CC, error) {
	for ; height < uint64(len(s.heights)); height++ {
		if s.heights[height].certificate != nil {
			h, err := s.at(height)
			if err != nil {
				return nil, err
			}
			return h.certificate, nil
		}
	}
	return nil, fmt.Errorf("height %d: %w", height, blocksync.ErrNoCertificate)
}

// Stopped implements engine.Store.
func (s *store) Stopped(uint64) (*types.Outcome, error) { return nil, nil }

// EpochStart implements engine.Store.
func (s *store) EpochStart(number uint64) (*types.EpochStart, error) { return s.epochs[number], nil }

// KnownEvidence implements engine.Store.
func (s *store) KnownEvidence(hash types.Hash) (bool, error) {
	for i := range s.heights[1:] {
		for _, ev := range s.heights[i+1].block.Evidence {
			if types.SumHash(ev) == hash {
				return true, nil
			}
		}
	}
	return false, nil
}
