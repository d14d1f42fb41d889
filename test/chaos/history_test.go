package chaos_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// history is all that clients of a network asked for and were told, in the order in
// which they were told. Each client owns one record, which it writes anew with a count
// that rises by one, the next write when the one before is final; all clients read all
// records, of any node, with proofs.
type history struct {
	c       *cluster
	clients []*writer
	ending  atomic.Bool // no write more

	mu     sync.Mutex
	told   []told
	failed int // calls without an answer
	wrong  []string
}

// told is one answer.
type told struct {
	kind         string // accepted, final or read
	client, node int
	began, ended time.Time
	of           int    // whose record
	count        uint64 // written or read; 0: there is no record yet
	height       uint64 // of the block, or of the state read
	receipt      types.Hash
}

// writer is a client.
type writer struct {
	h     *history
	at    int
	key   ed25519.PrivateKey
	owner ledger.Address
	rng   *rand.Rand
	nonce uint64

	mu     sync.Mutex
	writes []types.Hash // by count, from 1
}

// callTime bounds a call of a client: its node may be stopped.
const callTime = 4 * time.Second

// record starts so many clients, with accounts of their own from first on, until stop
// is called, which waits until their last writes are final.
func (c *cluster) record(rng *rand.Rand, first, clients int) (h *history, stop func()) {
	c.Helper()
	h = &history{c: c}
	ctx, cancel := context.WithCancel(c.Context())
	for k := range clients {
		key, err := c.Keys.Key(first + k)
		if err != nil {
			c.Fatal(err)
		}
		h.clients = append(h.clients, &writer{h: h, at: k, key: key, owner: ledger.AddressOf(key.Public().(ed25519.PublicKey)),
			rng: rand.New(rand.NewPCG(rng.Uint64(), uint64(k)))})
	}
	var all sync.WaitGroup
	for _, w := range h.clients {
		all.Go(func() { w.write(ctx) })
	}
	c.Cleanup(func() { cancel(); all.Wait() })
	return h, func() {
		h.ending.Store(true)
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		c.Wait("the clients' last writes are final", func() (bool, string) {
			select {
			case <-done:
				return true, ""
			default:
				return false, fmt.Sprintf("%d answers", h.size())
			}
		})
	}
}

func (h *history) add(t told) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.ended = time.Now()
	h.told = append(h.told, t)
}

func (h *history) report(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.wrong) < 20 {
		h.wrong = append(h.wrong, fmt.Sprintf(format, args...))
	}
}

// lost counts a call that failed; it is wrong only if what came does not verify.
func (h *history) lost(node int, err error) {
	if errors.Is(err, client.ErrUnverified) {
		h.report("node%d told what does not hold: %v", node, err)
	}
	h.mu.Lock()
	h.failed++
	h.mu.Unlock()
}

// size is how many answers there are.
func (h *history) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.told)
}

// write writes the client's record until ctx ends.
func (w *writer) write(ctx context.Context) {
	for count := uint64(1); ctx.Err() == nil && !w.h.ending.Load(); count++ {
		data := binary.LittleEndian.AppendUint64(nil, count)
		op := ledger.RecordPut{Key: []byte("count"), Data: data}
		tx, err := ledger.Sign(w.key, ledger.Body{Genesis: w.h.c.Trust.Genesis, Nonce: w.nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op})
		if err != nil {
			w.h.report("client %d: %v", w.at, err)
			return
		}
		w.mu.Lock()
		w.writes = append(w.writes, types.TxHash(tx))
		w.mu.Unlock()
		w.nonce++
		for !w.settle(ctx, tx, count) && ctx.Err() == nil {
			w.read(ctx)
		}
		w.read(ctx)
	}
}

