package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// reachedCgo returns one finding for every C library that a package of cgoFree
// reaches, with one way there. The packages are listed as they are linked: with
// CGO_ENABLED=0, so that a twin in Go (node/types has one for BLS) counts for it.
func reachedCgo(m *module) ([]string, error) {
	var paths []string
	for _, p := range m.own {
		if underAny(p.rel, cgoFree) {
			paths = append(paths, p.load.PkgPath)
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	roots, err := packages.Load(&packages.Config{
		Dir:  m.dir,
		Env:  append(os.Environ(), "CGO_ENABLED=0"),
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedModule,
	}, paths...)
	if err != nil {
		return nil, fmt.Errorf("listing what clients reach: %w", err)
	}
	var out []string
	for _, root := range roots {
		w := cgoWalk{from: m.relativeOrSame(root.PkgPath), seen: map[string]bool{}}
		w.walk(root, nil)
		out = append(out, w.findings...)
	}
	return out, nil
}

// cgoWalk goes through what one package reaches, each package once.
type cgoWalk struct {
	from     string
	seen     map[string]bool
	findings []string
}

func (w *cgoWalk) walk(at *packages.Package, way []string) {
	// The standard library's cgo (net, os/user) has a twin in Go.
	if w.seen[at.PkgPath] || at.Module == nil && len(at.GoFiles) > 0 {
		return
	}
	w.seen[at.PkgPath] = true
	way = append(slices.Clip(way), at.PkgPath)
	if cLibrary(at) {
		w.findings = append(w.findings, fmt.Sprintf("%s links cgo: %s", w.from, strings.Join(way, " -> ")))
		return
	}
	for _, path := range sortedKeys(at.Imports) {
		w.walk(at.Imports[path], way)
	}
}

// cLibrary reports whether p is one of the C libraries, or has nothing left without cgo.
func cLibrary(p *packages.Package) bool {
	return underAny(p.PkgPath, cLibraries) || len(p.GoFiles) == 0 && len(p.OtherFiles)+len(p.IgnoredFiles) > 0
}
