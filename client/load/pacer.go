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
// answers how long it did. Due times do not move: what finds no room when its time
// has come is counted and let go.
func (r *run) pace(ctx context.Context) time.Duration {
	every := max(shortest, batchEvery/time.Duration(len(r.groups)))
	clock := time.NewTicker(every)
	defer clock.Stop()
	limit := r.config.Duration
	if limit == 0 {
		limit = maxDuration
	}
	all := dueBefore(r.config.Rate, limit)
	due, turn := uint64(0), 0
	for {
		now := r.stats.now()
		upTo := min(all, dueBefore(r.config.Rate, now))
		if now < limit || due < upTo {
			unsent := r.hand(r.groups[turn%len(r.groups)], due, upTo)
			r.stats.offer(upTo, unsent)
			due, turn = upTo, turn+1
		}
		if now >= limit {
			return limit
		}
		select {
		case <-clock.C:
		case <-ctx.Done():
			return r.stats.now()
		}
	}
}

// hand gives those due, [from, to), to a group: its first idle lane, or the one
// with the least to do. It answers how many found no room.
func (r *run) hand(g *group, from, to uint64) (unsent uint64) {
	if from == to {
		return 0
	}
	order := g.order()
	room := max(0, maxFlights-r.flights.len())
	var batch []*transaction
	for _, l := range order {
		space := min(room, max(0, maxLaneQueue-l.load()))
		batch = batch[:0]
		for from < to && len(batch) < space {
			tx := r.nextOf(l)
			if tx == nil {
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
	return to - from
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

// nextOf is a transaction of the lane's next account that can send.
func (r *run) nextOf(l *lane) *transaction {
	const most = 64 // accounts that are looked at for one
	for range min(most, len(l.accounts)) {
		a := l.accounts[l.turn]
		l.turn = (l.turn + 1) % len(l.accounts)
		tx, hungry := a.take(r.factory.ahead)
		if hungry {
			r.hungry <- a // it has room for every account
		}
		if tx != nil {
			return tx
		}
	}
	return nil
}
