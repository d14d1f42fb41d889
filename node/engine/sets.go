package engine

import (
	"fmt"
	"math"
	"sync"

	"github.com/bedrock-bft/bedrock/node/types"
)

// maxSets bounds the validator sets kept with their keys expanded.
const maxSets = 8

// sets gives validator sets by epoch, from the store, to any goroutine. Those asked
// for last are kept, so that what strangers ask of old epochs does not displace the
// present one, and nobody waits while a set is made for another.
type sets struct {
	store   Store
	genesis types.Hash
	scheme  types.Scheme
	root    uint64 // height that the genesis begins above

	mu   sync.Mutex
	held map[uint64]*heldSet
	uses uint64
}

type heldSet struct {
	set  *types.ValidatorSet
	used uint64 // by the count of uses
}

func newSets(cfg *Config) *sets {
	return &sets{store: cfg.Store, genesis: cfg.Consensus.Genesis, scheme: cfg.Consensus.Scheme, root: cfg.Root, held: map[uint64]*heldSet{}}
}

// at is the set of an epoch if it is at hand; nil: it would have to be made.
func (s *sets) at(epoch uint64) *types.ValidatorSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[epoch]
	if h == nil {
		return nil
	}
	s.uses++
	h.used = s.uses
	return h.set
}

// of is the set of an epoch that the store knows.
func (s *sets) of(epoch uint64) (*types.ValidatorSet, error) {
	if set := s.at(epoch); set != nil {
		return set, nil
	}
	start, err := s.store.EpochStart(epoch)
	if err != nil {
		return nil, fmt.Errorf("read epoch %d: %w", epoch, err)
	}
	if start == nil {
		return nil, fmt.Errorf("epoch %d is not known here", epoch)
	}
	set, err := types.NewValidatorSet(s.genesis, start.Epoch, s.scheme)
	if err != nil {
		return nil, fmt.Errorf("validators of epoch %d: %w", epoch, err)
	}
	s.keep(epoch, set)
	return set, nil
}

// keep takes a set in, in the place of the one that was asked for longest ago.
func (s *sets) keep(epoch uint64, set *types.ValidatorSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.held[epoch]; !ok && len(s.held) >= maxSets {
		oldest, least := uint64(0), uint64(math.MaxUint64)
		for number, h := range s.held {
			if h.used < least {
				oldest, least = number, h.used
			}
		}
		delete(s.held, oldest)
	}
	s.uses++
	s.held[epoch] = &heldSet{set: set, used: s.uses}
}

// history is what outcomes of an epoch depend on besides their parents.
func (s *sets) history(epoch uint64) (types.EpochHistory, error) {
	present, err := s.of(epoch)
	if err != nil {
		return types.EpochHistory{}, err
	}
	h := types.EpochHistory{Present: &present.Epoch}
	start, err := s.store.EpochStart(epoch)
	if err != nil {
		return h, fmt.Errorf("read epoch %d: %w", epoch, err)
	}
	if start == nil || start.Certificate == nil { // the first of a genesis
		h.RootOutcome, err = s.store.Outcome(s.root)
		return h, err
	}
	previous, err := s.of(epoch - 1)
	if err != nil {
		return h, err
	}
	h.Previous, h.RootOutcome = &previous.Epoch, &start.Certificate.Outcome
	return h, nil
}

// outcome is a block's, from its parent's and what executing it gave, with the
// epoch that it begins, if any.
func (s *sets) outcome(block *types.Block, parent *types.Outcome, x *Execution) (types.Outcome, *types.Epoch, error) {
	h, err := s.history(block.Header.Epoch)
	if err != nil {
		return types.Outcome{}, nil, err
	}
	o, next := h.NextOutcome(parent, block.Header.Height, block.ID(), types.ExecutionResult{
		Success: x.Success, StateRoot: x.StateRoot, ReceiptsRoot: x.ReceiptsRoot, Change: x.Change})
	return o, next, nil
}
