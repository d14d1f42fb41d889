package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

func main() {
	dir := flag.String("C", ".", "root of the tree")
	only := flag.String("only", "", "take mutants whose rule, file or test has this word")
	justCheck := flag.Bool("check", false, "build nothing: see that every entry fits the tree")
	flag.Parse()
	bad, err := mutants(os.Stdout, *dir, *only, *justCheck)
	if err != nil {
		fmt.Fprintf(os.Stderr, "mutants: %v\n", err)
		os.Exit(2)
	}
	if bad > 0 {
		fmt.Fprintf(os.Stderr, "mutants: %d are not as they must be: mend the test, or the table in test/mutants\n", bad)
		os.Exit(1)
	}
}

// mutants goes through the tables of a tree and answers how many entries failed.
func mutants(out io.Writer, dir, only string, justCheck bool) (bad int, err error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return 0, fmt.Errorf("find %s: %w", dir, err)
	}
	all, err := tables(filepath.Join(root, "test", "mutants"))
	if err != nil {
		return 0, err
	}
	temp, err := os.MkdirTemp("", "bedrock-mutants-*")
	if err != nil {
		return 0, fmt.Errorf("make a folder for builds: %w", err)
	}
	defer os.RemoveAll(temp)
	r := &runner{root: root, temp: temp, passes: map[string]error{}, built: map[string]string{}}
	var fates []fate
	for i := range all {
		m := &all[i]
		if !m.has(only) {
			continue
		}
		f := fate{mutant: m}
		if justCheck {
			f.err = check(root, m)
		} else {
			f = r.try(m)
			fmt.Fprintf(os.Stderr, "%-40s %6.1f s  %s\n", m.name(), f.took.Seconds(), word(f))
		}
		if f.err != nil {
			bad++
			fmt.Fprintf(out, "%s: %v\n", m.name(), f.err)
		}
		fates = append(fates, f)
	}
	if len(fates) == 0 {
		return 0, fmt.Errorf("no mutant has the word %q", only)
	}
	if !justCheck {
		table(out, fates)
	}
	fmt.Fprintf(out, "mutants: %d of %d as they must be\n", len(fates)-bad, len(fates))
	return bad, nil
}

func word(f fate) string {
	if f.err != nil {
		return "FAILED"
	}
	return "caught"
}

// table is the result, for a page.
func table(out io.Writer, fates []fate) {
	fmt.Fprintf(out, "\n| rule | what is off | test | | s |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range fates {
		m := f.mutant
		fmt.Fprintf(out, "| %s | %s | %s %s | %s | %.1f |\n", m.rule, m.off, m.pkg, m.test, word(f), f.took.Round(100*time.Millisecond).Seconds())
	}
	fmt.Fprintln(out)
}
