package storage

import (
	"bytes"
	"fmt"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// MaxOutcomes bounds what one call of Outcomes answers.
const MaxOutcomes = 4096

// get copies a row; nil and no error: it is not there.
func (s *Store) get(f family, key []byte) ([]byte, error) {
	value, err := s.db.GetCF(s.points, s.handles[f], key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", familyNames[f], err)
	}
	defer value.Free()
	if !value.Exists() {
		return nil, nil
	}
	return append(make([]byte, 0, value.Size()), value.Data()...), nil
}

// must is get for a row of a height that is not pruned.
func (s *Store) must(f family, what string, height uint64) ([]byte, error) {
	b, err := s.get(f, heightKey(height))
	if err == nil && b == nil {
		if floor := s.floorBlocks.Load(); height < floor && height > 0 && (f == famBlocks || f == famReceipts) {
			return nil, &PrunedError{What: "blocks", Height: height, Floor: floor}
		}
		return nil, fmt.Errorf("%s of height %d: %w", what, height, ErrNotFound)
	}
	return b, err
}

// Block is the final block of a height above 0. ErrNotFound, ErrPruned.
func (s *Store) Block(height uint64) (*types.Block, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.block(height)
}

func (s *Store) block(height uint64) (*types.Block, error) {
	b, err := s.must(famBlocks, "the block", height)
	if err != nil {
		return nil, err
	}
	block, err := wire.DecodeBlock(b)
	if err != nil {
		return nil, fmt.Errorf("%w: block of height %d: %w", ErrDamaged, height, err)
	}
	if block.Header.Height != height {
		return nil, fmt.Errorf("%w: height %d holds a block of height %d", ErrDamaged, height, block.Header.Height)
	}
	return block, nil
}

// BlockByID is a final block. ErrNotFound, ErrPruned.
func (s *Store) BlockByID(id types.Hash) (*types.Block, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	height, err := s.heightOf(id)
	if err != nil {
		return nil, err
	}
	block, err := s.block(height)
	if err != nil {
		return nil, err
	}
	if block.ID() != id {
		return nil, fmt.Errorf("%w: the index places block %s at height %d, which holds %s", ErrDamaged, id, height, block.ID())
	}
	return block, nil
}

// HeightOf is the height of a final block. ErrNotFound.
func (s *Store) HeightOf(id types.Hash) (uint64, error) {
	leave, err := s.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	return s.heightOf(id)
}

func (s *Store) heightOf(id types.Hash) (uint64, error) {
	b, err := s.get(famIndex, indexKey(indexBlock, id))
	if err != nil {
		return 0, err
	}
	if b == nil {
		return 0, fmt.Errorf("block %s: %w", id, ErrNotFound)
	}
	return readU64("a block's index row", b)
}

// Outcome is the outcome of a final height. ErrNotFound.
func (s *Store) Outcome(height uint64) (*types.Outcome, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	row, err := s.outcomeRow(height)
	if err != nil {
		return nil, err
	}
	return &row.outcome, nil
}

// StateRef names the state after a final height, for views and queries.
// ErrNotFound, ErrPruned.
func (s *Store) StateRef(height uint64) (state.Ref, error) {
	leave, err := s.enter()
	if err != nil {
		return state.Ref{}, err
	}
	defer leave()
	if err := s.aboveStateFloor(height); err != nil {
		return state.Ref{}, err
	}
	row, err := s.outcomeRow(height)
	return row.ref(), err
}

func (s *Store) outcomeRow(height uint64) (outcomeRow, error) {
	b, err := s.must(famOutcomes, "the outcome", height)
	if err != nil {
		return outcomeRow{}, err
	}
	row, err := decodeOutcomeRow(b)
	if err == nil && row.outcome.Height != height {
		err = fmt.Errorf("%w: height %d holds an outcome of height %d", ErrDamaged, height, row.outcome.Height)
	}
	return row, err
}

// Outcomes are those of the heights from to to, both included, at most
// MaxOutcomes of them. ErrNotFound if one is missing.
func (s *Store) Outcomes(from, to uint64) ([]types.Outcome, error) {
	if to < from || to-from >= MaxOutcomes {
		return nil, fmt.Errorf("outcomes of heights %d to %d: at most %d in one call", from, to, MaxOutcomes)
	}
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	list := make([]types.Outcome, 0, to-from+1)
	for height := from; height <= to; height++ {
		row, err := s.outcomeRow(height)
		if err != nil {
			return nil, err
		}
		list = append(list, row.outcome)
	}
	return list, nil
}

// Certificate is the stored one of the lowest height at or above height; its
// outcome's height says which. ErrNotFound above the newest.
func (s *Store) Certificate(height uint64) (*types.CC, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	value, err := s.seek(famCertificates, prefixedHeight(certByHeight, height), []byte{certByHeight})
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("a certificate at or above height %d: %w", height, ErrNotFound)
	}
	cc, err := wire.DecodeCC(value)
	if err != nil {
		return nil, fmt.Errorf("%w: the certificate at or above height %d: %w", ErrDamaged, height, err)
	}
	return cc, nil
}

