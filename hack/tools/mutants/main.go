package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	dir := flag.String("C", ".", "root of the tree")
	only := flag.String("only", "", "take mutants whose rule, table, file or test has this word")
	justCheck := flag.Bool("check", false, "build nothing: see that every entry fits the tree")
	hasty := flag.Bool("hasty", false, "take for granted that campaigns pass without a mutant")
	journal := flag.String("journal", "", "keep what is found in this file, and take from it what is there")
	page := flag.String("table", "", "write the result to this page, if all are as they must be")
	flag.Parse()
	bad, err := mutants(os.Stdout, job{dir: *dir, only: *only, check: *justCheck, hasty: *hasty, journal: *journal, page: *page})
	if err != nil {
		fmt.Fprintf(os.Stderr, "mutants: %v\n", err)
		os.Exit(2)
	}
	if bad > 0 {
		fmt.Fprintf(os.Stderr, "mutants: %d are not as they must be: mend the test, or the table in test/mutants\n", bad)
		os.Exit(1)
	}
}

// job is what is asked for.
type job struct {
	dir, only     string
	check, hasty  bool
	journal, page string
}

// mutants goes through the tables of a tree and answers how many entries failed.
func mutants(out io.Writer, j job) (bad int, err error) {
	root, err := filepath.Abs(j.dir)
	if err != nil {
		return 0, fmt.Errorf("find %s: %w", j.dir, err)
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
	r := &runner{root: root, temp: temp, hasty: j.hasty, passes: map[string]error{}, built: map[string]string{}}
	if r.journal, err = openJournal(j.journal); err != nil {
		return 0, err
	}
	var fates []fate
	for i := range all {
		m := &all[i]
		if !m.has(j.only) {
			continue
		}
		f := fate{mutant: m}
		if j.check {
			f.err = check(root, m)
		} else {
			f = r.try(m)
			fmt.Fprintf(os.Stderr, "%-50s %6.1f s  %s  %s\n", m.name(), f.took.Seconds(), word(f), f.seed)
		}
		if f.err != nil {
			bad++
			fmt.Fprintf(out, "%s: %v\n", m.name(), f.err)
		}
		fates = append(fates, f)
	}
	if len(fates) == 0 {
		return 0, fmt.Errorf("no mutant has one of the words %q", j.only)
	}
	if !j.check {
		table(out, fates, r.controls)
	}
	score := fmt.Sprintf("mutants: %d of %d as they must be", len(fates)-bad, len(fates))
	fmt.Fprintln(out, score)
	if j.page == "" || j.check || j.hasty || bad > 0 {
		return bad, nil
	}
	return bad, write(j.page, j.only, score, fates, r.controls)
}

// write makes the page of a result.
func write(page, only, score string, fates []fate, controls []control) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Broken protocols\n\nMade by `hack/tools/mutants -only %s -table`; not edited by hand. Each row is a build with one rule off (`test/mutants`); *caught* is a campaign that fails, with its first seed that does. %s.\n", only, score)
	table(&text, fates, controls)
	if err := os.WriteFile(page, []byte(strings.TrimRight(text.String(), "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func word(f fate) string {
	switch {
	case f.err != nil:
		return "FAILED"
	case f.by == nil:
		return "harmless"
	}
	return "caught"
}

// table is the result, for a page.
func table(out io.Writer, fates []fate, controls []control) {
	fmt.Fprintf(out, "\n| rule | what is off | instrument | seed | s | verdict |\n| --- | --- | --- | --- | --- | --- |\n")
	for i := range fates {
		f := &fates[i]
		by := f.by
		if by == nil {
			by = &f.mutant.tries[len(f.mutant.tries)-1]
		}
		verdict := word(*f)
		switch {
		case f.err == nil && f.by == nil:
			verdict += ": " + f.mutant.harmless
		case f.saw != "":
			verdict += ": " + cell(f.saw)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %.1f | %s |\n", f.mutant.rule, f.mutant.off, by.name(), f.seed, f.took.Round(100*time.Millisecond).Seconds(), verdict)
	}
	fmt.Fprintf(out, "\nWithout any mutant, whole:\n\n| campaign | s | |\n| --- | --- | --- |\n")
	for i := range controls {
		fmt.Fprintf(out, "| %s | %.1f | passes |\n", controls[i].by.name(), controls[i].took.Seconds())
	}
	fmt.Fprintln(out)
}

// longest is how much of what was seen a cell holds.
const longest = 160

// cell makes a text fit a cell of a table.
func cell(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "|", "/"), "`", "'")
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return text
}
