package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Told is what clients were told is final: all of it verified by them.
type Told struct {
	c *Network

	mu      sync.Mutex
	blocks  map[uint64]toldBlock
	highest uint64
	txs     map[types.Hash]uint64 // transaction -> height
	waiting map[types.Hash]chan struct{}
	accused []uint64  // heights of blocks with evidence
	rose    time.Time // when the highest height was told of first
	pause   time.Duration
	wrong   []string
}

type toldBlock struct {
	block, outcome types.Hash
	txs            int
	failed         bool // none of its transactions was executed
	by             int  // the node that said so first
}

// Follow has a client of each node listen to its blocks until the test, or ctx,
// ends. One whose node is away comes again and goes on where it was.
func (c *Network) Follow(ctx context.Context) *Told {
	w := &Told{c: c, blocks: map[uint64]toldBlock{}, txs: map[types.Hash]uint64{}, waiting: map[types.Hash]chan struct{}{}}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range c.Clients {
		all.Go(func() { w.listen(ctx, i) })
	}
	c.Cleanup(func() {
		cancel()
		all.Wait()
		w.Check()
	})
	return w
}

func (w *Told) listen(ctx context.Context, node int) {
	next := uint64(1)
	again := time.NewTicker(pollEvery)
	defer again.Stop()
	for ctx.Err() == nil {
		err := w.c.Clients[node].Follow(ctx, next, client.FollowOptions{Transactions: true}, func(b client.Block) error {
			w.take(node, &b)
			next = b.Outcome.Height + 1
			return nil
		})
		if errors.Is(err, client.ErrUnverified) {
			w.report("node%d told what does not hold: %v", node, err)
		}
		select {
		case <-again.C: // it is away: try again
		case <-ctx.Done():
		}
	}
}

func (w *Told) report(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < 20 {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

// take holds a block against what was told of its height before.
func (w *Told) take(node int, b *client.Block) {
	hashes := make([]types.Hash, len(b.Transactions))
	for i := range b.Transactions {
		hashes[i] = types.TxHash(b.Transactions[i])
	}
	accuses := b.Header.EvidenceRoot != types.ListRoot(nil)
	if accuses && !w.c.Evidence {
		w.report("the block at height %d holds evidence: a validator signed twice", b.Outcome.Height)
	}
	now := toldBlock{block: b.Outcome.Block, outcome: b.Outcome.Hash(), txs: len(hashes), by: node,
		failed: len(hashes) > 0 && b.Outcome.ReceiptsRoot == types.ListRoot(nil)}
	w.mu.Lock()
	was, known := w.blocks[b.Outcome.Height]
	if !known {
		w.blocks[b.Outcome.Height] = now
		w.rises(b.Outcome.Height)
		if accuses {
			w.accused = append(w.accused, b.Outcome.Height)
		}
		for _, h := range hashes {
			if now.failed {
				break // not executed
			}
			w.txs[h] = b.Outcome.Height
			if ch := w.waiting[h]; ch != nil {
				close(ch)
				delete(w.waiting, h)
			}
		}
	}
	w.mu.Unlock()
	if known && (was.block != now.block || was.outcome != now.outcome || was.txs != now.txs) {
		w.report("height %d: node%d said %+v, node%d says %+v", b.Outcome.Height, was.by, was, node, now)
	}
}

// rises notes a height that nobody had told of. Callers hold mu.
func (w *Told) rises(height uint64) {
	if height <= w.highest {
		return
	}
	now := time.Now()
	if !w.rose.IsZero() {
		w.pause = max(w.pause, now.Sub(w.rose))
	}
	w.highest, w.rose = height, now
}

// Pause is the longest that finality stood still, by anybody's notice, since it was
// asked last.
func (w *Told) Pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	longest := max(w.pause, time.Since(w.rose))
	w.pause = 0
	return longest
}

// Evidence is what the blocks told of hold of it, in the order of being told.
func (w *Told) Evidence() []types.Evidence {
	w.c.Helper()
	w.mu.Lock()
	heights := slices.Clone(w.accused)
	w.mu.Unlock()
	var list []types.Evidence
	for _, height := range heights {
		b, err := w.c.Clients[0].Block(w.c.Context(), height)
		if err != nil {
			w.c.Fatalf("block %d: %v", height, err)
		}
		for _, raw := range b.Block.Evidence {
			e, err := types.DecodeEvidence(raw)
			if err != nil {
				w.c.Fatalf("evidence in block %d: %v", height, err)
			}
			list = append(list, *e)
		}
	}
	return list
}

// Await is closed when a transaction was executed in a final block.
func (w *Told) Await(h types.Hash) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch := w.waiting[h]
	if ch == nil {
		ch = make(chan struct{})
		if _, final := w.txs[h]; final {
			close(ch)
		} else {
			w.waiting[h] = ch
		}
	}
	return ch
}

// HeightOf is the height whose block executed a transaction, 0: none that was told of.
func (w *Told) HeightOf(h types.Hash) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.txs[h]
}

// Count is the highest height told of, and how many transactions were.
func (w *Told) Count() (height uint64, txs int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.highest, len(w.txs)
}

// FailedBlocks are the heights of blocks that failed.
func (w *Told) FailedBlocks() []uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []uint64
	for h := uint64(1); h <= w.highest; h++ {
		if w.blocks[h].failed {
			list = append(list, h)
		}
	}
	return list
}

// Check fails the test for all that was wrong.
func (w *Told) Check() {
	w.c.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.wrong {
		w.c.Error(text)
	}
	w.wrong = nil
}

var errEnough = errors.New("all was seen")

// Hold reads everything told, from a height on, back from nodes: each must have
// it, with the same block, transactions and outcome.
func (w *Told) Hold(from uint64, nodes ...int) {
	w.c.Helper()
	to, _ := w.Count()
	w.c.WaitHeight(to, nodes...)
	for _, i := range nodes {
		seen := uint64(0)
		err := w.c.Clients[i].Follow(w.c.Context(), from, client.FollowOptions{Transactions: true}, func(b client.Block) error {
			w.take(i, &b)
			seen++
			if b.Outcome.Height >= to {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) || seen < to-from+1 {
			w.c.Fatalf("node%d gave %d blocks from height %d to %d: %v", i, seen, from, to, err)
		}
	}
	w.Check()
}