// seek copies the first row at or above key whose key has the prefix; nil: none.
func (s *Store) seek(f family, key, prefix []byte) ([]byte, error) {
	it := s.db.NewIteratorCF(s.points, s.handles[f])
	defer it.Close()
	it.Seek(key)
	if !it.Valid() || !bytes.HasPrefix(it.Key().Data(), prefix) {
		if err := it.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", familyNames[f], err)
		}
		return nil, nil
	}
	return append([]byte(nil), it.Value().Data()...), nil
}

// EpochStart proves an epoch: its parameters and the certificate that names them.
// ErrNotFound.
func (s *Store) EpochStart(number uint64) (*types.EpochStart, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	b, err := s.get(famCertificates, prefixedHeight(certByEpoch, number))
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("epoch %d: %w", number, ErrNotFound)
	}
	start, err := wire.DecodeEpochStart(b)
	if err != nil {
		return nil, fmt.Errorf("%w: epoch %d: %w", ErrDamaged, number, err)
	}
	return start, nil
}

// Epochs are up to limit epochs from a number on, in order.
func (s *Store) Epochs(from uint64, limit int) ([]*types.EpochStart, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	it := s.db.NewIteratorCF(s.points, s.handles[famCertificates])
	defer it.Close()
	var list []*types.EpochStart
	for it.Seek(prefixedHeight(certByEpoch, from)); it.Valid() && len(list) < limit; it.Next() {
		if it.Key().Data()[0] != certByEpoch {
			break
		}
		start, err := wire.DecodeEpochStart(it.Value().Data())
		if err != nil {
			return nil, fmt.Errorf("%w: an epoch: %w", ErrDamaged, err)
		}
		list = append(list, start)
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	return list, nil
}

// Receipts are those of a final height, with their events. ErrNotFound, ErrPruned.
func (s *Store) Receipts(height uint64) ([]receipts.Receipt, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.receipts(height)
}

func (s *Store) receipts(height uint64) ([]receipts.Receipt, error) {
	b, err := s.must(famReceipts, "the receipts", height)
	if err != nil {
		return nil, err
	}
	return decodeReceipts(b)
}

// TxLookup says where a transaction stands: its last success, else its last
// failure. ErrNotFound.
func (s *Store) TxLookup(hash types.Hash) (TxPlace, error) {
	leave, err := s.enter()
	if err != nil {
		return TxPlace{}, err
	}
	defer leave()
	b, err := s.get(famIndex, indexKey(indexTx, hash))
	if err != nil {
		return TxPlace{}, err
	}
	if b == nil {
		return TxPlace{}, fmt.Errorf("transaction %s: %w", hash, ErrNotFound)
	}
	return decodePlace(b)
}

// KnownEvidence reports evidence that a final block holds.
func (s *Store) KnownEvidence(hash types.Hash) (bool, error) {
	leave, err := s.enter()
	if err != nil {
		return false, err
	}
	defer leave()
	b, err := s.get(famEvidence, hash[:])
	return b != nil, err
}
