package executor

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
	"github.com/google/go-cmp/cmp"
)

func TestInspect(t *testing.T) {
	sixth := fiveImports + `(import "bedrock" "clock" (func (result i64)))`
	wasi := fiveImports + `(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))`
	foreign := fiveImports + `(import "env" "log" (func (param i32)))`
	cases := []struct {
		name   string
		module watModule
		reason string // "": accepted
	}{
		{"whole", watModule{}, ""},
		{"further exports", watModule{extra: `(func (export "rebuild")) (global (export "g") i32 (i32.const 1))`}, ""},
		{"fewer imports", watModule{imports: `(import "bedrock" "state_read" (func (param i32 i32 i32 i32) (result i32)))`}, ""},
		{"sixth import", watModule{imports: sixth}, "import bedrock.clock is none of the five"},
		{"WASI", watModule{imports: wasi}, "import wasi_snapshot_preview1.fd_write is WASI"},
		{"foreign import", watModule{imports: foreign}, "import env.log is none of the five"},
		{"import of another type", watModule{imports: `(import "bedrock" "state_read" (func (param i32)))`}, "import bedrock.state_read has type (i32), want (i32, i32, i32, i32) -> i32"},
		{"import of another kind", watModule{imports: `(import "bedrock" "state_read" (global i32))`}, "import bedrock.state_read is a global"},
		{"imported memory", watModule{imports: `(import "bedrock" "memory" (memory 1))`, exports: map[string]string{"memory": "-"}}, "import bedrock.memory is none of the five"},
		{"no memory", watModule{exports: map[string]string{"memory": "-"}}, "export memory is missing"},
		{"export of another type", watModule{exports: map[string]string{"query": "-"}, extra: `(func (export "query") (param i64))`}, "export query has type (i64), want (i32, i32) -> i64"},
		{"export of another kind", watModule{exports: map[string]string{"query": "-"}, extra: `(global (export "query") i32 (i32.const 1))`}, "export query is a global"},
		{"another ABI", watModule{exports: map[string]string{"abi_version": "(i32.const 2)"}}, "abi_version answers 2, this host has 1"},
		{"abi_version traps", watModule{exports: map[string]string{"abi_version": "(unreachable)"}}, "trapped in abi_version"},
		{"abi_version loops", watModule{exports: map[string]string{"abi_version": "(loop (br 0)) (i32.const 1)"}}, "trapped in abi_version (fuel)"},
		{"abi_version reads", watModule{exports: map[string]string{"abi_version": "(drop (call $block_metadata (i32.const 0) (i32.const 0))) (i32.const 1)"}}, "trapped in abi_version (import)"},
		{"start traps", watModule{extra: `(func $s (unreachable)) (start $s)`}, "trapped in abi_version"},
		{"more memory than the limit", watModule{exports: map[string]string{"memory": `(memory (export "memory") 16385)`}}, "memory"},
		{"larger table than the limit", watModule{extra: `(table 20001 funcref)`}, "table"},
		{"threads", watModule{extra: `(func (drop (i32.atomic.load (i32.const 0))))`}, "threads"},
		{"shared memory", watModule{exports: map[string]string{"memory": `(memory (export "memory") 1 1 shared)`}}, "threads are off"},
		{"relaxed SIMD", watModule{extra: `(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))`}, "relaxed SIMD"},
		{"tail calls", watModule{extra: `(func $t (return_call $t))`}, "tail calls"},
		{"two memories", watModule{extra: `(memory 1)`}, "multi"},
		{"64-bit memory", watModule{exports: map[string]string{"memory": `(memory (export "memory") i64 1)`}}, "64-bit memory is off"},
		{"exceptions", watModule{extra: `(tag)`}, "exceptions are off"},
		{"exceptions without a tag", watModule{extra: `(func (block $b (try_table (catch_all $b))))`}, "exceptions"},
		{"extended const", watModule{extra: `(global i32 (i32.add (i32.const 1) (i32.const 1)))`}, "extended constant expressions are off"},
		{"function references", watModule{extra: `(func (param (ref null func)) (drop (ref.as_non_null (local.get 0))))`}, "function"},
		{"wide arithmetic and SIMD", watModule{extra: `(func (result i64 i64) (i64.mul_wide_u (i64.const 1) (i64.const 2))) (func (result v128) (i64x2.add (v128.const i64x2 1 2) (v128.const i64x2 1 2)))`}, ""},
		{"bulk memory, sign extension, multivalue", watModule{extra: `(func (result i32 i32) (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (i32.extend8_s (i32.const 1)) (i32.const 2))`}, ""},
	}
	engine := testEngine(t)
	for _, c := range cases {
		wasm, err := wasmtime.Wat2Wasm(c.module.text())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		report := engine.Inspect(wasm)
		if report.Accepted != (c.reason == "") || !strings.Contains(report.Reason, c.reason) {
			t.Errorf("%s: got accepted %v, reason %q, want %q", c.name, report.Accepted, report.Reason, c.reason)
		}
		_, err = engine.Load(wasm)
		var refused *RefusedError
		if (err == nil) != report.Accepted || err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: load gave %v for accepted %v", c.name, err, report.Accepted)
		}
	}
}

func TestInspectNamesEveryMissingExport(t *testing.T) {
	for _, entry := range exportSignatures {
		if entry.name == "memory" {
			continue
		}
		wasm := watModule{exports: map[string]string{entry.name: "-"}}.wasm(t)
		report := testEngine(t).Inspect(wasm)
		if want := fmt.Sprintf("export %s is missing", entry.name); report.Accepted || report.Reason != want {
			t.Errorf("without %s: got %+v, want reason %q", entry.name, report, want)
		}
	}
}

func TestInspectReport(t *testing.T) {
	report, err := Inspect(watModule{}.wasm(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		Imports:  []string{"bedrock.state_read", "bedrock.state_write", "bedrock.emit_event", "bedrock.consume_gas", "bedrock.block_metadata"},
		Exports:  []string{"memory", "alloc", "abi_version", "genesis", "verify", "check", "execute", "query"},
		Hash:     report.Hash,
		Accepted: true,
	}
	if diff := cmp.Diff(want, report); diff != "" || len(report.Hash) != 64 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, wasm := range [][]byte{nil, []byte("no module"), make([]byte, 8<<20+1)} {
		report, err := Inspect(wasm)
		if err != nil || report.Accepted || report.Reason == "" || report.Imports == nil {
			t.Errorf("%d bytes: got %+v, %v", len(wasm), report, err)
		}
	}
}
