package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// module is the checked module: its own packages, and everything that they reach.
type module struct {
	path string
	dir  string
	own  []*pkg
	all  map[string]*packages.Package // by import path, tests left out
}

// pkg is one package of the module's own, test variants apart.
type pkg struct {
	rel     string // path relative to the module; "." for its root
	load    *packages.Package
	imports []string // import paths of its own (not the tests') files
}

// load lists the packages of the module rooted at dir.
func load(dir string) (*module, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", dir, err)
	}
	cfg := &packages.Config{
		Dir:  abs,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedModule,
	}
	roots, err := packages.Load(cfg, "./...")
	if err != nil {
		return nil, fmt.Errorf("listing the packages of %s: %w", dir, err)
	}
	m := &module{dir: abs, all: map[string]*packages.Package{}}
	packages.Visit(roots, nil, func(p *packages.Package) { m.all[p.PkgPath] = p })
	for _, p := range roots {
		if p.Module == nil {
			return nil, fmt.Errorf("listing %s: %v", p.PkgPath, p.Errors)
		}
		m.path = p.Module.Path
		rel := strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, m.path), "/")
		if rel == "" {
			rel = "."
		}
		own := &pkg{rel: rel, load: p}
		for path := range p.Imports {
			own.imports = append(own.imports, path)
		}
		m.own = append(m.own, own)
	}
	if len(m.own) == 0 {
		return nil, fmt.Errorf("no package under %s", dir)
	}
	return m, nil
}

// relative returns the path of an import relative to the module, if it is ours.
func (m *module) relative(path string) (string, bool) {
	return strings.CutPrefix(path, m.path+"/")
}

// relativeOrSame shortens the path of an import of ours, and leaves others.
func (m *module) relativeOrSame(path string) string {
	if rel, ours := m.relative(path); ours {
		return rel
	}
	return path
}
