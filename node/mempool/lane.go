package mempool

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// entry is one transaction in the book.
type entry struct {
	hash       types.Hash
	tx         []byte
	nonce      uint64
	price      uint64 // fee per gas
	gas        uint64
	cost       Amount
	validUntil uint64
	seq        uint64 // order of arrival
	source     Source
	added      time.Time
	lane       *lane  // nil once it has left
	held       bool   // beyond a gap
	suspect    bool   // of a failed block, not cleared yet
	gen        uint32 // generation of the executor that verified it
}

// lane is the transactions of one sender.
type lane struct {
	sender string
	base   uint64   // nonce of txs[0]: the sender's next in the committed state
	txs    []*entry // contiguous from base
	held   []*entry // beyond a gap, by nonce
	cost   Amount   // sum of txs

	// bestPrice and bestSeq bound every transaction in txs from above: no price is
	// higher, none of that price came earlier.
	bestPrice uint64
	bestSeq   uint64
	bestPos   int // in book.best, or -1
	worstPos  int // in book.worst, or -1
}

// next is the nonce that the lane waits for.
func (l *lane) next() uint64 { return l.base + uint64(len(l.txs)) }

func (l *lane) tail() *entry { return l.txs[len(l.txs)-1] }

// feeFree reports whether the lane holds what goes by compare-and-swap.
func (l *lane) feeFree() bool { return len(l.txs) > 0 && l.txs[0].price == FeeFreePrice }

// at is the entry of a nonce in txs, or nil.
func (l *lane) at(nonce uint64) *entry {
	if nonce < l.base || nonce >= l.next() {
		return nil
	}
	return l.txs[nonce-l.base]
}

// refresh computes cost and bounds anew.
func (l *lane) refresh() {
	l.cost, l.bestPrice, l.bestSeq = Amount{}, 0, ^uint64(0)
	for _, e := range l.txs {
		l.account(e)
	}
}

// account adds one transaction to cost and bounds.
func (l *lane) account(e *entry) {
	l.cost = l.cost.Add(e.cost)
	l.bestPrice = max(l.bestPrice, e.price)
	l.bestSeq = min(l.bestSeq, e.seq)
}

// heldIndex is where a nonce is or belongs in held.
func (l *lane) heldIndex(nonce uint64) int {
	i := 0
	for i < len(l.held) && l.held[i].nonce < nonce {
		i++
	}
	return i
}

// laneHeap is a binary heap of lanes that know their place in it.
type laneHeap struct {
	lanes []*lane
	above func(a, b *lane) bool
	place func(l *lane) *int
}

// moreUrgent orders lanes by the bound of what they offer: price, then arrival.
func moreUrgent(a, b *lane) bool {
	if a.bestPrice != b.bestPrice {
		return a.bestPrice > b.bestPrice
	}
	return a.bestSeq < b.bestSeq
}

// moreExpendable orders lanes by their last transaction: the lowest price first,
// of one price the youngest.
func moreExpendable(a, b *lane) bool {
	x, y := a.tail(), b.tail()
	if x.price != y.price {
		return x.price < y.price
	}
	return x.seq > y.seq
}

func (h *laneHeap) put(l *lane, i int) {
	h.lanes[i] = l
	*h.place(l) = i
}

// fix restores the order around l, which it adds where it is not in the heap.
func (h *laneHeap) fix(l *lane) {
	i := *h.place(l)
	if i < 0 {
		i = len(h.lanes)
		h.lanes = append(h.lanes, l)
		h.put(l, i)
	}
	if !h.up(l, i) {
		h.down(l, *h.place(l))
	}
}

func (h *laneHeap) up(l *lane, i int) bool {
	moved := false
	for i > 0 {
		parent := (i - 1) / 2
		if !h.above(l, h.lanes[parent]) {
			break
		}
		h.put(h.lanes[parent], i)
		i, moved = parent, true
	}
	h.put(l, i)
	return moved
}

func (h *laneHeap) down(l *lane, i int) {
	for {
		child := 2*i + 1
		if child >= len(h.lanes) {
			break
		}
		if child+1 < len(h.lanes) && h.above(h.lanes[child+1], h.lanes[child]) {
			child++
		}
		if !h.above(h.lanes[child], l) {
			break
		}
		h.put(h.lanes[child], i)
		i = child
	}
	h.put(l, i)
}

// remove takes l out. Its key must not have changed since the last fix, or be of
// no interest: the last lane is put in its place by its own key.
func (h *laneHeap) remove(l *lane) {
	i := *h.place(l)
	if i < 0 {
		return
	}
	*h.place(l) = -1
	last := h.lanes[len(h.lanes)-1]
	h.lanes[len(h.lanes)-1] = nil
	h.lanes = h.lanes[:len(h.lanes)-1]
	if last == l {
		return
	}
	h.put(last, i)
	if !h.up(last, i) {
		h.down(last, *h.place(last))
	}
}
