package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/types"
)

// feedHeights is how many heights are kept ready for those who follow the tip.
const feedHeights = 16

// final is one final height, as far as it was asked for.
type final struct {
	block   *types.Block
	outcome types.Outcome
	// certificate is of this very height, or nil.
	certificate *types.CC
	receipts    []receipts.Receipt
}

// feed reads each height once for all who wait at the tip.
type feed struct {
	backend Backend

	mu      sync.Mutex
	entries map[uint64]*feedEntry
}

type feedEntry struct {
	ready chan struct{} // closed when value or err is set
	value *final
	err   error
}

func newFeed(b Backend) *feed {
	return &feed{backend: b, entries: map[uint64]*feedEntry{}}
}

// at is a final height. Heights far below the tip are read and not kept.
func (f *feed) at(ctx context.Context, height uint64) (*final, error) {
	if height+feedHeights <= f.backend.FinalHeight() {
		return f.read(ctx, height)
	}
	f.mu.Lock()
	entry, ok := f.entries[height]
	if !ok {
		entry = &feedEntry{ready: make(chan struct{})}
		f.entries[height] = entry
		for h := range f.entries {
			if h+feedHeights <= height {
				delete(f.entries, h)
			}
		}
	}
	f.mu.Unlock()
	if !ok {
		// Others wait for this read: it does not end with one caller's context.
		entry.value, entry.err = f.read(context.WithoutCancel(ctx), height)
		if entry.err != nil {
			f.mu.Lock()
			delete(f.entries, height)
			f.mu.Unlock()
		}
		close(entry.ready)
	}
	select {
	case <-entry.ready:
		return entry.value, entry.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *feed) read(ctx context.Context, height uint64) (*final, error) {
	block, err := f.backend.Block(ctx, height)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", height, err)
	}
	outcome, err := f.backend.Outcome(ctx, height)
	if err != nil {
		return nil, fmt.Errorf("outcome %d: %w", height, err)
	}
	list, err := f.backend.Receipts(ctx, height)
	var floor *BelowFloorError
	if err != nil && !errors.As(err, &floor) { // blocks may be kept longer
		return nil, fmt.Errorf("receipts %d: %w", height, err)
	}
	v := &final{block: block, outcome: *outcome, receipts: list}
	cc, err := f.backend.Certificate(ctx, height)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("certificate %d: %w", height, err)
	}
	if err == nil && cc.Outcome.Height == height {
		v.certificate = cc
	}
	return v, nil
}
