package mempool

import (
	"fmt"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// book is the pool's state. It has no goroutine, lock or clock: Pool holds a lock
// around it and passes the time in.
type book struct {
	limits Limits
	height uint64 // last committed
	gen    uint32 // of the executor: entries of an older one are not proposed

	byHash    map[types.Hash]*entry
	lanes     map[string]*lane
	best      laneHeap // lanes with transactions, the most urgent first
	worst     laneHeap // the same, the most expendable tail first
	txs       int
	bytes     int
	heldTxs   int
	heldBytes int
	suspects  int
	bySource  map[Source]int
	seq       uint64
	arrivals  arrivals // of lanes
	waiting   arrivals // of the held ones
	expiries  expiries
	scratch   []candidate

	// left hears of every transaction that leaves a lane or the held ones.
	left func(e *entry, why Reason)
}

func newBook(l Limits) *book {
	b := &book{
		limits: l, byHash: make(map[types.Hash]*entry), lanes: make(map[string]*lane),
		bySource: make(map[Source]int), left: func(*entry, Reason) {},
	}
	b.waiting.held = true
	b.best = laneHeap{above: moreUrgent, place: func(l *lane) *int { return &l.bestPos }}
	b.worst = laneHeap{above: moreExpendable, place: func(l *lane) *int { return &l.worstPos }}
	return b
}

// senders lists who has anything here: the most urgent first, as far as a heap goes, then
// those with nothing but held transactions, by name.
func (b *book) senders() []string {
	out := make([]string, 0, len(b.lanes))
	for _, l := range b.best.lanes {
		out = append(out, l.sender)
	}
	queued := len(out)
	for sender, l := range b.lanes {
		if len(l.txs) == 0 {
			out = append(out, sender)
		}
	}
	slices.Sort(out[queued:])
	return out
}

// queuedCost is what the sender of a transaction with that nonce has queued beside
// it.
func (b *book) queuedCost(sender string, nonce uint64) Amount {
	l := b.lanes[sender]
	if l == nil {
		return Amount{}
	}
	cost := l.cost
	if e := l.at(nonce); e != nil {
		cost = cost.Sub(e.cost)
	}
	return cost
}

// insert puts a checked transaction where it belongs. accountNonce is the sender's
// next nonce in the newest committed state.
func (b *book) insert(e *entry, sender string, accountNonce uint64) Result {
	if b.byHash[e.hash] != nil {
		return Result{Hash: e.hash, Status: Duplicate, Text: "the transaction is in the pool already"}
	}
	if e.validUntil != 0 && e.validUntil <= b.height {
		return b.reject(e, ReasonExpired, fmt.Sprintf("the transaction is valid until height %d, which is final: sign it anew", e.validUntil))
	}
	l := b.lanes[sender]
	if l == nil {
		l = &lane{sender: sender, base: accountNonce, bestPos: -1, worstPos: -1, bestSeq: ^uint64(0)}
		b.lanes[sender] = l
	} else {
		b.setBase(l, accountNonce, e.added)
		b.lanes[sender] = l // setBase may have removed an empty lane
	}
	b.seq++
	e.seq, e.gen = b.seq, b.gen
	r := b.place(e, l)
	b.tidy(l)
	return r
}

func (b *book) place(e *entry, l *lane) Result {
	next := l.next()
	switch {
	case e.nonce < l.base:
		r := b.reject(e, ReasonNonceLow, fmt.Sprintf("nonce %d is used: the sender's next is %d", e.nonce, l.base))
		r.NextNonce = l.base
		return r
	case e.nonce < next:
		return b.replace(e, l)
	case e.source != Local && b.bySource[e.source] >= b.limits.PeerTxs:
		return b.reject(e, ReasonQuota, fmt.Sprintf("the peer has %d transactions in the pool, which is the most", b.limits.PeerTxs))
	case e.nonce > next:
		return b.hold(e, l)
	case len(l.txs) >= b.limits.LaneTxs:
		r := b.reject(e, ReasonLaneFull, fmt.Sprintf("the sender has %d transactions queued, which is the most: wait until some are final", len(l.txs)))
		r.NextNonce = next
		return r
	}
	l.txs = append(l.txs, e)
	b.enter(e, l)
	b.queue(e)
	l.account(e)
	b.reorder(l)
	return b.shrink(e)
}

func (b *book) reject(e *entry, why Reason, text string) Result {
	return Result{Hash: e.hash, Status: Rejected, Reason: why, Text: text}
}

// enter records a transaction that got a place.
func (b *book) enter(e *entry, l *lane) {
	e.lane = l
	b.byHash[e.hash] = e
	b.bySource[e.source]++
	if e.validUntil != 0 {
		b.expires(e)
	}
}

// queue counts a transaction that joined a lane's txs.
func (b *book) queue(e *entry) {
	b.txs++
	b.bytes += len(e.tx)
	b.arrivals.push(e, b.txs)
}

// replace puts e where another transaction of the same nonce is, for a tenth more.
func (b *book) replace(e *entry, l *lane) Result {
	old := l.at(e.nonce)
	least, ok := atLeastTenthMore(old.price)
	if !ok {
		return b.reject(e, ReasonUnderpriced, "another fee-free transaction of this validator and operation waits: it goes first, or expires")
	}
	if e.price < least {
		r := b.reject(e, ReasonUnderpriced, fmt.Sprintf(
			"nonce %d is queued with gas price %d: to replace it pay at least %d", e.nonce, old.price, least))
		r.MinGasPrice = least
		return r
	}
	if b.bytes-len(old.tx)+len(e.tx) > b.limits.Bytes {
		r := b.reject(e, ReasonPoolFull, "the pool is full and the replacement is larger: wait, or make it smaller")
		r.MinGasPrice = b.floorPrice()
		return r
	}
	b.leave(old, ReasonReplaced)
	l.txs[e.nonce-l.base] = e
	b.enter(e, l)
	b.queue(e)
	l.refresh()
	b.reorder(l)
	return Result{Hash: e.hash, Status: Accepted}
}

// atLeastTenthMore is the lowest price that replaces one; false where none can.
func atLeastTenthMore(price uint64) (uint64, bool) {
	step := price/10 + 1
	if price%10 == 0 {
		step = max(1, price/10)
	}
	least := price + step
	return max(least, price), least > price
}

// shrink drops the least urgent transactions while the pool is too large. Where
// that would take e, the pool is left as it was and e refused.
func (b *book) shrink(e *entry) Result {
	var out []*entry
	for b.txs > b.limits.Txs || b.bytes > b.limits.Bytes {
		victim := b.pull(b.worst.lanes[0])
		if victim != e {
			out = append(out, victim)
			continue
		}
		b.forgetSilently(e)
		for _, v := range slices.Backward(out) {
			v.lane.txs = append(v.lane.txs, v)
			v.lane.account(v)
			b.txs++
			b.bytes += len(v.tx)
			b.reorder(v.lane)
		}
		r := b.reject(e, ReasonPoolFull, "")
		r.MinGasPrice = b.floorPrice()
		r.Text = fmt.Sprintf("the pool is full: the lowest gas price that gets in is %d", r.MinGasPrice)
		return r
	}
	for _, v := range out {
		l := v.lane
		b.forget(v, ReasonPoolFull)
		b.tidy(l)
	}
	return Result{Hash: e.hash, Status: Accepted}
}

// pull takes a lane's tail out without ending it.
func (b *book) pull(l *lane) *entry {
	e := l.tail()
	l.txs[len(l.txs)-1] = nil
	l.txs = l.txs[:len(l.txs)-1]
	b.txs--
	b.bytes -= len(e.tx)
	l.refresh()
	b.reorder(l)
	return e
}

// floorPrice is the lowest gas price that gets into a full pool.
func (b *book) floorPrice() uint64 {
	if len(b.worst.lanes) == 0 {
		return 0
	}
	price := b.worst.lanes[0].tail().price
	return max(price, price+1) // the largest price stays what it is
}

// leave forgets a transaction that is in a lane's txs; the caller takes it out
// there.
func (b *book) leave(e *entry, why Reason) {
	b.txs--
	b.bytes -= len(e.tx)
	b.forget(e, why)
}

// forget ends an entry, whether queued or held.
func (b *book) forget(e *entry, why Reason) {
	delete(b.byHash, e.hash)
	if b.bySource[e.source]--; b.bySource[e.source] == 0 {
		delete(b.bySource, e.source)
	}
	if e.suspect {
		e.suspect = false
		b.suspects--
	}
	e.lane = nil
	b.left(e, why)
}

// forgetSilently ends an entry that never counted as admitted, or comes back.
func (b *book) forgetSilently(e *entry) {
	told := b.left
	b.left = func(*entry, Reason) {}
	b.forget(e, "")
	b.left = told
}

// reorder restores the heaps after a lane changed.
func (b *book) reorder(l *lane) {
	if len(l.txs) == 0 {
		b.best.remove(l)
		b.worst.remove(l)
		return
	}
	b.best.fix(l)
	b.worst.fix(l)
}

// tidy forgets a lane that holds nothing.
func (b *book) tidy(l *lane) {
	if len(l.txs) == 0 && len(l.held) == 0 && b.lanes[l.sender] == l {
		delete(b.lanes, l.sender)
	}
}

// setBase tells a lane its sender's next nonce: what is below has passed; what no
// longer joins on is held.
func (b *book) setBase(l *lane, nonce uint64, now time.Time) {
	if nonce == l.base {
		return
	}
	b.advance(l, nonce)
	if len(l.txs) > 0 && l.base > nonce {
		rest := b.cut(l, 0)
		l.base = nonce
		b.holdAll(rest, l, now)
	}
	l.base = nonce
	b.tidy(l)
}

// advance drops what is below a nonce.
func (b *book) advance(l *lane, nonce uint64) {
	n := 0
	for n < len(l.txs) && l.txs[n].nonce < nonce {
		b.leave(l.txs[n], ReasonNonceLow)
		n++
	}
	if n > 0 {
		l.txs = slices.Delete(l.txs, 0, n)
		l.base += uint64(n)
		l.refresh()
		b.reorder(l)
	}
	for len(l.held) > 0 && l.held[0].nonce < nonce {
		b.unhold(l, 0, ReasonNonceLow)
	}
}

// cut takes the transactions from index on out of a lane, without ending them.
func (b *book) cut(l *lane, index int) []*entry {
	rest := slices.Clone(l.txs[index:])
	clear(l.txs[index:])
	l.txs = l.txs[:index]
	for _, e := range rest {
		b.txs--
		b.bytes -= len(e.tx)
	}
	l.refresh()
	b.reorder(l)
	return rest
}

// dropAt ends the transaction at an index; those behind it are held.
func (b *book) dropAt(l *lane, index int, why Reason, now time.Time) {
	rest := b.cut(l, index)
	b.txs++ // leave counts it again
	b.bytes += len(rest[0].tx)
	b.leave(rest[0], why)
	b.holdAll(rest[1:], l, now)
	b.tidy(l)
}
