package consensus

import (
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestCoreIsPure reads the package's own code: no goroutine, channel, clock,
// randomness or I/O, and no range over a map save where the order cannot show.
func TestCoreIsPure(t *testing.T) {
	allowed := []string{"bytes", "errors", "fmt", "slices", "github.com/bedrock-bft/bedrock/node/types"}
	fset := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	maps := map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		for _, imp := range f.Imports {
			if path := strings.Trim(imp.Path.Value, `"`); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", e.Name(), path)
			}
		}
		collectMaps(f, maps)
	}
	if len(files) < 15 || !maps["nodes"] || !maps["power"] {
		t.Fatalf("%d files, maps %v: the test does not see the package", len(files), maps)
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			at := func() string { return fset.Position(n.Pos()).String() }
			switch x := n.(type) {
			case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
				t.Errorf("%s: a goroutine or channel", at())
			case *ast.RangeStmt:
				if maps[lastName(x.X)] {
					t.Errorf("%s: a range over the map %s", at(), lastName(x.X))
				}
			case *ast.CallExpr:
				if name := lastName(x.Fun); name == "panic" || name == "print" || name == "println" {
					t.Errorf("%s: %s", at(), name)
				}
			}
			return true
		})
	}
}

// collectMaps notes the names of fields and variables of map type.
func collectMaps(f *ast.File, maps map[string]bool) {
	isMap := func(e ast.Expr) bool {
		if call, ok := e.(*ast.CallExpr); ok && lastName(call.Fun) == "make" && len(call.Args) > 0 {
			e = call.Args[0]
		}
		if lit, ok := e.(*ast.CompositeLit); ok {
			e = lit.Type
		}
		_, ok := e.(*ast.MapType)
		return ok
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.Field:
			for _, name := range x.Names {
				if isMap(x.Type) {
					maps[name.Name] = true
				}
			}
		case *ast.AssignStmt:
			for i, l := range x.Lhs {
				if i < len(x.Rhs) && isMap(x.Rhs[i]) {
					maps[lastName(l)] = true
				}
			}
		}
		return true
	})
}

func lastName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

// TestSameEventsSameEffects runs a world twice from one seed: every effect of every
// node must come again, in the same order.
func TestSameEventsSameEffects(t *testing.T) {
	for _, name := range []string{"byzantine crashes", "epochs, byzantine"} {
		var sums [2][32]byte
		for k := range sums {
			h := sha256.New()
			p := scenarios()[name]
			p.seed, p.until = 7, 5000
			w := newWorld(p)
			w.trace = func(s string) { fmt.Fprintln(h, s) }
			if err := w.run(); err != nil {
				t.Fatal(err)
			}
			h.Sum(sums[k][:0])
		}
		if sums[0] != sums[1] {
			t.Errorf("%s: two runs of one seed differ", name)
		}
	}
}
