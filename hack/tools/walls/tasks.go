package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
)

// offTheRuntime returns where packages that run on node/task start, wait or take the time
// by themselves, so that the simulator would not see it.
func offTheRuntime(m *module) []string {
	var out []string
	for _, p := range m.own {
		if !slices.Contains(onTasks, p.rel) {
			continue
		}
		for _, name := range p.load.GoFiles {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				out = append(out, err.Error())
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if what := unseen(n); what != "" {
					rel, _ := filepath.Rel(m.dir, name)
					out = append(out, fmt.Sprintf("%s:%d: %s: use node/task, which the simulator sees", filepath.ToSlash(rel), fset.Position(n.Pos()).Line, what))
				}
				return true
			})
		}
	}
	return out
}

// unseen says what of a node the runtime port does not see; empty: nothing.
func unseen(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine"
	case *ast.SelectStmt:
		for _, c := range n.Body.List {
			if c.(*ast.CommClause).Comm == nil {
				return "" // it never waits
			}
		}
		return "a select that may wait"
	case *ast.SelectorExpr:
		on, ok := n.X.(*ast.Ident)
		if ok && slices.Contains(unseenNames[on.Name], n.Sel.Name) {
			return on.Name + "." + n.Sel.Name
		}
	}
	return ""
}
