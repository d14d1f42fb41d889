package load

import (
	"context"
	"time"
)

// group is the lanes whose home is one endpoint.
type group struct {
	lanes []*lane
	first int // where the search for an idle lane begins
}

// Times of the pacer. Each endpoint's turn comes every batchEvery; with many of
// them several have theirs at once.
const (
	batchEvery = 10 * time.Millisecond
	shortest   = time.Millisecond
)

// pace hands transactions over when they are due, until all are or ctx ends, and
// answers how long they were due. Due times do not move: what finds no room when
// its time has come is counted and let go; what is not signed yet goes out late.
func (r *run) pace(ctx context.Context) time.Duration {
	every := max(shortest, batchEvery/time.Duration(len(r.groups)))
	clock := time.NewTicker(every)
	defer clock.Stop()
	limit := r.config.Duration
	if limit == 0 {
		limit = maxDuration
	}
	all := dueBefore(r.config.Rate, limit)
	next, turn := uint64(0), 0
	for {
		now := r.stats.now()
		due := min(all, dueBefore(r.config.Rate, now))
		r.stats.offer(due)
		// A late tick has the work of several: each group gets its part.
		parts := uint64(len(r.groups))
		if usual := uint64(r.config.Rate*every.Seconds()) + 1; due-next < usual*parts {
			parts = (due - next + usual - 1) / usual
		}
		for ; parts > 0; parts-- {
			next = r.hand(r.groups[turn%len(r.groups)], next, next+(due-next+parts-1)/parts)
			turn++
		}
		ended := ctx.Err() != nil
		if now >= limit && next == all || now >= limit+r.config.Drain || ended {
			r.stats.unserved(due - next)
			return min(now, limit)
		}
		select {
		case <-clock.C:
		case <-ctx.Done():
		}
	}
}

// hand gives those due, [from, to), to a group: its first idle lane, or the one
// with the least to do. It answers from where on others are to go on: what finds
// no room is done with, what is not signed yet is not.
func (r *run) hand(g *group, from, to uint64) (next uint64) {
	if from == to {
		return to
	}
	room := max(0, maxFlights-r.flights.len())
	unsigned := false
	var batch []*transaction
	for _, l := range g.order() {
		space := min(room, max(0, maxLaneQueue-l.load()))
		batch = make([]*transaction, 0, min(uint64(space), to-from))
		for from < to && len(batch) < space {
			tx, wait := r.nextOf(l)
			if tx == nil {
				unsigned = unsigned || wait
				break
			}
			tx.due = dueAt(r.config.Rate, from)
			from++
			r.flights.begin(tx)
			batch = append(batch, tx)
		}
		room -= len(batch)
		if len(batch) > 0 {
			l.add(batch)
		}
	}
	if unsigned {
		return from
	}
	r.stats.unserved(to - from)
	return to
}

// order is the group's lanes, those with the least to do first; among equals it
// goes round.
func (g *group) order() []*lane {
	n := len(g.lanes)
	g.first = (g.first + 1) % n
	order := make([]*lane, 0, n)
	loads := make([]int, 0, n)
	for i := range n {
		l := g.lanes[(g.first+i)%n]
		load := l.load()
		at := len(order)
		for at > 0 && loads[at-1] > load {
			at--
		}
		order = append(order[:at], append([]*lane{l}, order[at:]...)...)
		loads = append(loads[:at], append([]int{load}, loads[at:]...)...)
	}
	return order
}

// nextOf is a transaction of the lane's next account that can send. Without one,
// wait says that an account can and has none signed.
func (r *run) nextOf(l *lane) (tx *transaction, wait bool) {
	const most = 64 // accounts that are looked at for one
	for range min(most, len(l.accounts)) {
		a := l.accounts[l.turn]
		l.turn = (l.turn + 1) % len(l.accounts)
		tx, unsigned, hungry := a.take(r.factory.ahead)
		if hungry {
			r.hungry <- a // it has room for every account
		}
		if tx != nil {
			return tx, false
		}
		wait = wait || unsigned
	}
	return nil, wait
}
