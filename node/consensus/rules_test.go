package consensus

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	namedRule = regexp.MustCompile(`(?m)^- \*\*([a-z-]+)\*\*`)
	marker    = regexp.MustCompile(`^# (rule|good|bad): (.*)$`)
)

// TestEveryRuleHasATranscript compares the rules that docs/protocol.md names with what
// transcripts say they show: `# rule:` what a file is about, `# good:` and `# bad:` that
// the commands which follow show a rule's good path, or how it refuses, waits or is
// broken. Every rule has both.
func TestEveryRuleHasATranscript(t *testing.T) {
	doc, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range namedRule.FindAllStringSubmatch(string(doc), -1) {
		named = append(named, m[1])
	}
	if len(named) < 35 {
		t.Fatalf("docs/protocol.md names %d rules only", len(named))
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 26 {
		t.Fatalf("%d transcripts: %v", len(files), err)
	}
	shown := map[string]map[string]string{"rule": {}, "good": {}, "bad": {}} // kind -> rule -> file
	for _, f := range files {
		noteMarkers(t, f, shown)
	}
	for _, r := range named {
		for _, kind := range []string{"good", "bad"} {
			if shown[kind][r] == "" {
				t.Errorf("no transcript says that it shows the %s path of rule %s", kind, r)
			}
		}
	}
	for _, rules := range shown {
		for r, f := range rules {
			if !slices.Contains(named, r) {
				t.Errorf("%s shows rule %s, which docs/protocol.md does not name", f, r)
			}
		}
	}
}

// noteMarkers reads one transcript's markers. One that no command follows shows nothing.
func noteMarkers(t *testing.T, file string, shown map[string]map[string]string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i, line := range lines {
		m := marker.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		next := slices.IndexFunc(lines[i:], func(l string) bool { return l != "" && !strings.HasPrefix(l, "#") })
		if next < 0 || i+next+1 >= len(lines) || lines[i+next+1] != "----" {
			t.Errorf("%s:%d: no command follows", file, i+1)
		}
		for _, r := range strings.Split(m[2], ",") {
			shown[m[1]][strings.TrimSpace(r)] = file
		}
	}
}
