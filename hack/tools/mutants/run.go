package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// testTime bounds one run of one test.
const testTime = 10 * time.Minute

// lastLines of an output are shown.
const lastLines = 30

// runner builds and runs tests of one tree.
type runner struct {
	root string
	temp string
	// hasty takes for granted that campaigns pass without a mutant.
	hasty bool
	// journal is what other runs found.
	journal *journal
	// passes are the tests that pass without any mutant, by package, tags and name.
	passes map[string]error
	// built are test programs of the tree as it is.
	built map[string]string
	// controls are the tries that passed without any mutant, in order.
	controls []control
}

// control is a try on the tree as it is.
type control struct {
	by   *try
	took time.Duration
}

// fate is what became of a mutant.
type fate struct {
	mutant *mutant
	took   time.Duration
	by     *try   // what caught it
	seed   string // of a campaign: which one did, where that is known
	saw    string // what it saw
	err    error  // nil: caught, or harmless as the table says
}

// try runs one mutant.
func (r *runner) try(m *mutant) fate {
	f := fate{mutant: m}
	if f.err = r.controlled(m); f.err != nil {
		return f
	}
	if was, ok := r.known(m); ok {
		return was
	}
	from := time.Now()
	f.err = r.catch(m, &f)
	f.took = time.Since(from)
	f.err = errors.Join(f.err, r.note(&f))
	return f
}

// controlled sees that a mutant applies and that all of its tries pass without it.
func (r *runner) controlled(m *mutant) error {
	if _, err := m.apply(r.root); err != nil {
		return fmt.Errorf("does not apply: %w", err)
	}
	for i := range m.tries {
		if err := r.passesWithout(m.tags, &m.tries[i]); err != nil {
			return err
		}
	}
	return nil
}

// catch takes one try after the other until one catches the mutant.
func (r *runner) catch(m *mutant, f *fate) error {
	files, err := m.apply(r.root)
	if err != nil {
		return fmt.Errorf("does not apply: %w", err)
	}
	overlay, err := r.overlay(files)
	if err != nil {
		return err
	}
	var missed error
	program, built := "", ""
	for i := range m.tries {
		t := &m.tries[i]
		if built != t.pkg {
			if program, err = r.build(m.tags, t.pkg, "mutant.test", "-overlay", overlay); err != nil {
				return fmt.Errorf("does not compile: %w", err)
			}
			built = t.pkg
		}
		if missed = r.fails(t, program, f); missed == nil {
			break
		}
	}
	switch {
	case missed == nil && m.harmless != "":
		return fmt.Errorf("is not harmless: %s caught it", f.by.name())
	case m.harmless != "" && errors.Is(missed, errPasses):
		return nil
	}
	return missed
}

var errPasses = errors.New("is not caught: the test passes")

// sighting is where a campaign says which seed it was, and what it saw.
var sighting = regexp.MustCompile(`(?m)\b(?:seed|walk) (\d+)[^:\n]*: (.*)$`)

// fails says whether a test program fails a try as it must, and notes what it saw.
func (r *runner) fails(t *try, program string, f *fate) error {
	output, err := r.run(t, program)
	switch {
	case err == nil:
		return errPasses
	case strings.Contains(output, "panic: test timed out"):
		return fmt.Errorf("is not caught: the test ran out of time\n%s", tail(output))
	case !strings.Contains(output, "--- FAIL: "+t.test+" "):
		return fmt.Errorf("is not caught by this test\n%s", tail(output))
	}
	f.by = t
	if found := sighting.FindStringSubmatch(output); found != nil && t.hunt {
		f.seed, f.saw = found[1], found[2]
	}
	return nil
}

