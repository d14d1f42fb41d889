package mempool

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// committed takes out what final blocks executed. Only what was executed itself
// goes at once: a skipped transaction uses no nonce, so what else has passed shows
// when its sender is checked again.
func (b *book) committed(info CommitInfo, now time.Time) {
	b.height = max(b.height, info.Height)
	executed := make(map[*lane]map[uint64]bool)
	var lanes []*lane // in order
	for _, r := range info.Executed {
		e := b.byHash[r.Hash]
		switch {
		case e == nil:
		case e.held:
			l := e.lane
			b.unhold(l, l.heldIndex(e.nonce), ReasonExecuted)
			b.tidy(l)
		default:
			if executed[e.lane] == nil {
				executed[e.lane] = make(map[uint64]bool)
				lanes = append(lanes, e.lane)
			}
			executed[e.lane][e.nonce] = true
		}
	}
	for _, l := range lanes {
		b.takeExecuted(l, executed[l], now)
	}
	for _, r := range info.Executed {
		if r.Code != 0 || r.Sender == "" {
			continue
		}
		if l := b.lanes[r.Sender]; l != nil && l.base <= r.Nonce && !l.feeFree() {
			b.setBase(l, r.Nonce+1, now)
		}
	}
	b.outlived(now)
}

// takeExecuted ends a lane's executed transactions. Those behind a gap that this
// leaves are held.
func (b *book) takeExecuted(l *lane, nonces map[uint64]bool, now time.Time) {
	rest := b.cut(l, 0)
	first := 0
	for first < len(rest) && nonces[rest[first].nonce] {
		b.forget(rest[first], ReasonExecuted)
		first++
	}
	l.base += uint64(first)
	i := first
	for ; i < len(rest) && !nonces[rest[i].nonce]; i++ {
		l.txs = append(l.txs, rest[i])
		b.txs++
		b.bytes += len(rest[i].tx)
	}
	l.refresh()
	b.reorder(l)
	for ; i < len(rest); i++ {
		if nonces[rest[i].nonce] {
			b.forget(rest[i], ReasonExecuted)
		} else {
			b.holdAll(rest[i:i+1], l, now)
		}
	}
	b.tidy(l)
}

// touches remembers which senders the last few commits touched, so that a check
// that ran beside a commit is not taken for newer than it.
type touches struct {
	commit  uint64 // counts Committed
	at      map[string]uint64
	history [touchDepth][]string
}

const touchDepth = 4

// add begins a commit that touched these senders.
func (t *touches) add(senders []string) {
	if t.at == nil {
		t.at = make(map[string]uint64)
	}
	t.commit++
	slot := &t.history[t.commit%touchDepth]
	for _, s := range *slot {
		if t.at[s]+touchDepth <= t.commit {
			delete(t.at, s)
		}
	}
	*slot = senders
	for _, s := range senders {
		t.at[s] = t.commit
	}
}

// since reports whether a sender was, or may have been, touched after commit c.
func (t *touches) since(sender string, c uint64) bool {
	return c+touchDepth < t.commit || t.at[sender] > c
}

// recent is a bounded set of hashes; what was added long ago falls out.
type recent struct {
	most     int // in each half
	now, old map[types.Hash]struct{}
}

func newRecent(most int) *recent {
	return &recent{most: max(1, most/2), now: make(map[types.Hash]struct{})}
}

func (r *recent) add(h types.Hash) {
	if len(r.now) >= r.most {
		r.old, r.now = r.now, make(map[types.Hash]struct{}, r.most)
	}
	r.now[h] = struct{}{}
}

func (r *recent) has(h types.Hash) bool {
	if _, ok := r.now[h]; ok {
		return true
	}
	_, ok := r.old[h]
	return ok
}
