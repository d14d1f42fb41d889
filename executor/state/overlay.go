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
	values map[Address]ValueWrite
	pages  map[Path][]byte
	stale  []PageID
	bytes  int
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
	if _, wrote := o.pages[Path{}]; wrote {
		o.after.TreeVersion = o.after.Height
	}
}

// Bytes is about the memory that the overlay's writes take.
func (o *Overlay) Bytes() int { return o.bytes }

// Counts are the numbers of rows, pages and stale pages.
func (o *Overlay) Counts() (values, pages, stale int) {
	return len(o.values), len(o.pages), len(o.stale)
}

// Reserve makes room for a list of that many more writes of each kind.
func (o *Overlay) Reserve(values, pages int) {
	if o.values == nil && values > 0 {
		o.values = make(map[Address]ValueWrite, values)
	}
	if o.pages == nil && pages > 0 {
		o.pages = make(map[Path][]byte, pages)
	}
}

// PutValue records a row or a tombstone; a later write of the same address
// replaces an earlier one. The overlay keeps the slices.
func (o *Overlay) PutValue(w ValueWrite) {
	o.Reserve(1, 0)
	o.values[w.Address] = w
	o.bytes += len(w.Address) + len(w.Key) + len(w.Value)
}

// PutPage records a page of this block's version. The overlay keeps the slice.
func (o *Overlay) PutPage(path Path, page []byte) {
	o.Reserve(0, 1)
	o.pages[path] = page
	o.bytes += len(path.Bits) + len(page)
}

// PutStale records that no height from this one on reads the page.
func (o *Overlay) PutStale(id PageID) {
	o.stale = append(o.stale, id)
	o.bytes += len(id.Path.Bits)
}

// WriteSet lists the writes in the order in which they are stored. It shares
// the overlay's bytes.
func (o *Overlay) WriteSet() *WriteSet {
	set := &WriteSet{
		Block:  o.block,
		After:  o.after,
		Values: make([]ValueWrite, 0, len(o.values)),
		Pages:  make([]PageWrite, 0, len(o.pages)),
		Stale:  slices.Clone(o.stale),
	}
	for _, w := range o.values {
		set.Values = append(set.Values, w)
	}
	for path, page := range o.pages {
		set.Pages = append(set.Pages, PageWrite{Path: path, Page: page})
	}
	slices.SortFunc(set.Values, func(a, b ValueWrite) int { return bytes.Compare(a.Address[:], b.Address[:]) })
	slices.SortFunc(set.Pages, func(a, b PageWrite) int { return a.Path.Compare(b.Path) })
	slices.SortFunc(set.Stale, PageID.Compare)
	set.Stale = slices.Compact(set.Stale)
	return set
}
