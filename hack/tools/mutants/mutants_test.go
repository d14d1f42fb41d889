package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// unpack writes the small module to a folder.
func unpack(t *testing.T) string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/fates.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFates(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod")
	root := unpack(t)
	all, err := tables(filepath.Join(root, "test", "mutants"))
	if err != nil {
		t.Fatal(err)
	}
	notes, err := openJournal(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{root: root, temp: t.TempDir(), journal: notes, passes: map[string]error{}, built: map[string]string{}}
	got := map[string]string{}
	var fates []fate
	for i := range all {
		got[all[i].rule] = ""
		f := r.try(&all[i])
		if f.err != nil {
			got[all[i].rule], _, _ = strings.Cut(f.err.Error(), ":")
		}
		fates = append(fates, f)
	}
	want := map[string]string{"caught": "", "caught-by-subtest": "", "not-caught": "is not caught", "stale": "does not apply",
		"garbled": "does not compile", "red": "its test fails without it",
		"hunted": "", "hunted-not": "is not caught", "harmless": "", "not-harmless": "is not harmless", "no-test": "there is no test TestGone in ./limit"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
	// A hunt's seed, and what it saw, are told.
	var page strings.Builder
	table(&page, fates, r.controls)
	for _, want := range []string{"| hunted | the limit is lower | ./limit TestSeeds -seeds 9 | 4 | ", "caught: 3 is not let in / but should |", "| harmless: nobody asks |", "| ./limit TestSeeds -seeds 9 | "} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, page.String())
		}
	}
	// Another run takes from the journal what is in it, and builds nothing of that.
	again, err := openJournal(notes.path)
	if err != nil {
		t.Fatal(err)
	}
	next := &runner{root: root, temp: filepath.Join(root, "gone"), journal: again, passes: map[string]error{}, built: map[string]string{}}
	for i := range all {
		if m := &all[i]; want[m.rule] == "" {
			f := next.try(m)
			f.mutant = fates[i].mutant
			if f.err != nil || f.seed != fates[i].seed || f.saw != fates[i].saw || (f.by == nil) != (fates[i].by == nil) {
				t.Errorf("%s from the journal: %+v, it was %+v", m.rule, f, fates[i])
			}
		}
	}
	// Nothing of a mutant is in the tree.
	raw, err := os.ReadFile(filepath.Join(root, "limit", "limit.go"))
	if err != nil || !strings.Contains(string(raw), "const Limit = 3\n") {
		t.Errorf("the tree was changed: %s, %v", raw, err)
	}
}

func TestCheckBuildsNothing(t *testing.T) {
	var out strings.Builder
	bad, err := mutants(&out, job{dir: unpack(t), check: true})
	if err != nil || bad != 2 || !strings.Contains(out.String(), "has no test TestGone") || !strings.Contains(out.String(), "0 times, not once") {
		t.Errorf("%d bad, %v:\n%s", bad, err, out.String())
	}
}

func TestTableRefusals(t *testing.T) {
	head := "rule r\noff o\nfile a.go\ntest ./a TestA\n"
	for text, want := range map[string]string{
		"rule r\n":                    "all needed",
		head:                          "changes nothing",
		head + "+x\n":                 `"-" comes first`,
		head + "rules x\n":            "is no key",
		head + "off\n":                "says nothing",
		head + "test ./a\n":           "a package and a test's name",
		head + "file ../a\n-x\n+y":    "inside the tree",
		"rule r\noff o\ntest a b\n-x": "a path inside the tree",
		head + "hunt ./a\n":           "a package, a test's name",
		head + "hunt ./a TestB\n-x":   "one test, or several hunts",
	} {
		if _, err := parse("t", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	list, err := parse("t", "\n# c\n"+head+"-x\n-y\n+z\n-w\n\n\n"+head+"-q\n")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if diff := cmp.Diff([]edit{{"a.go", "x\ny\n", "z\n"}, {"a.go", "w\n", ""}}, list[0].edits, cmp.AllowUnexported(edit{})); diff != "" {
		t.Error(diff)
	}
}
