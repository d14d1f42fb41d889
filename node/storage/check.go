package storage

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
)

// maxCheckedRows bounds how many rows of the tip are looked up at opening.
const maxCheckedRows = 4096

// loadTip finds the height committed last and checks that its block, outcome,
// receipts, state and root page agree.
func (s *Store) loadTip() error {
	b, err := s.get(famMeta, []byte(metaTip))
	if err != nil {
		return err
	}
	if b == nil {
		return nil
	}
	height, err := readU64("the tip", b)
	if err != nil {
		return err
	}
	row, err := s.outcomeRow(height)
	if err != nil {
		return s.disagree(height, err)
	}
	t := tip{
		known: true, height: height, block: row.outcome.Block,
		outcomeHash: row.outcome.Hash(), ref: row.ref(), rooted: row.rooted,
	}
	s.tip = t // the checks read through the ordinary ways
	for _, check := range []func(*outcomeRow) error{s.checkBlock, s.checkParent, s.checkReceipts, s.checkState, s.checkRoot} {
		if err := check(&row); err != nil {
			return s.disagree(height, err)
		}
	}
	return nil
}

func (s *Store) disagree(height uint64, err error) error {
	return fmt.Errorf("%w: what is stored of height %d does not agree: %w", ErrDamaged, height, err)
}

func (s *Store) checkBlock(row *outcomeRow) error {
	if row.outcome.Height == 0 {
		if row.outcome.Block != s.opt.Genesis {
			return fmt.Errorf("the outcome of height 0 names block %s, not the genesis hash", row.outcome.Block)
		}
		return nil
	}
	block, err := s.block(row.outcome.Height)
	if err != nil {
		return err
	}
	if id := block.ID(); id != row.outcome.Block {
		return fmt.Errorf("block %s, outcome of block %s", id, row.outcome.Block)
	}
	height, err := s.heightOf(row.outcome.Block)
	if err != nil {
		return err
	}
	if height != row.outcome.Height {
		return fmt.Errorf("the index places the block at height %d", height)
	}
	return nil
}

func (s *Store) checkParent(row *outcomeRow) error {
	if row.outcome.Height == 0 {
		return nil
	}
	parent, err := s.outcomeRow(row.outcome.Height - 1)
	if err != nil {
		return err
	}
	if hash := parent.outcome.Hash(); hash != row.outcome.Parent {
		return fmt.Errorf("the outcome names parent outcome %s, the one stored has %s", row.outcome.Parent, hash)
	}
	return nil
}

func (s *Store) checkReceipts(row *outcomeRow) error {
	if row.outcome.Height == 0 {
		return nil
	}
	list, err := s.receipts(row.outcome.Height)
	if err != nil {
		return err
	}
	if root := types.Hash(receipts.Root(list)); root != row.outcome.ReceiptsRoot {
		return fmt.Errorf("receipts have root %s, the outcome says %s", root, row.outcome.ReceiptsRoot)
	}
	return nil
}

// checkState looks for a row of this very height at every address that the block
// changed.
func (s *Store) checkState(row *outcomeRow) error {
	height := row.outcome.Height
	b, err := s.get(famChanges, heightKey(height))
	if err != nil {
		return err
	}
	if b == nil {
		return fmt.Errorf("no list of changed addresses")
	}
	addresses, err := readAddresses(b)
	if err != nil {
		return err
	}
	for i := range addresses[:min(len(addresses), maxCheckedRows)] {
		value, err := s.get(famState, appendStateKey(nil, &addresses[i], height))
		if err != nil {
			return err
		}
		if value == nil {
			return fmt.Errorf("the row of address %x is missing", addresses[i])
		}
		if _, err := readRow(value); err != nil {
			return err
		}
	}
	return nil
}

// checkRoot looks for the root page of the state after the tip.
func (s *Store) checkRoot(row *outcomeRow) error {
	var page []byte
	if row.rooted {
		pages, err := s.ReadPages([]state.PageID{{Version: row.treeVersion}})
		if err != nil {
			return err
		}
		if page = pages[0]; page == nil {
			return fmt.Errorf("the root page of version %d is missing", row.treeVersion)
		}
	}
	if s.opt.CheckRoot == nil {
		return nil
	}
	return s.opt.CheckRoot(row.outcome.StateRoot, page)
}
