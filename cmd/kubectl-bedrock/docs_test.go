package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var (
	called = regexp.MustCompile("kubectl bedrock ([a-z][-a-z ]*)([^`\n]*)")
	option = regexp.MustCompile(`--([a-z][-a-z]*)`)
	link   = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// TestDocsNameCommandsThatExist: commands and flags, and files that are linked.
func TestDocsNameCommandsThatExist(t *testing.T) {
	root := newRoot(&app{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	commands := 0
	for _, file := range pages(t) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range called.FindAllStringSubmatch(string(raw), -1) {
			commands++
			cmd, _, err := root.Find(strings.Fields(m[1]))
			if err != nil || cmd == root {
				t.Errorf("%s: there is no %q", file, m[0])
				continue
			}
			for _, o := range option.FindAllStringSubmatch(strings.SplitN(m[2], "&&", 2)[0], -1) {
				if !has(cmd, o[1]) {
					t.Errorf("%s: %q has no --%s", file, m[0], o[1])
				}
			}
		}
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
		}
	}
	if commands < 20 {
		t.Errorf("%d commands found in the pages: are they where they were?", commands)
	}
}

func has(cmd *cobra.Command, flag string) bool {
	return cmd.Flags().Lookup(flag) != nil || cmd.InheritedFlags().Lookup(flag) != nil || cmd.Root().PersistentFlags().Lookup(flag) != nil
}

func pages(t *testing.T) []string {
	t.Helper()
	out := []string{"kubernetes.md", "concepts.md", "key-safety.md", "why-kubernetes.md"}
	for i := range out {
		out[i] = filepath.Join("../../docs", out[i])
	}
	runbooks, err := filepath.Glob("../../docs/runbooks/*.md")
	if err != nil || len(runbooks) < 6 {
		t.Fatalf("%d runbooks, %v", len(runbooks), err)
	}
	return append(out, runbooks...)
}
