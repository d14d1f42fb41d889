package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/bedrock-bft/bedrock/executor/state"
)

var _ state.Base = (*Store)(nil)

// MaxReads bounds the addresses or pages of one read.
const MaxReads = 1 << 17

func (s *Store) aboveStateFloor(height uint64) error {
	if floor := s.floorState.Load(); height < floor {
		return &PrunedError{What: "state", Height: height, Floor: floor}
	}
	return nil
}

// ReadValues implements state.Base: one iterator, keys in order. Every error is a
// fault of the host, never an absence. // rule: host-fault
func (s *Store) ReadValues(height uint64, addresses []state.Address) ([]state.Row, error) {
	if len(addresses) > MaxReads {
		return nil, fmt.Errorf("read %d values in one call, at most %d", len(addresses), MaxReads)
	}
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	it := s.db.NewIteratorCF(s.prefixed, s.handles[famState])
	defer it.Close()
	// After the iterator's snapshot: a floor that is still below height now was so
	// when the snapshot was taken, and pruning raises it before it deletes.
	if err := s.aboveStateFloor(height); err != nil {
		return nil, err
	}
	rows := make([]state.Row, len(addresses))
	key := make([]byte, stateKeyBytes)
	binary.BigEndian.PutUint64(key[addressBytes:], ^height)
	for _, i := range inOrder(addresses) {
		address := &addresses[i]
		copy(key, address[:])
		it.Seek(key)
		if !it.Valid() {
			if err := it.Err(); err != nil {
				return nil, fmt.Errorf("read the value at address %x: %w", address, err)
			}
			continue
		}
		if found := it.Key().Data(); len(found) != stateKeyBytes {
			return nil, fmt.Errorf("%w: a state key of %d bytes", ErrDamaged, len(found))
		} else if !bytes.Equal(found[:addressBytes], address[:]) {
			continue
		}
		if rows[i], err = readRow(it.Value().Data()); err != nil {
			return nil, fmt.Errorf("value at address %x: %w", address, err)
		}
	}
	return rows, nil
}

// inOrder are the indices of addresses in the order of the addresses.
func inOrder(addresses []state.Address) []int {
	order := make([]int, len(addresses))
	for i := range order {
		order[i] = i
	}
	compare := func(a, b int) int { return bytes.Compare(addresses[a][:], addresses[b][:]) }
	if !slices.IsSortedFunc(order, compare) {
		slices.SortFunc(order, compare)
	}
	return order
}

// ReadPages implements state.Base: one vectored read. Pages below the state floor
// may be gone; whoever reads an old state checks its floor (StateRef) afterwards.
// // rule: host-fault
func (s *Store) ReadPages(ids []state.PageID) ([][]byte, error) {
	if len(ids) > MaxReads {
		return nil, fmt.Errorf("read %d pages in one call, at most %d", len(ids), MaxReads)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	keys := make([][]byte, len(ids))
	for i := range ids {
		keys[i] = appendTreeKey(make([]byte, 0, 8+ids[i].Path.EncodedLen()), &ids[i])
	}
	values, err := s.db.MultiGetCF(s.points, s.handles[famTree], keys...)
	if err != nil {
		return nil, fmt.Errorf("read %d tree pages: %w", len(ids), err)
	}
	defer values.Destroy()
	pages := make([][]byte, len(ids))
	for i, v := range values {
		if v.Exists() {
			pages[i] = append(make([]byte, 0, v.Size()), v.Data()...)
		}
	}
	return pages, nil
}
