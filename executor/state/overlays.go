package state

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// MaxOverlays is the most blocks above the committed one whose writes are kept.
const MaxOverlays = 4096

// Errors that callers branch on.
var (
	// ErrUnknownBlock: neither committed last nor executed above it.
	ErrUnknownBlock = errors.New("no state of that block is at hand")
	// ErrTooManyOverlays: MaxOverlays blocks wait for a commit.
	ErrTooManyOverlays = errors.New("too many executed blocks wait for a commit")
)

// Overlays is the tree of executed blocks above the last committed one.
type Overlays struct {
	base  Base
	cache *Cache
	// commits is held by one commit at a time, mu only where the tree changes.
	commits sync.Mutex

	mu        sync.Mutex
	committed BlockID
	tip       Ref
	byBlock   map[BlockID]*Overlay
	// pins counts the open views by the height of the base that they read.
	pins map[uint64]int
}

// NewOverlays starts with the state of the block that the base committed last.
// cache may be nil.
func NewOverlays(base Base, committed BlockID, tip Ref, cache *Cache) *Overlays {
	cache.reset(tip.Height)
	return &Overlays{
		base:      base,
		cache:     cache,
		committed: committed,
		tip:       tip,
		byBlock:   make(map[BlockID]*Overlay),
		pins:      make(map[uint64]int),
	}
}

// Committed is the block committed last, and its state.
func (o *Overlays) Committed() (BlockID, Ref) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.committed, o.tip
}

// Has reports whether the state after block can be viewed.
func (o *Overlays) Has(block BlockID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return block == o.committed || o.byBlock[block] != nil
}

// View reads the state after block: the one committed last, or one above it.
func (o *Overlays) View(block BlockID) (*View, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	view := &View{base: o.base, cache: o.cache, pinned: o.tip.Height, ref: o.tip}
	for at := block; at != o.committed; {
		overlay := o.byBlock[at]
		if overlay == nil {
			return nil, fmt.Errorf("view state after block %x: %w", block[:4], ErrUnknownBlock)
		}
		view.chain = append(view.chain, overlay)
		at = overlay.parent
	}
	if len(view.chain) > 0 {
		view.ref = view.chain[0].after
	}
	o.pin(view)
	return view, nil
}

// ViewAt reads the committed state named by ref, whose height is at or below
// that of the last commit.
func (o *Overlays) ViewAt(ref Ref) (*View, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ref.Height > o.tip.Height {
		return nil, fmt.Errorf("view state at height %d: committed up to %d: %w", ref.Height, o.tip.Height, ErrUnknownBlock)
	}
	view := &View{base: o.base, cache: o.cache, pinned: ref.Height, ref: ref}
	o.pin(view)
	return view, nil
}

// pin holds the base at the view's height until its Close.
func (o *Overlays) pin(view *View) {
	o.pins[view.pinned]++
	view.close = func() { o.unpin(view) }
}

func (o *Overlays) unpin(view *View) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pins[view.pinned]--; o.pins[view.pinned] == 0 {
		delete(o.pins, view.pinned)
	}
}

// LowestPinned is the lowest height of the base that a view reads, the
// committed one if there is none: pruning keeps what heights from it on read.
func (o *Overlays) LowestPinned() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	lowest := o.tip.Height
	for height := range o.pins {
		lowest = min(lowest, height)
	}
	return lowest
}

// Len is the number of executed blocks above the committed one.
func (o *Overlays) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.byBlock)
}

// Add seals an executed block's overlay and makes it viewable. Adding a block
// that is there already changes nothing.
func (o *Overlays) Add(overlay *Overlay) error {
	overlay.seal()
	o.mu.Lock()
	defer o.mu.Unlock()
	parent := o.tip
	if overlay.parent != o.committed {
		above := o.byBlock[overlay.parent]
		if above == nil {
			return fmt.Errorf("add state of block %x on %x: %w", overlay.block[:4], overlay.parent[:4], ErrUnknownBlock)
		}
		parent = above.after
	}
	if overlay.after.Height != parent.Height+1 {
		return fmt.Errorf("add state of block %x: height %d on a parent of height %d", overlay.block[:4], overlay.after.Height, parent.Height)
	}
	if o.byBlock[overlay.block] != nil {
		return nil
	}
	if len(o.byBlock) >= MaxOverlays {
		return fmt.Errorf("add state of block %x: %w", overlay.block[:4], ErrTooManyOverlays)
	}
	o.byBlock[overlay.block] = overlay
	return nil
}

// WriteSet lists what block wrote, for the base to store before Commit.
func (o *Overlays) WriteSet(block BlockID) (*WriteSet, error) {
	o.mu.Lock()
	overlay := o.byBlock[block]
	o.mu.Unlock()
	if overlay == nil {
		return nil, fmt.Errorf("write set of block %x: %w", block[:4], ErrUnknownBlock)
	}
	return overlay.WriteSet(), nil
}

// Commit moves the base to block, a child of the one committed last, once the
// base holds its write set. What is not above it is dropped; no view moves.
func (o *Overlays) Commit(block BlockID) error {
	o.commits.Lock()
	defer o.commits.Unlock()
	overlay, err := o.committable(block)
	if err != nil {
		return err
	}
	// Views go on being made meanwhile, at the former height: the cache answers
	// none of them with what this block wrote.
	o.cache.commit(overlay)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.committed, o.tip = block, overlay.after
	delete(o.byBlock, block)
	o.dropOrphans()
	return nil
}

func (o *Overlays) committable(block BlockID) (*Overlay, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	overlay := o.byBlock[block]
	if overlay == nil {
		return nil, fmt.Errorf("commit block %x: %w", block[:4], ErrUnknownBlock)
	}
	if overlay.parent != o.committed {
		return nil, fmt.Errorf("commit block %x: its parent %x is not the block committed last (%x)", block[:4], overlay.parent[:4], o.committed[:4])
	}
	return overlay, nil
}

// Drop forgets block and what was executed on it.
func (o *Overlays) Drop(block BlockID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if overlay := o.byBlock[block]; overlay != nil {
		delete(o.byBlock, block)
		o.dropOrphans()
	}
}

// dropOrphans forgets every block that no longer stands on the committed one.
// Parents are met before their children.
func (o *Overlays) dropOrphans() {
	left := make([]*Overlay, 0, len(o.byBlock))
	for _, overlay := range o.byBlock {
		left = append(left, overlay)
	}
	slices.SortFunc(left, func(a, b *Overlay) int { return int(a.after.Height) - int(b.after.Height) })
	for _, overlay := range left {
		if overlay.parent != o.committed && o.byBlock[overlay.parent] == nil {
			delete(o.byBlock, overlay.block)
		}
	}
}
