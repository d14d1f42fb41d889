package wasmscan

import (
	"strings"
	"testing"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
	"github.com/google/go-cmp/cmp"
)

func assemble(t testing.TB, wat string) []byte {
	t.Helper()
	wasm, err := wasmtime.Wat2Wasm(wat)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

const everything = `(module
  (import "env" "f" (func $f (param i32 i64) (result i32)))
  (import "env" "g" (global $g i32))
  (memory (export "memory") 1 2)
  (table $t 3 funcref)
  (table $x 1 externref)
  (global $v v128 (v128.const i64x2 1 2))
  (global $c f64 (f64.const 1.5))
  (global $d f32 (f32.const 1.5))
  (global $r funcref (ref.func $h))
  (global $n externref (ref.null extern))
  (global $l (mut i64) (i64.const -1234567890123))
  (func $h (export "h") (result i32 i64) (i32.const 1) (i64.const 2))
  (func (export "none"))
  (elem (i32.const 0) $h $f)
  (elem (table $t) (offset (global.get $g)) funcref (ref.func $h))
  (elem funcref (ref.func $h) (ref.null func))
  (elem declare func $h)
  (data (i32.const 0) "active")
  (data "passive"))`

func TestScanReadsDeclarations(t *testing.T) {
	info, err := Scan(assemble(t, everything))
	if err != nil {
		t.Fatal(err)
	}
	want := &Info{
		Imports: []Import{{"env", "f", Func, "(i32, i64) -> i32"}, {"env", "g", Global, ""}},
		Exports: []Export{{"memory", Memory, ""}, {"h", Func, "() -> i32, i64"}, {"none", Func, "()"}},
	}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScanRefuses(t *testing.T) {
	cases := []struct{ name, wat, reason string }{
		{"shared memory", `(module (memory 1 1 shared))`, "threads are off"},
		{"shared imported memory", `(module (import "a" "b" (memory 1 1 shared)))`, "threads are off"},
		{"64-bit memory", `(module (memory i64 1))`, "64-bit memory is off"},
		{"custom page size", `(module (memory 1 (pagesize 1)))`, "custom page sizes are off"},
		{"exceptions", `(module (tag))`, "exceptions are off"},
		{"imported tag", `(module (import "a" "b" (tag)))`, "tag is off"},
		{"extended const", `(module (global i32 (i32.add (i32.const 1) (i32.const 2))))`, "extended constant expressions are off"},
		{"extended const in data", `(module (import "a" "g" (global i32)) (memory 1) (data (i32.mul (global.get 0) (i32.const 2)) "x"))`, "extended constant expressions are off"},
		{"gc types", `(module (type (struct)))`, "function types only"},
		{"function references", `(module (type $f (func)) (func (param (ref $f))))`, "value type 0x64 is off"},
		{"second memory", `(module (memory 1) (memory 1) (data (memory 1) (i32.const 0) "x"))`, "more than one memory is off"},
		{"component", `(component)`, "a component or another version"},
	}
	for _, c := range cases {
		_, err := Scan(assemble(t, c.wat))
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.reason)
		}
	}
	for _, wasm := range [][]byte{nil, []byte("\x7fELF\x02\x01\x01\x00"), []byte("\x00asm"), []byte("\x00asm\x01\x00\x00\x00\x0e\x00")} {
		if _, err := Scan(wasm); err == nil {
			t.Errorf("%q: accepted", wasm)
		}
	}
}

// A module cut anywhere is refused or declares less; it never panics.
func TestScanOfEveryPrefix(t *testing.T) {
	wasm := assemble(t, everything)
	for n := range wasm {
		if info, err := Scan(wasm[:n]); err == nil && len(info.Exports) == 3 && n < len(wasm)/2 {
			t.Errorf("first %d bytes: accepted with all exports", n)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add(assemble(f, everything))
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		info, err := Scan(wasm)
		if (info == nil) == (err == nil) {
			t.Errorf("info %v with error %v", info, err)
		}
	})
}
