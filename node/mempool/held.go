package mempool

import (
	"fmt"
	"slices"
	"time"
)

// hold keeps a transaction beyond a gap in its sender's nonces, for a bounded time.
func (b *book) hold(e *entry, l *lane) Result {
	next := l.next()
	gap := func(text string) Result {
		r := b.reject(e, ReasonNonceGap, text)
		r.NextNonce = next
		return r
	}
	if e.nonce-l.base >= uint64(b.limits.LaneTxs) {
		return gap(fmt.Sprintf("nonce %d is too far ahead: the sender's next is %d", e.nonce, next))
	}
	i := l.heldIndex(e.nonce)
	if i < len(l.held) && l.held[i].nonce == e.nonce {
		least, ok := atLeastTenthMore(l.held[i].price)
		if !ok || e.price < least {
			r := b.reject(e, ReasonUnderpriced, fmt.Sprintf("nonce %d waits with gas price %d: to replace it pay at least %d", e.nonce, l.held[i].price, least))
			r.MinGasPrice = least
			return r
		}
		b.unhold(l, i, ReasonReplaced)
	}
	if len(l.held) >= b.limits.LaneHeld || b.heldTxs >= b.limits.Held || b.heldBytes+len(e.tx) > b.limits.HeldBytes {
		return gap(fmt.Sprintf("nonce %d leaves a gap and there is no room to wait: send %d first", e.nonce, next))
	}
	b.enter(e, l)
	b.keepHeld(e, l, i)
	return Result{Hash: e.hash, Status: Held, Reason: ReasonNonceGap, NextNonce: next,
		Text: fmt.Sprintf("waits for nonce %d, for at most %s", next, b.limits.HoldFor)}
}

func (b *book) keepHeld(e *entry, l *lane, i int) {
	e.held = true
	l.held = slices.Insert(l.held, i, e)
	b.heldTxs++
	b.heldBytes += len(e.tx)
	b.waiting.push(e, b.heldTxs)
}

// holdAll holds transactions that were cut off their lane; those without room go.
func (b *book) holdAll(entries []*entry, l *lane, now time.Time) {
	for _, e := range entries {
		if len(l.held) >= b.limits.LaneHeld || b.heldTxs >= b.limits.Held || b.heldBytes+len(e.tx) > b.limits.HeldBytes {
			b.forget(e, ReasonNonceGap)
			continue
		}
		i := l.heldIndex(e.nonce)
		if i < len(l.held) && l.held[i].nonce == e.nonce {
			b.forget(e, ReasonReplaced)
			continue
		}
		e.added = now
		b.keepHeld(e, l, i)
	}
}

// unhold ends a held transaction.
func (b *book) unhold(l *lane, i int, why Reason) {
	b.forget(b.takeHeld(l, i), why)
}

func (b *book) takeHeld(l *lane, i int) *entry {
	e := l.held[i]
	l.held = slices.Delete(l.held, i, i+1)
	e.held = false
	b.heldTxs--
	b.heldBytes -= len(e.tx)
	return e
}

// ripe takes the held transactions that join on now, so that they can be checked
// again and inserted. They are forgotten here, without a word.
func (b *book) ripe(sender string) []*entry {
	l := b.lanes[sender]
	if l == nil {
		return nil
	}
	var out []*entry
	for len(l.held) > 0 && l.held[0].nonce <= l.next()+uint64(len(out)) {
		e := b.takeHeld(l, 0)
		b.forgetSilently(e)
		out = append(out, e)
	}
	b.tidy(l)
	return out
}
