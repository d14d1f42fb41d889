package state

import (
	"fmt"
	"sync"
)

// View reads the state after one block, whatever is committed or dropped
// meanwhile. It is safe for concurrent use until Close.
type View struct {
	base  Base
	cache *Cache
	// pinned is the height of the base that the chain stands on.
	pinned uint64
	// chain holds the blocks above it, newest first, heights without a gap.
	chain []*Overlay
	ref   Ref
	close func()
}

// Ref names the state that the view reads.
func (v *View) Ref() Ref { return v.ref }

// Close gives up the view; reading from it afterwards is a mistake.
func (v *View) Close() {
	if v.close != nil {
		v.close()
		v.close = nil
	}
}

// missing is the working space of one read: what the overlays do not answer.
type missing struct {
	at        []int
	addresses []Address
	pages     []PageID
}

var missingPool = sync.Pool{New: func() any { return new(missing) }}

// ReadValues fills dst, which is as long as addresses, with the newest row of
// each at or below the view's height.
func (v *View) ReadValues(dst []Row, addresses []Address) error {
	if len(dst) != len(addresses) {
		return fmt.Errorf("read %d values into %d rows", len(addresses), len(dst))
	}
	m := missingPool.Get().(*missing)
	defer missingPool.Put(m)
	m.at, m.addresses = m.at[:0], m.addresses[:0]
	for i := range addresses {
		if v.overlaidValue(&dst[i], &addresses[i]) || v.cache.value(&dst[i], &addresses[i], v.pinned) {
			continue
		}
		m.at, m.addresses = append(m.at, i), append(m.addresses, addresses[i])
	}
	if len(m.at) == 0 {
		return nil
	}
	rows, err := v.base.ReadValues(v.pinned, m.addresses)
	if err != nil {
		return fmt.Errorf("read %d values at height %d: %w", len(m.addresses), v.pinned, err)
	}
	if len(rows) != len(m.addresses) {
		return fmt.Errorf("read %d values at height %d: %d rows came back", len(m.addresses), v.pinned, len(rows))
	}
	for i, at := range m.at {
		dst[at] = rows[i]
		v.cache.putValue(&m.addresses[i], &rows[i], v.pinned)
	}
	return nil
}

// overlaidValue answers from the chain, if a block of it wrote the row.
func (v *View) overlaidValue(dst *Row, address *Address) bool {
	for _, overlay := range v.chain {
		if overlay.value(dst, address) {
			return true
		}
	}
	return false
}

// ReadPages fills dst, which is as long as ids, with the pages; nil where there
// is none on the view's own chain.
func (v *View) ReadPages(dst [][]byte, ids []PageID) error {
	if len(dst) != len(ids) {
		return fmt.Errorf("read %d pages into %d places", len(ids), len(dst))
	}
	m := missingPool.Get().(*missing)
	defer missingPool.Put(m)
	m.at, m.pages = m.at[:0], m.pages[:0]
	for i := range ids {
		id := &ids[i]
		if id.Version > v.pinned {
			dst[i] = v.overlaidPage(id)
			continue
		}
		if dst[i] = v.cache.page(id); dst[i] == nil {
			m.at, m.pages = append(m.at, i), append(m.pages, *id)
		}
	}
	if len(m.at) == 0 {
		return nil
	}
	pages, err := v.base.ReadPages(m.pages)
	if err != nil {
		return fmt.Errorf("read %d pages: %w", len(m.pages), err)
	}
	if len(pages) != len(m.pages) {
		return fmt.Errorf("read %d pages: %d came back", len(m.pages), len(pages))
	}
	for i, at := range m.at {
		dst[at] = pages[i]
		if pages[i] != nil {
			v.cache.putPage(&m.pages[i], pages[i])
		}
	}
	return nil
}

// overlaidPage is a page of a block on the chain: two forks write the same
// (height, path), so that nothing but the own chain may answer.
func (v *View) overlaidPage(id *PageID) []byte {
	if id.Version > v.ref.Height {
		return nil
	}
	if behind := v.ref.Height - id.Version; behind < uint64(len(v.chain)) {
		return v.chain[behind].page(&id.Path)
	}
	return nil
}
