package votebook

import (
	"fmt"
	"sync"

	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Book is what each identity was ever on record as having signed. It is safe for
// concurrent use.
type Book struct {
	mu       sync.Mutex
	prepares map[signedView]types.Hash
	commits  map[signedView]commitTuple
	newest   map[string]votelog.StateOverview // by identity
}

type signedView struct {
	identity    string
	epoch, view uint64
}

type commitTuple struct {
	height         uint64
	block, outcome types.Hash
}

// New is an empty book.
func New() *Book {
	return &Book{prepares: map[signedView]types.Hash{}, commits: map[signedView]commitTuple{}, newest: map[string]votelog.StateOverview{}}
}

// Add takes one record; an error says what was signed twice.
func (b *Book) Add(identity string, s *votelog.StateOverview) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.VotedView > 0 {
		k := signedView{identity, s.Epoch, s.VotedView}
		if was, ok := b.prepares[k]; ok && was != s.VotedBlock {
			return fmt.Errorf("%s voted in epoch %d, view %d for block %s and for block %s", identity, s.Epoch, s.VotedView, was, s.VotedBlock)
		}
		b.prepares[k] = s.VotedBlock
	}
	if s.CommitView > 0 {
		k, tuple := signedView{identity, s.Epoch, s.CommitView}, commitTuple{s.CommitHeight, s.CommitBlock, s.CommitOutcome}
		if was, ok := b.commits[k]; ok && was != tuple {
			return fmt.Errorf("%s gave commit votes in epoch %d, view %d on %v and on %v", identity, s.Epoch, s.CommitView, was, tuple)
		}
		b.commits[k] = tuple
	}
	return nil
}

// Rise holds that the newest state of an identity never falls.
func (b *Book) Rise(identity string, s *votelog.StateOverview) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, ok := b.newest[identity]
	b.newest[identity] = *s
	if !ok || s.Epoch > was.Epoch {
		return nil
	}
	if s.Epoch < was.Epoch || s.VotedView < was.VotedView || s.TimeoutView < was.TimeoutView || s.CommitView < was.CommitView ||
		s.LockView < was.LockView || s.OptimisticView < was.OptimisticView || s.ProposedView < was.ProposedView {
		return fmt.Errorf("the vote log of %s fell from %+v to %+v", identity, was, *s)
	}
	return nil
}

// Counts is how many prepare and commit votes are in the book.
func (b *Book) Counts() (prepares, commits int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.prepares), len(b.commits)
}
