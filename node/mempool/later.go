package mempool

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// heldForMigration is the answer to who offers what waits for a migration to end.
func heldForMigration(hash types.Hash) Result {
	return Result{Hash: hash, Status: Held, Reason: ReasonMigrating, Text: "waits until a migration of the state has ended"}
}

// keepForLater keeps an item that cannot be judged while the state is migrated. It
// stays pending, within the bounds of that, and who waits is told. The lock is held.
// rule: migration
func (p *Pool) keepForLater(it *item, now time.Time) {
	known := p.pending[it.hash]
	if known == nil && len(p.pending) >= p.cfg.Limits.Pending {
		p.metrics.left.WithLabelValues(string(ReasonBusy)).Inc()
		p.publish(Event{Hash: it.hash, Reason: ReasonBusy})
		it.finish(Result{Hash: it.hash, Status: Rejected, Reason: ReasonBusy, Text: "the state is migrated and too many transactions wait for that: try again later"})
		return
	}
	if known == nil { // it was held for a nonce before
		p.pending[it.hash] = it
		p.fromPeer[it.source]++
	}
	if it.later.IsZero() {
		it.later = now
	}
	it.again = 0
	p.later = append(p.later, it)
	it.finish(heldForMigration(it.hash))
}

// admitLater tries again what waits for a migration to end, and reports whether
// that has ended as far as it can tell. Only the admission calls it.
func (p *Pool) admitLater() bool {
	for {
		now := p.cfg.Now()
		var ready []*item
		p.mu.Lock()
		for len(p.later) > 0 && len(ready) < admitTxs {
			it := p.later[0]
			p.later[0] = nil
			p.later = p.later[1:]
			if now.Sub(it.later) > p.cfg.Limits.TTL {
				p.settle(it, Result{Hash: it.hash, Status: Rejected, Reason: ReasonExpired, Text: "the migration took too long"})
				continue
			}
			ready = append(ready, it)
		}
		left := len(p.later)
		p.mu.Unlock()
		if len(ready) == 0 {
			return true
		}
		p.admit(ready)
		p.mu.Lock()
		grown := len(p.later) > left
		p.mu.Unlock()
		if grown {
			return false
		}
	}
}
