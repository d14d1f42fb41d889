package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// entry is one line of a journal: a mutant that was caught or is harmless, or a campaign
// that passed without any.
type entry struct {
	Key  string        `json:"key"`
	By   string        `json:"by,omitempty"` // the try's name
	Seed string        `json:"seed,omitempty"`
	Saw  string        `json:"saw,omitempty"`
	Took time.Duration `json:"took_ns"`
}

// journal holds what was found of a tree, so that a run that was broken off goes on where
// it was, and several share the work. It is the caller's to remove it when the tree changes.
type journal struct {
	path  string // empty: nothing is kept
	found map[string]entry
}

func openJournal(path string) (*journal, error) {
	j := &journal{path: path, found: map[string]entry{}}
	if path == "" {
		return j, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	for d := json.NewDecoder(bytes.NewReader(raw)); d.More(); {
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, fmt.Errorf("read the journal %s: %w", path, err)
		}
		j.found[e.Key] = e
	}
	return j, nil
}

// add notes one finding, with one write.
func (j *journal) add(e entry) error {
	j.found[e.Key] = e
	if j.path == "" {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// key is a mutant in a journal: all of its entry but where it stands.
func (m *mutant) key() string {
	return fmt.Sprintf("%s|%s|%s|%v|%v|%s", m.rule, m.off, m.tags, m.edits, m.tries, m.harmless)
}

// known gives the fate of a mutant that is in the journal.
func (r *runner) known(m *mutant) (fate, bool) {
	e, ok := r.journal.found[m.key()]
	if !ok {
		return fate{}, false
	}
	f := fate{mutant: m, took: e.Took, seed: e.Seed, saw: e.Saw}
	for i := range m.tries {
		if m.tries[i].name() == e.By {
			f.by = &m.tries[i]
		}
	}
	return f, true
}

// note puts a fate into the journal, if it is as it must be.
func (r *runner) note(f *fate) error {
	if f.err != nil {
		return nil
	}
	e := entry{Key: f.mutant.key(), Seed: f.seed, Saw: f.saw, Took: f.took}
	if f.by != nil {
		e.By = f.by.name()
	}
	return r.journal.add(e)
}
