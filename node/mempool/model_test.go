package mempool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !cond() {
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatal("never")
		}
	}
}

// check holds the book to its invariants.
func (b *book) check() error {
	txs, bytes, held, heldBytes, suspects := 0, 0, 0, 0, 0
	sources := map[Source]int{}
	for sender, l := range b.lanes {
		if l.sender != sender || len(l.txs)+len(l.held) == 0 {
			return fmt.Errorf("lane %q is empty or misplaced", sender)
		}
		var cost Amount
		for i, e := range l.txs {
			if e.nonce != l.base+uint64(i) || e.lane != l || e.held || b.byHash[e.hash] != e {
				return fmt.Errorf("lane %q: transaction %d has nonce %d, base %d", sender, i, e.nonce, l.base)
			}
			if e.price > l.bestPrice || e.seq < l.bestSeq {
				return fmt.Errorf("lane %q: its bound is not one", sender)
			}
			cost = cost.Add(e.cost)
			txs, bytes = txs+1, bytes+len(e.tx)
			sources[e.source]++
			if e.suspect {
				suspects++
			}
		}
		if cost != l.cost {
			return fmt.Errorf("lane %q: cost %v, want %v", sender, l.cost, cost)
		}
		last := l.next()
		for _, e := range l.held {
			if e.nonce <= last && e.nonce != last || e.nonce == l.next() || !e.held || e.lane != l || b.byHash[e.hash] != e {
				return fmt.Errorf("lane %q holds nonce %d behind %d", sender, e.nonce, last)
			}
			last = e.nonce + 1
			held, heldBytes = held+1, heldBytes+len(e.tx)
			sources[e.source]++
			if e.suspect {
				suspects++
			}
		}
		if (len(l.txs) > 0) != (l.bestPos >= 0) || (len(l.txs) > 0) != (l.worstPos >= 0) {
			return fmt.Errorf("lane %q: places %d, %d", sender, l.bestPos, l.worstPos)
		}
	}
	if txs != b.txs || bytes != b.bytes || held != b.heldTxs || heldBytes != b.heldBytes || suspects != b.suspects || txs+held != len(b.byHash) {
		return fmt.Errorf("counts: %d %d %d %d %d %d, want %d %d %d %d %d %d", b.txs, b.bytes, b.heldTxs, b.heldBytes, b.suspects, len(b.byHash), txs, bytes, held, heldBytes, suspects, txs+held)
	}
	for s, n := range sources {
		if b.bySource[s] != n {
			return fmt.Errorf("source %v: %d, want %d", s[0], b.bySource[s], n)
		}
	}
	if len(sources) != len(b.bySource) {
		return fmt.Errorf("sources: %d, want %d", len(b.bySource), len(sources))
	}
	if txs > b.limits.Txs || bytes > b.limits.Bytes || held > b.limits.Held {
		return fmt.Errorf("above its limits: %d txs, %d bytes, %d held", txs, bytes, held)
	}
	for _, h := range []*laneHeap{&b.best, &b.worst} {
		for i, l := range h.lanes {
			if *h.place(l) != i || (i > 0 && h.above(l, h.lanes[(i-1)/2])) {
				return fmt.Errorf("a heap is out of order at %d", i)
			}
		}
	}
	return nil
}

// naiveBuild is what Build must give: again and again the most urgent transaction
// that a lane offers next.
func (b *book) naiveBuild(limits BuildLimits, maxTxs int) []types.Hash {
	at := map[*lane]int{}
	for _, l := range b.lanes {
		for at[l] < len(l.txs) && limits.Exclude(l.txs[at[l]].hash) {
			at[l]++
		}
	}
	dead := map[*lane]bool{}
	var out []types.Hash
	for len(out) < maxTxs {
		var best *entry
		for _, l := range b.lanes {
			if dead[l] || at[l] >= len(l.txs) {
				continue
			}
			e := l.txs[at[l]]
			if e.suspect || e.gen != b.gen || (e.validUntil != 0 && e.validUntil < limits.Height) || limits.Exclude(e.hash) {
				continue
			}
			if best == nil || e.price > best.price || (e.price == best.price && e.seq < best.seq) {
				best = e
			}
		}
		if best == nil {
			return out
		}
		l := best.lane
		if uint64(len(best.tx)) > limits.MaxBytes || best.gas > limits.MaxGas {
			dead[l] = true
			continue
		}
		limits.MaxBytes -= uint64(len(best.tx))
		limits.MaxGas -= best.gas
		out = append(out, best.hash)
		at[l]++
		if limits.MaxBytes == 0 || limits.MaxGas == 0 {
			return out
		}
	}
	return out
}

// TestBookAgainstANaiveOne runs random operations and compares every block that is
// built with one chosen by looking at everything.
func TestBookAgainstANaiveOne(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := newBook(Limits{Txs: 60, Bytes: 8000, LaneTxs: 12, LaneHeld: 4, Held: 20, HeldBytes: 4000, PeerTxs: 40,
			HoldFor: 10 * time.Second, TTL: time.Minute})
		nonces := map[string]uint64{}
		now := time.Unix(1, 0)
		for step := range 600 {
			now = now.Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
			randomStep(rng, b, nonces, now)
			if err := b.check(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			compareBuild(t, rng, b, seed, step)
		}
	}
}

