package mempool

import "github.com/bedrock-bft/bedrock/node/types"

// candidate is a step of the search for the most urgent transaction: either a place
// in the heap of lanes, with the bound of everything at and below it, or a
// transaction of a lane.
type candidate struct {
	price uint64
	seq   uint64
	lane  *lane // nil: a place in the heap
	index int   // in the lane's txs, or the place
}

// candidates is a heap, the most urgent first. It is written out because
// container/heap allocates for each step.
type candidates []candidate

func (c candidates) before(i, j int) bool {
	if c[i].price != c[j].price {
		return c[i].price > c[j].price
	}
	if c[i].seq != c[j].seq {
		return c[i].seq < c[j].seq
	}
	// A bound of equal rank is opened first.
	return c[i].lane == nil && c[j].lane != nil
}

func (c *candidates) push(x candidate) {
	*c = append(*c, x)
	h := *c
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.before(i, parent) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// sink moves the first to its place after it changed.
func (c candidates) sink() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(c) {
			return
		}
		if child+1 < len(c) && c.before(child+1, child) {
			child++
		}
		if !c.before(child, i) {
			return
		}
		c[i], c[child] = c[child], c[i]
		i = child
	}
}

func (c *candidates) pop() {
	h := *c
	last := len(h) - 1
	h[0] = h[last]
	h[last] = candidate{}
	*c = h[:last]
	c.sink()
}

// build takes transactions in order of price, each lane's in order of nonce, until
// a bound is met. It walks the heap of lanes from its top, so that it looks at
// about as many lanes as it takes transactions or skips ones in flight.
func (b *book) build(limits BuildLimits, take func(*entry) bool) {
	if len(b.best.lanes) == 0 {
		return
	}
	c := candidates(b.scratch[:0])
	defer func() { b.scratch = c[:0] }()
	c = append(c, b.bound(0))
	for len(c) > 0 {
		x := c[0]
		if x.lane == nil {
			c.pop()
			for child := 2*x.index + 1; child <= 2*x.index+2 && child < len(b.best.lanes); child++ {
				c.push(b.bound(child))
			}
			l := b.best.lanes[x.index]
			if i, ok := b.first(l, limits); ok {
				c.push(offer(l, i))
			}
			continue
		}
		next := x.index + 1
		if take(x.lane.txs[x.index]) {
			if limits.done() {
				return
			}
			if b.follows(x.lane, next, limits) {
				c[0] = offer(x.lane, next)
				c.sink()
				continue
			}
		} else if limits.missed() {
			return
		}
		c.pop()
	}
}

func (b *book) bound(place int) candidate {
	l := b.best.lanes[place]
	return candidate{price: l.bestPrice, seq: l.bestSeq, index: place}
}

func offer(l *lane, index int) candidate {
	e := l.txs[index]
	return candidate{price: e.price, seq: e.seq, lane: l, index: index}
}

// first is the first transaction of a lane that is not in flight.
func (b *book) first(l *lane, limits BuildLimits) (int, bool) {
	i := 0
	if limits.Exclude != nil {
		for i < len(l.txs) && limits.Exclude(l.txs[i].hash) {
			i++
		}
	}
	return i, i < len(l.txs) && b.fit(l.txs[i], limits)
}

// follows reports whether a lane goes on at an index after what was just taken.
func (b *book) follows(l *lane, index int, limits BuildLimits) bool {
	return index < len(l.txs) && b.fit(l.txs[index], limits) &&
		(limits.Exclude == nil || !limits.Exclude(l.txs[index].hash))
}

func (b *book) fit(e *entry, limits BuildLimits) bool {
	return !e.suspect && e.gen == b.gen && (e.validUntil == 0 || e.validUntil >= max(limits.Height, b.height+1))
}

// Build takes what a block of limits.Height should hold: the highest prices first,
// each sender's in order. It removes nothing. A caller must not change the bytes.
func (p *Pool) Build(limits BuildLimits) [][]byte {
	if limits.MaxTxs <= 0 || limits.MaxTxs > p.cfg.Limits.BlockTxs {
		limits.MaxTxs = p.cfg.Limits.BlockTxs
	}
	var out [][]byte
	full, misses := false, 0
	limits.done = func() bool { return full }
	limits.missed = func() bool { misses++; return misses > maxMisses }
	p.mu.Lock()
	defer p.mu.Unlock()
	p.book.build(limits, func(e *entry) bool {
		if uint64(len(e.tx)) > limits.MaxBytes || e.gas > limits.MaxGas {
			return false
		}
		limits.MaxBytes -= uint64(len(e.tx))
		limits.MaxGas -= e.gas
		out = append(out, e.tx)
		full = len(out) >= limits.MaxTxs || limits.MaxBytes == 0 || limits.MaxGas == 0
		return true
	})
	return out
}

// maxMisses ends a build after that many lanes whose next did not fit: what is
// left is small.
const maxMisses = 256

// Waiting reports whether Build would find anything for that height.
func (p *Pool) Waiting(height uint64, exclude func(types.Hash) bool) bool {
	found := false
	limits := BuildLimits{Height: height, Exclude: exclude}
	limits.done = func() bool { return found }
	limits.missed = limits.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.book.build(limits, func(*entry) bool {
		found = true
		return true
	})
	return found
}
