package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// fileFindings returns what single packages and files lack: a doc.go with a package
// comment, a name that says something, tests that run.
func fileFindings(m *module) []string {
	var out []string
	for _, p := range m.own {
		if slices.Contains(forbiddenNames, p.load.Name) {
			out = append(out, fmt.Sprintf("%s: the name %q says nothing of what is inside", p.rel, p.load.Name))
		}
		dir := filepath.Join(m.dir, filepath.FromSlash(p.rel))
		if !generated(p) && !documented(dir) {
			out = append(out, fmt.Sprintf("%s has no doc.go with a package comment", p.rel))
		}
		out = append(out, skippedTests(m, dir)...)
	}
	return out
}

// generated reports whether every file of the package says that it was generated.
func generated(p *pkg) bool {
	for _, name := range p.load.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil || !ast.IsGenerated(f) {
			return false
		}
	}
	return len(p.load.GoFiles) > 0
}

func documented(dir string) bool {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "doc.go"), nil,
		parser.ParseComments|parser.PackageClauseOnly)
	return err == nil && f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != ""
}

// skippedTests returns the calls in dir's test files that skip a test: a test that
// does not run says nothing.
func skippedTests(m *module, dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{fmt.Sprintf("reading %s: %v", dir, err)}
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		name := filepath.Join(dir, e.Name())
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			on, ok := fun.X.(*ast.Ident)
			if ok && (on.Name == "t" || on.Name == "b" || on.Name == "tb") && strings.HasPrefix(fun.Sel.Name, "Skip") {
				rel, _ := filepath.Rel(m.dir, name)
				out = append(out, fmt.Sprintf("%s:%d: a test is skipped", filepath.ToSlash(rel), fset.Position(n.Pos()).Line))
			}
			return true
		})
	}
	return out
}
