package fleet

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// voteBook is what each identity was ever on record as having signed.
type voteBook struct {
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

func newVoteBook() *voteBook {
	return &voteBook{prepares: map[signedView]types.Hash{}, commits: map[signedView]commitTuple{}, newest: map[string]votelog.StateOverview{}}
}

// add takes one record; an error says what was signed twice.
func (b *voteBook) add(identity string, s *votelog.StateOverview) error {
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

// rise holds that the newest state of an identity never falls.
func (b *voteBook) rise(identity string, s *votelog.StateOverview) error {
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

// Votes is how many prepare and commit votes are in the book.
func (c *Network) Votes() (prepares, commits int) { return c.votes.counts() }

func (b *voteBook) counts() (prepares, commits int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.prepares), len(b.commits)
}

// Inspect looks at the vote log of a node that is down.
func (c *Network) Inspect(i int) (string, votelog.Inspection) {
	c.Helper()
	dir := filepath.Join(c.Net.Nodes[i].Home, "signer")
	record, err := signer.ReadRecord(dir)
	if err != nil {
		c.Fatal(err)
	}
	_, owner, _, err := record.Keys()
	if err != nil {
		c.Fatal(err)
	}
	in, err := votelog.Inspect(filepath.Join(dir, "votelog"), votelog.Options{Owner: owner, AllowUnsafeFileSystem: true})
	if err != nil {
		c.Fatal(err)
	}
	return record.NetworkKey, in
}

// KeepVotes adds the vote log of a node that is down to the book, and fails if
// it holds another vote than a log before it did.
func (c *Network) KeepVotes(i int) {
	c.Helper()
	if _, err := signer.ReadRecord(filepath.Join(c.Net.Nodes[i].Home, "signer")); errors.Is(err, signer.ErrNoIdentity) {
		return
	}
	identity, in := c.Inspect(i)
	for k := range in.Records {
		if err := c.votes.add(identity, &in.Records[k].State); err != nil {
			c.Errorf("signed twice: %v", err)
		}
	}
	if in.State == nil {
		return
	}
	if err := c.votes.rise(identity, in.State); err != nil {
		c.Error(err)
	}
}

func readAll(res *http.Response) (string, error) {
	b, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	return string(b), errors.Join(err, res.Body.Close())
}
