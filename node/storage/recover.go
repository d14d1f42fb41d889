package storage

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// Continuation says which chain a recovery genesis continues, where, and how.
type Continuation struct {
	Genesis types.Hash // of the chain that stopped
	Height  uint64     // the last height that is continued
	Outcome types.Hash // of it, under that genesis
}

// Continued reports whether the database holds the chain that the recovery genesis
// continues, and not yet the one that it begins: Recover makes it that.
func (s *Store) Continued() bool { return s.continued }

// checkContinued holds the database against the height that is continued.
func (s *Store) checkContinued() error {
	c, t := s.opt.Continues, s.currentTip()
	if t.known && (t.height > c.Height || t.height == c.Height && t.outcomeHash != c.Outcome) {
		certificate, err := s.seek(famCertificates, prefixedHeight(certByHeight, c.Height+min(1, t.height-c.Height)), []byte{certByHeight})
		if err != nil {
			return err
		}
		if certificate == nil {
			return fmt.Errorf("%s was brought up to a lock at height %d without a certificate (`bedrock genesis recover`), and the recovery genesis continues %s at height %d: where this node's lock is not the highest among the survivors (`bedrock inspect votelog`), remove this folder and start again, the node follows the others; where it is, make the recovery genesis from this node", s.dir, t.height, c.Outcome, c.Height)
		}
	}
	switch {
	case !t.known || t.height < c.Height:
		return fmt.Errorf("%s ends at height %d, the recovery genesis continues height %d: put the chain volume of the node that it was made from in its place (chain volumes carry no marks)", s.dir, t.height, c.Height)
	case t.height > c.Height:
		return fmt.Errorf("%s has final blocks up to height %d and the recovery genesis continues height %d, which would forget them: make it from this node", s.dir, t.height, c.Height)
	case t.outcomeHash != c.Outcome:
		return fmt.Errorf("%s has outcome %s at height %d, the recovery genesis continues %s: it is of another history", s.dir, t.outcomeHash, t.height, c.Outcome)
	}
	return nil
}

// Stopped is the outcome of the lowest height at or above height at which a chain
// stopped that this database's continues, as that chain had it; nil: there is none.
// What lies below proves itself by it, down to the genesis. // rule: recovery-genesis
func (s *Store) Stopped(height uint64) (*types.Outcome, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	value, err := s.seek(famMeta, stoppedKey(height), []byte(metaStopped))
	if err != nil || value == nil {
		return nil, err
	}
	o, err := wire.DecodeOutcome(value)
	if err != nil {
		return nil, fmt.Errorf("%w: the outcome that a chain stopped at, from height %d: %w", ErrDamaged, height, err)
	}
	return &o, nil
}

func stoppedKey(height uint64) []byte { return append([]byte(metaStopped), heightKey(height)...) }

// KeepDocument keeps a genesis document, for nodes that begin after its chain was
// continued. Where it is kept already nothing is written. // rule: recovery-genesis
func (s *Store) KeepDocument(hash types.Hash, document []byte) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	key := append([]byte(metaDocument), hash[:]...)
	if kept, err := s.get(famMeta, key); err != nil || kept != nil {
		return err
	}
	b := s.newBatch(len(document) + 256)
	b.put(famMeta, key, document)
	return s.write(b, s.durable)
}

// Document is a genesis document that was kept, by its hash; ErrNotFound.
func (s *Store) Document(hash types.Hash) ([]byte, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	document, err := s.get(famMeta, append([]byte(metaDocument), hash[:]...))
	if err == nil && document == nil {
		err = fmt.Errorf("genesis document %s: %w", hash, ErrNotFound)
	}
	return document, err
}

// Recover makes the database that of the recovered chain, in one synced write: the
// outcome of the continued height is root, which names the first epoch; the
// certificates below stay and prove what they did. // rule: recovery-genesis
func (s *Store) Recover(root types.Outcome, first types.Epoch) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.committing.Lock()
	defer s.committing.Unlock()
	switch {
	case !s.continued:
		return errors.New("recover the database: it holds no chain that is continued")
	case root.Height != s.opt.Continues.Height || root.NextEpoch != first.Digest():
		return errors.New("recover the database: the root is of another height, or names another epoch")
	}
	row, err := s.outcomeRow(root.Height)
	if err != nil {
		return err
	}
	// Where the chain that stops now made no block, the one before stopped there already:
	// what lies below leads to that one's outcome.
	kept, err := s.get(famMeta, stoppedKey(root.Height))
	if err != nil {
		return err
	}
	b := s.newBatch(1024)
	if kept == nil {
		b.put(famMeta, stoppedKey(root.Height), wire.EncodeOutcome(&row.outcome))
	}
	row.outcome = root
	b.put(famOutcomes, heightKey(root.Height), encodeOutcomeRow(&row))
	b.delete(famCertificates, prefixedHeight(certByHeight, root.Height))
	b.epochStart(&types.EpochStart{Epoch: first})
	b.put(famMeta, []byte(metaGenesis), s.opt.Genesis[:])
	if err := s.write(b, s.durable); err != nil {
		return err
	}
	s.continued = false
	t := s.currentTip()
	t.outcomeHash = root.Hash()
	s.setTip(t)
	return nil
}
