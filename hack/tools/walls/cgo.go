package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"sort"
	"strings"

	"golang.org/x/tools/go/packages"
)

// reachedCgo returns one finding for every cgo package that a package of cgoFree
// reaches, with one way there.
func reachedCgo(m *module) []string {
	var out []string
	for _, p := range m.own {
		if !underAny(p.rel, cgoFree) {
			continue
		}
		seen := map[string]bool{}
		var walk func(at *packages.Package, way []string)
		walk = func(at *packages.Package, way []string) {
			// The standard library's cgo (net, os/user) has a Go twin.
			if seen[at.PkgPath] || at.Module == nil {
				return
			}
			seen[at.PkgPath] = true
			way = append(way[:len(way):len(way)], at.PkgPath)
			if importsC(at) {
				out = append(out, fmt.Sprintf("%s links cgo: %s", p.rel, strings.Join(way, " -> ")))
				return
			}
			for _, path := range sortedKeys(at.Imports) {
				walk(at.Imports[path], way)
			}
		}
		walk(p.load, nil)
	}
	return out
}

// importsC reports whether a file that is built of p imports "C".
func importsC(p *packages.Package) bool {
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			continue
		}
		for _, i := range f.Imports {
			if i.Path.Value == `"C"` {
				return true
			}
		}
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
