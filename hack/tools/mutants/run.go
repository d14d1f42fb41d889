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
	// passes are the tests that pass without any mutant, by package, tags and name.
	passes map[string]error
	// built are test programs of the tree as it is.
	built map[string]string
}

// fate is what became of a mutant.
type fate struct {
	mutant *mutant
	took   time.Duration
	err    error // nil: caught
}

// try runs one mutant.
func (r *runner) try(m *mutant) fate {
	from := time.Now()
	return fate{m, 0, r.catch(m)}.after(from)
}

func (f fate) after(from time.Time) fate { f.took = time.Since(from); return f }

func (r *runner) catch(m *mutant) error {
	files, err := m.apply(r.root)
	if err != nil {
		return fmt.Errorf("does not apply: %w", err)
	}
	if err := r.passesWithout(m); err != nil {
		return err
	}
	overlay, err := r.overlay(files)
	if err != nil {
		return err
	}
	program, err := r.build(m, "mutant.test", "-overlay", overlay)
	if err != nil {
		return fmt.Errorf("does not compile: %w", err)
	}
	output, err := r.run(m, program)
	switch {
	case err == nil:
		return errors.New("is not caught: the test passes")
	case strings.Contains(output, "panic: test timed out"):
		return fmt.Errorf("is not caught: the test ran out of time\n%s", tail(output))
	case !strings.Contains(output, "--- FAIL: "+m.test+" "):
		return fmt.Errorf("is not caught by this test\n%s", tail(output))
	}
	return nil
}

// passesWithout says whether the test passes in the tree as it is, once for each test.
func (r *runner) passesWithout(m *mutant) error {
	key := m.pkg + " " + m.tags
	full := key + " " + m.test
	if err, known := r.passes[full]; known {
		return err
	}
	err := func() error {
		program, ok := r.built[key]
		if !ok {
			var err error
			if program, err = r.build(m, fmt.Sprintf("plain-%d.test", len(r.built))); err != nil {
				return fmt.Errorf("the tree itself does not compile: %w", err)
			}
			r.built[key] = program
		}
		output, err := r.run(m, program)
		if err != nil {
			return fmt.Errorf("its test fails without it: %w\n%s", err, tail(output))
		}
		if !strings.Contains(output, "--- PASS: "+m.test+" ") {
			return fmt.Errorf("there is no test %s in %s", m.test, m.pkg)
		}
		return nil
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
func (r *runner) build(m *mutant, name string, more ...string) (string, error) {
	program := filepath.Join(r.temp, name)
	module, pkg, err := r.moduleOf(m.pkg)
	if err != nil {
		return "", err
	}
	args := append([]string{"test", "-c", "-vet=off", "-tags", m.tags, "-o", program}, more...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, tail(string(out)))
	}
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("%s has no tests", m.pkg)
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
func (r *runner) run(m *mutant, program string) (output string, err error) {
	var parts []string
	for _, part := range strings.Split(m.test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(program, "-test.v", "-test.run", strings.Join(parts, "/"), "-test.timeout", testTime.String())
	cmd.Dir = filepath.Join(r.root, m.pkg)
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
	name, _, _ := strings.Cut(m.test, "/")
	paths, err := filepath.Glob(filepath.Join(root, m.pkg, "*_test.go"))
	if err != nil {
		return fmt.Errorf("list the tests of %s: %w", m.pkg, err)
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
	return fmt.Errorf("%s has no test %s", m.pkg, name)
}