func randomStep(rng *rand.Rand, b *book, nonces map[string]uint64, now time.Time) {
	sender := string(rune('a' + rng.IntN(8)))
	switch op := rng.IntN(20); {
	case op < 14:
		x := testTx{sender: sender, nonce: nonces[sender] + uint64(rng.IntN(10)), price: uint64(rng.IntN(12)),
			cost: uint64(rng.IntN(5)), gas: uint64(rng.IntN(50)), pad: rng.IntN(400), salt: byte(rng.IntN(256))}
		if rng.IntN(4) == 0 {
			x.validUntil = b.height + uint64(rng.IntN(6))
		}
		raw := x.bytes()
		e := &entry{hash: types.TxHash(raw), tx: raw, nonce: x.nonce, price: x.price, gas: x.gas, cost: Amount{Lo: x.cost},
			validUntil: x.validUntil, source: Source{byte(rng.IntN(3))}, added: now}
		before := len(b.byHash)
		r := b.insert(e, sender, nonces[sender])
		in := r.Status == Accepted || r.Status == Held
		if in != (b.byHash[e.hash] == e) || (r.Status == Rejected && before < len(b.byHash)) {
			panic(fmt.Sprintf("result %+v against the book", r))
		}
		for _, again := range b.ripe(sender) {
			again.added = now
			b.insert(&entry{hash: again.hash, tx: again.tx, nonce: again.nonce, price: again.price, gas: again.gas,
				cost: again.cost, validUntil: again.validUntil, source: again.source, added: now}, sender, nonces[sender])
		}
	case op < 17:
		randomCommit(rng, b, nonces, now)
	case op == 17:
		b.sweep(now)
	case op == 18:
		if l := b.lanes[sender]; l != nil && len(l.txs) > 0 {
			b.dropAt(l, rng.IntN(len(l.txs)), ReasonCheck, now)
		}
	default:
		if l := b.lanes[sender]; l != nil && len(l.txs) > 0 {
			if e := l.txs[rng.IntN(len(l.txs))]; !e.suspect {
				e.suspect = true
				b.suspects++
			}
		}
	}
}

// randomCommit executes some transactions: of lanes in order, out of order, and of
// nonces that the pool has otherwise.
func randomCommit(rng *rand.Rand, b *book, nonces map[string]uint64, now time.Time) {
	info := CommitInfo{Height: b.height + 1}
	senders := make([]string, 0, len(b.lanes))
	for s := range b.lanes {
		senders = append(senders, s)
	}
	slices.Sort(senders)
	for _, s := range senders {
		l := b.lanes[s]
		for _, e := range l.txs {
			if rng.IntN(3) != 0 {
				continue
			}
			r := TxResult{Hash: e.hash, Sender: s, Nonce: e.nonce, Code: 1}
			if e.nonce == nonces[s] {
				r.Code = 0
				nonces[s]++
			}
			info.Executed = append(info.Executed, r)
		}
		if rng.IntN(8) == 0 {
			info.Executed = append(info.Executed, TxResult{Hash: types.Hash{byte(rng.IntN(256))}, Sender: s, Nonce: nonces[s]})
			nonces[s]++
		}
	}
	b.committed(info, now)
	for s, n := range nonces { // what the check after a commit says
		if l := b.lanes[s]; l != nil {
			b.setBase(l, n, now)
		}
	}
	for _, s := range senders {
		for _, again := range b.ripe(s) {
			b.insert(&entry{hash: again.hash, tx: again.tx, nonce: again.nonce, price: again.price, gas: again.gas,
				cost: again.cost, validUntil: again.validUntil, source: again.source, added: now}, s, nonces[s])
		}
	}
}

func compareBuild(t *testing.T, rng *rand.Rand, b *book, seed uint64, step int) {
	t.Helper()
	flight := map[types.Hash]bool{}
	for h, e := range b.byHash {
		if e.hash[0]%4 == 0 {
			flight[h] = true
		}
	}
	limits := BuildLimits{MaxBytes: uint64(200 + rng.IntN(6000)), MaxGas: uint64(rng.IntN(1500)), Height: b.height + 1,
		Exclude: func(h types.Hash) bool { return flight[h] }}
	maxTxs := 1 + rng.IntN(40)
	want := b.naiveBuild(limits, maxTxs)
	p := &Pool{cfg: Config{Limits: Limits{BlockTxs: maxTxs}}, book: b}
	var got []types.Hash
	for _, raw := range p.Build(limits) {
		got = append(got, types.TxHash(raw))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("seed %d, step %d: built %d transactions, want %d:\n%v\n%v", seed, step, len(got), len(want), got, want)
	}
	limits.MaxBytes, limits.MaxGas = 1<<40, 1<<40
	if p.Waiting(limits.Height, limits.Exclude) != (len(b.naiveBuild(limits, 1)) > 0) {
		t.Fatalf("seed %d, step %d: waiting is wrong", seed, step)
	}
}