// passesWithout says whether a try passes in the tree as it is, once for each.
func (r *runner) passesWithout(tags string, t *try) error {
	key := t.pkg + " " + tags
	full := tags + " " + t.name()
	if r.hasty && t.hunt {
		return nil
	}
	if err, known := r.passes[full]; known {
		return err
	}
	if was, ok := r.journal.found["without "+full]; ok {
		r.controls = append(r.controls, control{t, was.Took})
		r.passes[full] = nil
		return nil
	}
	err := func() error {
		program, ok := r.built[key]
		if !ok {
			var err error
			if program, err = r.build(tags, t.pkg, fmt.Sprintf("plain-%d.test", len(r.built))); err != nil {
				return fmt.Errorf("the tree itself does not compile: %w", err)
			}
			r.built[key] = program
		}
		from := time.Now()
		output, err := r.run(t, program)
		if err != nil {
			return fmt.Errorf("its test fails without it: %w\n%s", err, tail(output))
		}
		if !strings.Contains(output, "--- PASS: "+t.test+" ") {
			return fmt.Errorf("there is no test %s in %s", t.test, t.pkg)
		}
		took := time.Since(from)
		r.controls = append(r.controls, control{t, took})
		return r.journal.add(entry{Key: "without " + full, Took: took})
	}()
	r.passes[full] = err
	return err
}

// overlay writes what the compiler reads in place of the tree's files.
func (r *runner) overlay(files map[string]string) (string, error) {
	replace := map[string]string{}
	for file, text := range files {
		to := filepath.Join(r.temp, fmt.Sprintf("file-%d-%s", len(replace), filepath.Base(file)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("write a mutant: %w", err)
		}
		replace[filepath.Join(r.root, file)] = to
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("write an overlay: %w", err)
	}
	path := filepath.Join(r.temp, "overlay.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return "", fmt.Errorf("write an overlay: %w", err)
	}
	return path, nil
}

// build compiles a package's test program.
func (r *runner) build(tags, of, name string, more ...string) (string, error) {
	program := filepath.Join(r.temp, name)
	module, pkg, err := r.moduleOf(of)
	if err != nil {
		return "", err
	}
	args := append([]string{"test", "-c", "-vet=off", "-tags", tags, "-o", program}, more...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, tail(string(out)))
	}
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("%s has no tests", of)
	}
	return program, nil
}

// moduleOf is the folder of a package's module, the tree's own or one inside it, and the
// package's name there.
func (r *runner) moduleOf(pkg string) (dir, name string, err error) {
	at := filepath.Join(r.root, pkg)
	for dir = at; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			name, err = filepath.Rel(dir, at)
			return dir, "./" + filepath.ToSlash(name), err
		}
		if dir == r.root || dir == filepath.Dir(dir) {
			return "", "", fmt.Errorf("%s is in no module of the tree", pkg)
		}
	}
}

// run runs the named test alone, in its package's folder.
func (r *runner) run(t *try, program string) (output string, err error) {
	var parts []string
	for _, part := range strings.Split(t.test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	args := []string{"-test.v", "-test.run", strings.Join(parts, "/"), "-test.timeout", testTime.String()}
	cmd := exec.Command(program, args...)
	if t.hunt { // it takes what others leave
		cmd = exec.Command("nice", append(append([]string{"-n", "10", program}, args...), t.args...)...)
	}
	cmd.Dir = filepath.Join(r.root, t.pkg)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// tail is the end of an output.
func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > lastLines {
		lines = lines[len(lines)-lastLines:]
	}
	return strings.Join(lines, "\n")
}

// check says what of an entry no longer fits the tree, without building anything.
func check(root string, m *mutant) error {
	if _, err := m.apply(root); err != nil {
		return err
	}
	for i := range m.tries {
		if err := there(root, &m.tries[i]); err != nil {
			return err
		}
	}
	return nil
}

// there says whether a test is in its package.
func there(root string, t *try) error {
	name, _, _ := strings.Cut(t.test, "/")
	paths, err := filepath.Glob(filepath.Join(root, t.pkg, "*_test.go"))
	if err != nil {
		return fmt.Errorf("list the tests of %s: %w", t.pkg, err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read a test: %w", err)
		}
		if bytes.Contains(raw, []byte("\nfunc "+name+"(t *testing.T)")) {
			return nil
		}
	}
	return fmt.Errorf("%s has no test %s", t.pkg, name)
}
