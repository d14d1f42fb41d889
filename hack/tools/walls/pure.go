package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strconv"

	"golang.org/x/tools/go/packages"
)

// impureCore returns what the consensus core does that a replay could not repeat:
// goroutines, channels, clocks, randomness, the order of a map.
func impureCore(m *module) ([]string, error) {
	var paths []string
	for _, p := range m.own {
		if under(p.rel, pureCore) {
			paths = append(paths, p.load.PkgPath)
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	cfg := &packages.Config{
		Dir: m.dir,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedDeps | packages.NeedExportFile | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
	}
	loaded, err := packages.Load(cfg, paths...)
	if err != nil {
		return nil, fmt.Errorf("type checking the consensus core: %w", err)
	}
	var out []string
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			out = append(out, fmt.Sprintf("%s does not build, so its purity is not known: %v", m.relativeOrSame(p.PkgPath), p.Errors[len(p.Errors)-1]))
			continue
		}
		for _, f := range p.Syntax {
			c := &coreFile{m: m, p: p}
			ast.Inspect(f, c.visit)
			out = append(out, c.findings...)
		}
	}
	return out, nil
}

// coreFile collects the findings of one file of the core.
type coreFile struct {
	m        *module
	p        *packages.Package
	findings []string
}

func (c *coreFile) report(at token.Pos, what string) {
	pos := c.p.Fset.Position(at)
	rel, err := filepath.Rel(c.m.dir, pos.Filename)
	if err != nil {
		rel = pos.Filename
	}
	c.findings = append(c.findings, fmt.Sprintf("%s:%d: the consensus core has %s", rel, pos.Line, what))
}

func (c *coreFile) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec:
		if path, err := strconv.Unquote(n.Path.Value); err == nil && impureImports[path] != "" {
			c.report(n.Pos(), fmt.Sprintf("import %q (%s)", path, impureImports[path]))
		}
	case *ast.GoStmt:
		c.report(n.Pos(), "a goroutine")
	case *ast.SelectStmt:
		c.report(n.Pos(), "a select")
	case *ast.ChanType:
		c.report(n.Pos(), "a channel")
	case *ast.RangeStmt:
		if t := c.p.TypesInfo.TypeOf(n.X); t != nil && rangesMap(t) {
			c.report(n.Pos(), "a range over a map: sort its keys first")
		}
	case *ast.SelectorExpr:
		c.selector(n)
	}
	return true
}

// selector refuses the functions of time that read or wait for a clock, and the
// iterators over maps.
func (c *coreFile) selector(n *ast.SelectorExpr) {
	obj, ok := c.p.TypesInfo.Uses[n.Sel].(*types.Func)
	if !ok || obj.Pkg() == nil || obj.Signature().Recv() != nil {
		return
	}
	switch obj.Pkg().Path() {
	case "time":
		switch obj.Name() {
		case "Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep":
			c.report(n.Pos(), "a clock: time."+obj.Name())
		}
	case "maps":
		switch obj.Name() {
		case "All", "Keys", "Values":
			if !c.sorted(n) {
				c.report(n.Pos(), "a map's order: maps."+obj.Name()+" outside slices.Sorted")
			}
		}
	}
}

// sorted reports whether the selector is called right inside slices.Sorted,
// SortedFunc or SortedStableFunc, which take the order away.
func (c *coreFile) sorted(n *ast.SelectorExpr) bool {
	for _, f := range c.p.Syntax {
		if n.Pos() < f.FileStart || n.Pos() > f.FileEnd {
			continue
		}
		found := false
		ast.Inspect(f, func(at ast.Node) bool {
			call, ok := at.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return !found
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return !found
			}
			obj, ok := c.p.TypesInfo.Uses[fun.Sel].(*types.Func)
			if !ok || obj.Pkg() == nil || obj.Pkg().Path() != "slices" {
				return !found
			}
			arg, ok := call.Args[0].(*ast.CallExpr)
			if ok && arg.Fun == n && len(obj.Name()) >= 6 && obj.Name()[:6] == "Sorted" {
				found = true
			}
			return !found
		})
		return found
	}
	return false
}

// rangesMap reports whether a range over t has a map's order.
func rangesMap(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface: // a type parameter whose types are maps
		for i := range u.NumEmbeddeds() {
			if union, ok := u.EmbeddedType(i).(*types.Union); ok {
				for j := range union.Len() {
					if rangesMap(union.Term(j).Type()) {
						return true
					}
				}
			}
		}
	}
	return false
}
