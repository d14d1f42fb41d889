package storage

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
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
	switch {
	case s.filling:
		return fmt.Errorf("%s is not whole and the chain that it is filled from stopped: put the chain volume of the node that the recovery genesis was made from in its place (chain volumes carry no marks)", s.dir)
	case !t.known || t.height < c.Height:
		return fmt.Errorf("%s ends at height %d, the recovery genesis continues height %d: put the chain volume of the node that it was made from in its place (chain volumes carry no marks)", s.dir, t.height, c.Height)
	case t.height > c.Height:
		return fmt.Errorf("%s has final blocks up to height %d and the recovery genesis continues height %d, which would forget them: make it from this node", s.dir, t.height, c.Height)
	case t.outcomeHash != c.Outcome:
		return fmt.Errorf("%s has outcome %s at height %d, the recovery genesis continues %s: it is of another history", s.dir, t.outcomeHash, t.height, c.Outcome)
	}
	return nil
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
	row.outcome = root
	b := s.newBatch(1024)
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
