package main

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestFindings checks each fixture module and compares all findings with the ones
// that its "want" names: a wall that no longer refuses fails here.
func TestFindings(t *testing.T) {
	fixtures, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(fixtures) == 0 {
		t.Fatalf("finding fixtures: %d, %v", len(fixtures), err)
	}
	for _, fixture := range fixtures {
		t.Run(strings.TrimSuffix(filepath.Base(fixture), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(fixture)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			var want []string
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
					continue
				}
				path := filepath.Join(dir, filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if len(want) == 1 && want[0] == "" {
				want = nil
			}
			sort.Strings(want)

			got, err := check(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		from, to string
		refused  bool
	}{
		{"node/engine", "node/consensus", false},
		{"node/engine", "executor", false},
		{"client/light", "node/types", false},
		{"client/light", "node/types/bls", true},
		{"cmd/bedrock", "node", false},
		{"cmd/bedrock/cli", "cmd/bedrock/flags", false},
		{"test/chaos", "cmd/bedrock", true},
		{"node/consensus", "node/types", false},
		{"node/consensus", "node/types/bls", true},
		{"node/consensus", "node/consensus/spec", true},
		{"node/consensus/spec", "node/consensus", false},
		{"executor/host", "proto/bedrock/executor/v1", false},
		{"client/proof", "executor/receipts", false},
		{"client/proof", "executor", true},
		{"executor/receipts", "executor/state", true},
	} {
		if got := refused(c.from, c.to) != ""; got != c.refused {
			t.Errorf("refused(%q, %q) = %v, want %v", c.from, c.to, got, c.refused)
		}
	}
}