// settle has a node take the transaction, and asks any node for its finality.
func (w *writer) settle(ctx context.Context, tx []byte, count uint64) bool {
	node := w.rng.IntN(len(w.h.c.Clients))
	began := time.Now()
	call, cancel := context.WithTimeout(ctx, callTime)
	_, err := w.h.c.Clients[node].Submit(call, tx)
	cancel()
	var refused *client.RejectedError
	switch {
	case err == nil:
		w.h.add(told{kind: "accepted", client: w.at, node: node, began: began, of: w.at, count: count})
	case errors.As(err, &refused):
		if !slices.Contains([]string{"nonce_used", "executed", "busy", "pool_full", "peer_quota", "closed", "known", "nonce_too_high", "nonce_gap"}, refused.Reason) {
			w.h.report("client %d: node%d refused its write %d: %v", w.at, node, count, err)
		}
	default:
		w.h.lost(node, err)
	}
	for range 10 { // of this node, then of any
		if w.final(ctx, node, types.TxHash(tx), count) {
			return true
		}
		node = w.rng.IntN(len(w.h.c.Clients))
		select {
		case <-time.After(time.Duration(50+w.rng.IntN(200)) * time.Millisecond):
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// final asks a node whether a transaction is final, with the proof.
func (w *writer) final(ctx context.Context, node int, hash types.Hash, count uint64) bool {
	began := time.Now()
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	t, _, err := w.h.c.Clients[node].Transaction(call, hash)
	if err != nil {
		if !errors.Is(err, client.ErrNotFound) {
			w.h.lost(node, err)
		}
		return false
	}
	w.h.add(told{kind: "final", client: w.at, node: node, began: began, of: w.at, count: count, height: t.Height, receipt: types.SumHash(t.Receipt.Append(nil))})
	return true
}

// read reads some client's record of some node.
func (w *writer) read(ctx context.Context) {
	node, of := w.rng.IntN(len(w.h.c.Clients)), w.rng.IntN(len(w.h.clients))
	owner := w.h.clients[of].owner
	key := []byte("count")
	began := time.Now()
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s, err := w.h.c.Clients[node].Query(call, "record/"+owner.String(), key, 0, ledger.RecordKey(owner, key))
	if err != nil {
		w.h.lost(node, err)
		return
	}
	t := told{kind: "read", client: w.at, node: node, began: began, of: of, height: s.Height}
	if !s.Absent {
		row, err := ledger.DecodeRecord(s.Value)
		if err != nil || len(row.Data) != 8 {
			w.h.report("node%d: record of client %d at height %d: %v, %d bytes", node, of, s.Height, err, len(row.Data))
			return
		}
		t.count = binary.LittleEndian.Uint64(row.Data)
	}
	w.h.add(t)
}

// check holds the history against the chain as all nodes have it now, and against
// itself:
//
//   - every write that anybody was told is final is in the chain at that height, with
//     that receipt, on every node; nobody was told otherwise;
//   - a read at a height finds what the last write at or below that height wrote;
//   - what a node told never goes back, not over its restarts either.
//
// The clients must have stopped.
func (h *history) check(w *fleet.Told) {
	h.c.Helper()
	height, _ := w.Count()
	for _, t := range h.told {
		height = max(height, t.height)
	}
	h.c.WaitHeight(height, h.c.All()...)
	finals := 0
	for _, one := range h.clients {
		heights := h.chainOf(one, w)
		finals += len(heights)
		h.holdReads(one.at, heights)
	}
	h.holdOrder()
	h.mu.Lock()
	defer h.mu.Unlock()
	kinds := map[string]int{}
	for _, t := range h.told {
		kinds[t.kind]++
	}
	h.c.Logf("history: %d clients, %d accepted, %d told final (%d writes), %d reads with proofs, %d calls without an answer", len(h.clients), kinds["accepted"], kinds["final"], finals, kinds["read"], h.failed)
	for _, text := range h.wrong {
		h.c.Error(text)
	}
	h.wrong = nil
	if finals == 0 || kinds["read"] == 0 {
		h.c.Error("the history is empty: it shows nothing")
	}
}

// place is where a node has a write.
type place struct {
	there   bool
	height  uint64
	receipt types.Hash
}

// places asks all nodes at once where they have a client's writes, by node and count.
func (h *history) places(one *writer) [][]place {
	h.c.Helper()
	all := make([][]place, len(h.c.Clients))
	var asking errgroup.Group
	for node, c := range h.c.Clients {
		all[node] = make([]place, len(one.writes))
		for part := range 4 {
			asking.Go(func() error {
				for k := part; k < len(one.writes); k += 4 {
					t, _, err := c.Transaction(h.c.Context(), one.writes[k])
					switch {
					case errors.Is(err, client.ErrNotFound):
					case err != nil:
						return fmt.Errorf("write %d of client %d at node%d: %w", k+1, one.at, node, err)
					default:
						all[node][k] = place{true, t.Height, types.SumHash(t.Receipt.Append(nil))}
					}
				}
				return nil
			})
		}
	}
	if err := asking.Wait(); err != nil {
		h.c.Fatal(err)
	}
	return all
}

// chainOf is at which heights a client's writes are final, by count from 1, as every
// node has them.
func (h *history) chainOf(one *writer, w *fleet.Told) []uint64 {
	h.c.Helper()
	all := h.places(one)
	var heights []uint64
	var receipts []types.Hash
	for k, hash := range one.writes {
		is := all[0][k]
		for node := range all {
			if all[node][k] != is {
				h.report("write %d of client %d: node0 has it at %+v, node%d at %+v", k+1, one.at, is, node, all[node][k])
			}
		}
		if !is.there {
			h.report("write %d of client %d is not final at node0", k+1, one.at)
			break
		}
		heights, receipts = append(heights, is.height), append(receipts, is.receipt)
		if followed := w.HeightOf(hash); followed != is.height && followed != 0 {
			h.report("write %d of client %d: followers were told height %d, it is at %d", k+1, one.at, followed, is.height)
		}
	}
	for _, t := range h.told {
		switch at := int(t.count) - 1; {
		case t.kind != "final" || t.of != one.at:
		case at >= len(heights):
			h.report("client %d was told by node%d that write %d is final at height %d: it is lost", t.client, t.node, t.count, t.height)
		case t.height != heights[at] || t.receipt != receipts[at]:
			h.report("client %d was told by node%d that write %d is final at height %d, receipt %s: it is at %d, %s", t.client, t.node, t.count, t.height, t.receipt, heights[at], receipts[at])
		}
	}
	return heights
}

// holdReads holds all reads of a client's record against the heights of its writes.
func (h *history) holdReads(of int, heights []uint64) {
	for _, t := range h.told {
		if t.kind != "read" || t.of != of {
			continue
		}
		want, _ := slices.BinarySearch(heights, t.height+1) // writes at or below
		if t.count != uint64(want) {
			h.report("client %d read count %d of client %d's record at height %d of node%d; writes are at heights %v: want %d", t.client, t.count, of, t.height, t.node, heights, want)
		}
	}
}

// holdOrder holds each node to what it told before.
func (h *history) holdOrder() {
	highest := map[int][]told{} // by node: answers, in the order of their end, heights rising
	for _, t := range h.told {
		if t.height == 0 {
			continue
		}
		list := highest[t.node]
		if t.kind == "read" {
			// The last one that ended before this began.
			k, _ := slices.BinarySearchFunc(list, t.began, func(a told, at time.Time) int { return a.ended.Compare(at) })
			if k > 0 && list[k-1].height > t.height {
				h.report("node%d told of height %d, and a read that began %s later is of height %d", t.node, list[k-1].height, t.began.Sub(list[k-1].ended), t.height)
			}
		}
		if n := len(list); n == 0 || t.height > list[n-1].height {
			highest[t.node] = append(list, t)
		}
	}
}

// waitAnswers waits until clients were told more.
func (h *history) waitAnswers(more int) {
	h.c.Helper()
	want := h.size() + more
	h.c.Wait(fmt.Sprintf("clients get %d answers more", more), func() (bool, string) {
		return h.size() >= want, fmt.Sprintf("%d of %d", h.size(), want)
	})
}
