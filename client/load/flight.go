package load

import (
	"sync"
	"sync/atomic"
	"time"
)

// flights are the transactions that were handed to a lane and have not come to an
// end, by hash. At most maxFlights.
type flights struct {
	shards [64]struct {
		sync.Mutex
		by map[[32]byte]*transaction
	}
	n atomic.Int64
}

const maxFlights = 1 << 17

func newFlights() *flights {
	f := new(flights)
	for i := range f.shards {
		f.shards[i].by = make(map[[32]byte]*transaction)
	}
	return f
}

func (f *flights) len() int { return int(f.n.Load()) }

// begin takes a transaction in.
func (f *flights) begin(tx *transaction) {
	s := &f.shards[tx.hash[0]%64]
	s.Lock()
	defer s.Unlock()
	tx.queued = true
	s.by[tx.hash] = tx
	f.n.Add(1)
}

// sending notes an attempt; false if the transaction has come to its end. One that
// an endpoint has shown final comes to it here: settle says so.
func (f *flights) sending(tx *transaction, endpoint int, now time.Duration) (ok, settle bool) {
	s := &f.shards[tx.hash[0]%64]
	s.Lock()
	defer s.Unlock()
	if s.by[tx.hash] != tx {
		return false, false
	}
	if tx.seen != 0 {
		delete(s.by, tx.hash)
		f.n.Add(-1)
		return false, true
	}
	tx.endpoint, tx.sentAt = endpoint, now
	tx.tries++
	return true, false
}

// accept notes that a node took it: no lane has it in hands.
func (f *flights) accept(tx *transaction) {
	s := &f.shards[tx.hash[0]%64]
	s.Lock()
	defer s.Unlock()
	tx.queued = false
}

// tried is how often it was sent, and whether it is still in flight.
func (f *flights) tried(tx *transaction) (tries int, there bool) {
	s := &f.shards[tx.hash[0]%64]
	s.Lock()
	defer s.Unlock()
	return tx.tries, s.by[tx.hash] == tx
}

// end takes a transaction out; false if it was not there.
func (f *flights) end(tx *transaction) bool {
	s := &f.shards[tx.hash[0]%64]
	s.Lock()
	defer s.Unlock()
	if s.by[tx.hash] != tx {
		return false
	}
	delete(s.by, tx.hash)
	f.n.Add(-1)
	return true
}

// notice notes that an endpoint shows a transaction final. If that is the one that
// counts for it, or that one is down, it is taken out and answered.
func (f *flights) notice(hash [32]byte, endpoint int, down func(int) bool, code uint32, now time.Duration) *transaction {
	s := &f.shards[hash[0]%64]
	s.Lock()
	defer s.Unlock()
	tx := s.by[hash]
	if tx == nil {
		return nil
	}
	if tx.seen == 0 {
		tx.seen, tx.code = now, code
	}
	if tx.endpoint != endpoint {
		if !down(tx.endpoint) {
			return nil
		}
	} else {
		tx.seen = now
	}
	delete(s.by, hash)
	f.n.Add(-1)
	return tx
}

// each calls visit for every one, which answers whether to take it out.
func (f *flights) each(visit func(*transaction) (out bool)) {
	for i := range f.shards {
		s := &f.shards[i]
		s.Lock()
		for hash, tx := range s.by {
			if visit(tx) {
				delete(s.by, hash)
				f.n.Add(-1)
			}
		}
		s.Unlock()
	}
}

// requeue notes that a transaction goes back to its lane; false if it is in a
// lane's hands, or at its end.
func (f *flights) requeue(tx *transaction) bool {
	s := &f.shards[tx.hash[0]%64]
	s.Lock()
	defer s.Unlock()
	if tx.queued || s.by[tx.hash] != tx {
		return false
	}
	tx.queued = true
	return true
}
