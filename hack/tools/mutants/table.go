package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one rule that is off, and the test that must say so.
type mutant struct {
	at    string // table and line
	rule  string
	off   string // what is off, in words
	tags  string
	edits []edit
	tries []try // what must say so: one of them, tried in order
	// harmless is why nothing can say so; empty: something must.
	harmless string
}

// try is a test, or a campaign of tests that searches.
type try struct {
	pkg  string // as `go test` takes it
	test string
	args []string // of a campaign
	hunt bool
}

// name is what a try is called.
func (t *try) name() string { return strings.Join(append([]string{t.pkg, t.test}, t.args...), " ") }

// edit is one replacement in one file.
type edit struct {
	file     string
	old, new string
}

// name is what a mutant is called in messages.
func (m *mutant) name() string { return m.rule + " (" + m.at + ")" }

// has says whether one of some words, parted by commas, names the mutant.
func (m *mutant) has(words string) bool {
	return slices.ContainsFunc(strings.Split(words, ","), m.hasWord)
}

func (m *mutant) hasWord(word string) bool {
	if strings.Contains(m.rule, word) || strings.Contains(m.at, word) {
		return true
	}
	for i := range m.tries {
		if strings.Contains(m.tries[i].name(), word) {
			return true
		}
	}
	for _, e := range m.edits {
		if strings.Contains(e.file, word) {
			return true
		}
	}
	return false
}

// tables reads all tables of a folder, in order.
func tables(folder string) ([]mutant, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var all []mutant
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a table: %w", err)
		}
		list, err := parse(filepath.Base(path), string(raw))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no mutants", folder)
	}
	return all, nil
}

// parse reads one table.
func parse(name, text string) ([]mutant, error) {
	var list []mutant
	var p *parser
	for i, line := range strings.Split(text+"\n", "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			if p == nil {
				continue
			}
			m, err := p.end()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.m.at, err)
			}
			list, p = append(list, m), nil
		default:
			if p == nil {
				p = &parser{m: mutant{at: fmt.Sprintf("%s:%d", name, i+1)}}
			}
			if err := p.line(line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
		}
	}
	return list, nil
}

// parser reads one entry.
type parser struct {
	m        mutant
	file     string
	old, new []string
}

func (p *parser) line(line string) error {
	switch line[0] {
	case '-':
		if len(p.new) > 0 {
			p.flush()
		}
		p.old = append(p.old, line[1:])
		return nil
	case '+':
		if len(p.old) == 0 {
			return errors.New(`"+" replaces nothing: "-" comes first`)
		}
		p.new = append(p.new, line[1:])
		return nil
	}
	p.flush()
	key, value, _ := strings.Cut(line, " ")
	value = strings.TrimSpace(value)
	if value == "" {
		return fmt.Errorf("%q says nothing", key)
	}
	switch key {
	case "rule":
		p.m.rule = value
	case "off":
		p.m.off = value
	case "file":
		p.file = value
	case "tags":
		p.m.tags = value
	case "harmless":
		p.m.harmless = value
	case "test":
		pkg, test, ok := strings.Cut(value, " ")
		if !ok {
			return errors.New("test takes a package and a test's name")
		}
		p.m.tries = append(p.m.tries, try{pkg: pkg, test: strings.TrimSpace(test)})
	case "hunt":
		words := strings.Fields(value)
		if len(words) < 2 {
			return errors.New("hunt takes a package, a test's name, and arguments")
		}
		p.m.tries = append(p.m.tries, try{pkg: words[0], test: words[1], args: words[2:], hunt: true})
	default:
		return fmt.Errorf("%q is no key: rule, off, file, test, hunt, harmless or tags", key)
	}
	return nil
}

// flush ends the replacement that is being read.
func (p *parser) flush() {
	if len(p.old) == 0 {
		return
	}
	replacement := ""
	if len(p.new) > 0 {
		replacement = strings.Join(p.new, "\n") + "\n"
	}
	p.m.edits = append(p.m.edits, edit{p.file, strings.Join(p.old, "\n") + "\n", replacement})
	p.old, p.new = nil, nil
}

func (p *parser) end() (mutant, error) {
	p.flush()
	switch {
	case p.m.rule == "" || p.m.off == "" || len(p.m.tries) == 0:
		return p.m, errors.New("rule, off and test (or hunt) are all needed")
	case len(p.m.tries) > 1 && slices.ContainsFunc(p.m.tries, func(t try) bool { return !t.hunt }):
		return p.m, errors.New("one test, or several hunts")
	case len(p.m.edits) == 0:
		return p.m, errors.New("it changes nothing")
	}
	for _, e := range p.m.edits {
		if e.file == "" || !filepath.IsLocal(e.file) {
			return p.m, fmt.Errorf("file %q: a path inside the tree is needed before what it replaces", e.file)
		}
	}
	return p.m, nil
}

// apply gives the mutated files of a tree, by path in it.
func (m *mutant) apply(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range m.edits {
		text, ok := files[e.file]
		if !ok {
			raw, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, fmt.Errorf("its file: %w", err)
			}
			text = string(raw)
		}
		if n := strings.Count("\n"+text, "\n"+e.old); n != 1 {
			return nil, fmt.Errorf("%s has these lines %d times, not once:\n%s", e.file, n, e.old)
		}
		at := strings.Index("\n"+text, "\n"+e.old)
		files[e.file] = text[:at] + e.new + text[at+len(e.old):]
	}
	return files, nil
}
