package state

import (
	"bytes"
	"slices"
	"sync"
)

// Overlay holds the writes of one executed block. It is filled by one
// goroutine, then sealed by Overlays.Add and never changed again.
type Overlay struct {
	block  BlockID
	parent BlockID
	after  Ref
	// values and pages hold each address and path once, in the order in which
	// they were first written. A module that writes in ascending order, as ours
	// does, costs no map: the maps say where from the first write on that is out
	// of order. What is in order is found by its places, made when it is sealed.
	values      []ValueWrite
	pages       []PageWrite
	stale       []PageID
	valueAt     map[Address]int32
	pageAt      map[Path]int32
	sealing     sync.Once
	valuePlaces places
	levels      []level
	bytes       int
}

// NewOverlay makes an empty overlay: that of a failed block, which leaves the
// state of its parent as it is (rule: failed-block).
func NewOverlay(block, parent BlockID, after Ref) *Overlay {
	return &Overlay{block: block, parent: parent, after: after}
}

// Block is the block whose writes these are.
func (o *Overlay) Block() BlockID { return o.block }

// Parent is the block whose state they were made on.
func (o *Overlay) Parent() BlockID { return o.parent }

// After names the state after the block.
func (o *Overlay) After() Ref { return o.after }

// SetRoot records what execution made of the state. The tree's version is the
// block's height if its root page was written.
func (o *Overlay) SetRoot(root [32]byte) {
	o.after.Root = root
	if o.page(&Path{}) != nil {
		o.after.TreeVersion = o.after.Height
	}
}

// seal makes the places of what is in order: no write may follow.
func (o *Overlay) seal() {
	o.sealing.Do(func() {
		if o.valueAt == nil {
			o.valuePlaces = placesOf(len(o.values), func(i int) uint64 { return head(&o.values[i].Address) })
		}
		if o.pageAt == nil {
			o.levels = levelsOf(o.pages)
		}
	})
}

// Bytes is about the memory that the overlay's writes take.
func (o *Overlay) Bytes() int { return o.bytes }

// Counts are the numbers of rows, pages and stale pages.
func (o *Overlay) Counts() (values, pages, stale int) {
	return len(o.values), len(o.pages), len(o.stale)
}

// Reserve makes room for that many more writes of each kind.
func (o *Overlay) Reserve(values, pages int) {
	o.values, o.pages = slices.Grow(o.values, values), slices.Grow(o.pages, pages)
}

// PutValue records a row or a tombstone; a later write of the same address
// replaces an earlier one. The overlay keeps the slices.
func (o *Overlay) PutValue(w ValueWrite) {
	o.bytes += len(w.Address) + len(w.Key) + len(w.Value)
	last := len(o.values) - 1
	if o.valueAt == nil && last >= 0 && bytes.Compare(o.values[last].Address[:], w.Address[:]) >= 0 {
		o.valueAt = make(map[Address]int32, cap(o.values))
		for i := range o.values {
			o.valueAt[o.values[i].Address] = int32(i)
		}
	}
	if o.valueAt != nil {
		if at, again := o.valueAt[w.Address]; again {
			o.values[at] = w
			return
		}
		o.valueAt[w.Address] = int32(len(o.values))
	}
	o.values = append(o.values, w)
}

// PutPage records a page of this block's version; a later one of the same path
// replaces an earlier one. The overlay keeps the slice.
func (o *Overlay) PutPage(path Path, page []byte) {
	o.bytes += len(path.Bits) + len(page)
	last := len(o.pages) - 1
	if o.pageAt == nil && last >= 0 && o.pages[last].Path.Compare(path) >= 0 {
		o.pageAt = make(map[Path]int32, cap(o.pages))
		for i := range o.pages {
			o.pageAt[o.pages[i].Path] = int32(i)
		}
	}
	if o.pageAt != nil {
		if at, again := o.pageAt[path]; again {
			o.pages[at].Page = page
			return
		}
		o.pageAt[path] = int32(len(o.pages))
	}
	o.pages = append(o.pages, PageWrite{Path: path, Page: page})
}

// PutStale records that no height from this one on reads the page.
func (o *Overlay) PutStale(id PageID) {
	o.stale = append(o.stale, id)
	o.bytes += len(id.Path.Bits)
}

// WriteSet lists the writes in the order in which they are stored. It shares
// the overlay's memory; what a module wrote in that order already is not sorted
// again.
func (o *Overlay) WriteSet() *WriteSet {
	byAddress := func(a, b ValueWrite) int { return bytes.Compare(a.Address[:], b.Address[:]) }
	byPath := func(a, b PageWrite) int { return a.Path.Compare(b.Path) }
	return &WriteSet{
		Block:  o.block,
		After:  o.after,
		Values: sorted(o.values, byAddress),
		Pages:  sorted(o.pages, byPath),
		Stale:  slices.Compact(sorted(slices.Clone(o.stale), PageID.Compare)),
	}
}

// sorted is list itself where it is in order, else a sorted copy.
func sorted[T any](list []T, compare func(a, b T) int) []T {
	if slices.IsSortedFunc(list, compare) {
		return slices.Clip(list)
	}
	list = slices.Clone(list)
	slices.SortFunc(list, compare)
	return list
}

// value is the row that the block wrote at an address, if it did.
func (o *Overlay) value(dst *Row, address *Address) bool {
	at, wrote := 0, false
	if o.valueAt == nil {
		at, wrote = o.valuePlaces.find(address, func(i int) *[32]byte { return &o.values[i].Address })
	} else if place, ok := o.valueAt[*address]; ok {
		at, wrote = int(place), true
	}
	if wrote {
		*dst = o.values[at].row()
	}
	return wrote
}

// page is the page that the block wrote at a path; nil if it did not.
func (o *Overlay) page(path *Path) []byte {
	if o.pageAt != nil {
		if at, wrote := o.pageAt[*path]; wrote {
			return o.pages[at].Page
		}
		return nil
	}
	if path.Len == 0 { // asked for before the overlay is sealed, too
		if len(o.pages) > 0 && o.pages[0].Path.Len == 0 {
			return o.pages[0].Page
		}
		return nil
	}
	for i := range o.levels {
		if l := &o.levels[i]; l.length == path.Len {
			if at, wrote := l.places.find(&path.Bits, func(i int) *[32]byte { return &o.pages[l.from+i].Path.Bits }); wrote {
				return o.pages[l.from+at].Page
			}
		}
	}
	return nil
}

// Written lists the writes in the order in which they were first made. It
// shares the overlay's memory.
func (o *Overlay) Written() *WriteSet {
	return &WriteSet{Block: o.block, After: o.after, Values: slices.Clip(o.values), Pages: slices.Clip(o.pages), Stale: slices.Clip(o.stale)}
}
