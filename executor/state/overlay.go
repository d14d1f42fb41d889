package state

import (
	"bytes"
	"slices"
)

// Overlay holds the writes of one executed block. It is filled by one
// goroutine, then sealed by Overlays.Add and never changed again.
type Overlay struct {
	block  BlockID
	parent BlockID
	after  Ref
	// values and pages hold each address and path once, in the order in which
	// they were first written; the maps say where.
	values  []ValueWrite
	pages   []PageWrite
	stale   []PageID
	valueAt map[Address]int32
	pageAt  map[Path]int32
	bytes   int
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
	if _, wrote := o.pageAt[Path{}]; wrote {
		o.after.TreeVersion = o.after.Height
	}
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
	if o.valueAt == nil && values > 0 {
		o.valueAt = make(map[Address]int32, values)
	}
	if o.pageAt == nil && pages > 0 {
		o.pageAt = make(map[Path]int32, pages)
	}
}

// PutValue records a row or a tombstone; a later write of the same address
// replaces an earlier one. The overlay keeps the slices.
func (o *Overlay) PutValue(w ValueWrite) {
	if o.valueAt == nil {
		o.valueAt = make(map[Address]int32)
	}
	o.bytes += len(w.Address) + len(w.Key) + len(w.Value)
	if at, again := o.valueAt[w.Address]; again {
		o.values[at] = w
		return
	}
	o.valueAt[w.Address] = int32(len(o.values))
	o.values = append(o.values, w)
}

// PutPage records a page of this block's version; a later one of the same path
// replaces an earlier one. The overlay keeps the slice.
func (o *Overlay) PutPage(path Path, page []byte) {
	if o.pageAt == nil {
		o.pageAt = make(map[Path]int32)
	}
	o.bytes += len(path.Bits) + len(page)
	if at, again := o.pageAt[path]; again {
		o.pages[at].Page = page
		return
	}
	o.pageAt[path] = int32(len(o.pages))
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
	at, wrote := o.valueAt[*address]
	if wrote {
		*dst = o.values[at].row()
	}
	return wrote
}

// page is the page that the block wrote at a path; nil if it did not.
func (o *Overlay) page(path *Path) []byte {
	if at, wrote := o.pageAt[*path]; wrote {
		return o.pages[at].Page
	}
	return nil
}

// Written lists the writes in the order in which they were first made. It
// shares the overlay's memory.
func (o *Overlay) Written() *WriteSet {
	return &WriteSet{Block: o.block, After: o.after, Values: slices.Clip(o.values), Pages: slices.Clip(o.pages), Stale: slices.Clip(o.stale)}
}
