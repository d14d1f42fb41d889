package state

import "sync"

// shard is a clock: entries in a ring, a hand that passes over those used since
// it came by last and takes the first that was not.
type shard[K comparable, V any] struct {
	mu           sync.Mutex
	limit, bytes int
	index        map[K]int
	ring         []slot[K, V]
	free         []int
	hand         int
	hits, misses uint64
}

type slot[K comparable, V any] struct {
	key        K
	value      V
	size       int
	live, used bool
}

func (s *shard[K, V]) init(limit int) {
	s.limit = limit
	s.index = make(map[K]int)
}

func (s *shard[K, V]) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes, s.hand, s.ring, s.free = 0, 0, nil, nil
	s.index = make(map[K]int)
}

func (s *shard[K, V]) get(key K) (V, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.index[key]
	if !ok {
		s.misses++
		var none V
		return none, false
	}
	s.hits++
	s.ring[at].used = true
	return s.ring[at].value, true
}

func (s *shard[K, V]) put(key K, value V, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLocked(key, value, size)
}

func (s *shard[K, V]) putLocked(key K, value V, size int) {
	if at, ok := s.index[key]; ok {
		s.drop(at)
	}
	if size > s.limit {
		return
	}
	for s.bytes+size > s.limit {
		s.evict()
	}
	at := len(s.ring)
	if last := len(s.free) - 1; last >= 0 {
		at, s.free = s.free[last], s.free[:last]
	} else {
		s.ring = append(s.ring, slot[K, V]{})
	}
	s.ring[at] = slot[K, V]{key: key, value: value, size: size, live: true}
	s.index[key] = at
	s.bytes += size
}

func (s *shard[K, V]) remove(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.index[key]; ok {
		s.drop(at)
	}
}

// evict takes one entry; there is one, since the shard holds bytes. Two rounds
// at most: the first clears every mark.
func (s *shard[K, V]) evict() {
	for {
		at := s.hand % len(s.ring)
		s.hand = at + 1
		switch entry := &s.ring[at]; {
		case !entry.live:
		case entry.used:
			entry.used = false
		default:
			s.drop(at)
			return
		}
	}
}

func (s *shard[K, V]) drop(at int) {
	s.bytes -= s.ring[at].size
	delete(s.index, s.ring[at].key)
	s.ring[at] = slot[K, V]{}
	s.free = append(s.free, at)
}
