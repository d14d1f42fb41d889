package memstate

import (
	"fmt"
	"sort"
	"sync"

	"github.com/bedrock-bft/bedrock/executor/state"
)

// State is a base state in memory. The zero value is not usable; see New.
type State struct {
	mu     sync.RWMutex
	height uint64
	rows   map[state.Address][]version
	pages  map[state.PageID][]byte
	fault  func() error
}

type version struct {
	height uint64
	row    state.Row
}

// New makes an empty state.
func New() *State {
	return &State{rows: make(map[state.Address][]version), pages: make(map[state.PageID][]byte)}
}

// SetFault makes every later read call fault first and fail with its error; nil
// ends that.
func (s *State) SetFault(fault func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Apply stores what a block wrote. Heights rise.
func (s *State) Apply(set *state.WriteSet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set.After.Height < s.height {
		return fmt.Errorf("apply writes of height %d to a state of height %d", set.After.Height, s.height)
	}
	s.height = set.After.Height
	for _, w := range set.Values {
		row := state.Row{}
		if !w.Tombstone {
			row = state.Row{Present: true, Key: w.Key, Value: w.Value}
		}
		s.rows[w.Address] = append(s.rows[w.Address], version{height: s.height, row: row})
	}
	for _, p := range set.Pages {
		s.pages[state.PageID{Version: s.height, Path: p.Path}] = p.Page
	}
	return nil
}

// Len is the number of addresses ever written, and of pages.
func (s *State) Len() (rows, pages int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.rows), len(s.pages)
}

// Prune deletes pages, as the lists of stale pages name them.
func (s *State) Prune(stale []state.PageID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range stale {
		delete(s.pages, id)
	}
}

// ReadValues answers with the newest row of each address at or below height.
func (s *State) ReadValues(height uint64, addresses []state.Address) ([]state.Row, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.faulted(); err != nil {
		return nil, err
	}
	rows := make([]state.Row, len(addresses))
	for i := range addresses {
		versions := s.rows[addresses[i]]
		above := sort.Search(len(versions), func(at int) bool { return versions[at].height > height })
		if above > 0 {
			rows[i] = versions[above-1].row
		}
	}
	return rows, nil
}

// ReadPages answers with the pages, nil where there is none.
func (s *State) ReadPages(ids []state.PageID) ([][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.faulted(); err != nil {
		return nil, err
	}
	pages := make([][]byte, len(ids))
	for i := range ids {
		pages[i] = s.pages[ids[i]]
	}
	return pages, nil
}

func (s *State) faulted() error {
	if s.fault == nil {
		return nil
	}
	return s.fault()
}
