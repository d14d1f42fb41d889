package faults

import (
	"fmt"
	"sync"
)

// Place is a moment of an act, and which of its occurrences (from 1).
type Place struct {
	Name   string
	Moment Moment
	Nth    int
}

// String is for a test's name.
func (p Place) String() string { return fmt.Sprintf("%s %s #%d", p.Moment, p.Name, p.Nth) }

// Script records the places that a run passes and faults at one of them, once. It is
// for tests; safe for concurrent use. The zero Script only records.
type Script struct {
	// At is where to fault; nil: nowhere.
	At *Place

	mu     sync.Mutex
	seen   map[Place]int
	passed []Place
	fired  bool
}

// Inject is the script's Injector.
func (s *Script) Inject(name string, m Moment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[Place]int{}
	}
	kind := Place{Name: name, Moment: m}
	s.seen[kind]++
	place := Place{Name: name, Moment: m, Nth: s.seen[kind]}
	s.passed = append(s.passed, place)
	if s.At != nil && !s.fired && *s.At == place {
		s.fired = true
		return ErrInjected
	}
	return nil
}

// Passed are the places that were passed, in order.
func (s *Script) Passed() []Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Place(nil), s.passed...)
}

// Kinds are the places with the first occurrence alone of each act and moment: every kind
// of write is died at, once. It is the short form of a history.
func Kinds(places []Place) []Place {
	var out []Place
	seen := map[Place]bool{}
	for _, p := range places {
		kind := Place{Name: p.Name, Moment: p.Moment}
		if !seen[kind] {
			seen[kind] = true
			out = append(out, p)
		}
	}
	return out
}

// Middles are the places with the middle occurrence alone of each act and moment: the
// short form of a history whose first writes are no part of what it is about.
func Middles(places []Place) []Place {
	all := map[Place]int{}
	for _, p := range places {
		all[Place{Name: p.Name, Moment: p.Moment}]++
	}
	var out []Place
	seen := map[Place]int{}
	for _, p := range places {
		kind := Place{Name: p.Name, Moment: p.Moment}
		if seen[kind] == all[kind]/2 {
			out = append(out, p)
		}
		seen[kind]++
	}
	return out
}

// Fired says whether the fault came.
func (s *Script) Fired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}
