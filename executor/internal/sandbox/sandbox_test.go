package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
)

func testSettings() Settings {
	return Settings{
		MaxStack: 1 << 20, MaxMemory: 16 << 20, TableElements: 1000, Slots: 4, Resident: 1 << 20, Optimize: true,
		Module:  "host",
		Imports: []Import{{Name: "touch", Params: 2, Result: true}, {Name: "tell", Params: 2}},
	}
}

const testModule = `(module
  (import "host" "touch" (func $touch (param i32 i32) (result i32)))
  (memory (export "memory") 1 400)
  (global $n (mut i32) (i32.const 0))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "far") (param i32) (result i32) (i32.const 65000))
  (func (export "version") (result i32) (i32.const 7))
  (func (export "count") (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (i32.add (global.get $n) (i32.load (i32.const 0))))
  (func (export "pass") (param i32 i32) (result i64)
    (i64.extend_i32_u (call $touch (local.get 0) (local.get 1))))
  (func (export "spin") (result i32) (loop (br 0)) (i32.const 1))
  (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1)))
  (func (export "grow") (result i32) (memory.grow (i32.const 300)))
)`

// touch is a host whose first import sees what the module passes.
type touch func(args [4]uint32, memory []byte) (uint32, error)

func (f touch) Call(_ int, args [4]uint32, memory []byte) (uint32, error) { return f(args, memory) }

func compile(t *testing.T, wat string) *Module {
	t.Helper()
	engine, err := NewEngine(testSettings())
	if err != nil {
		t.Fatal(err)
	}
	return compileWith(t, engine, wat)
}

func compileWith(t *testing.T, engine *Engine, wat string) *Module {
	t.Helper()
	wasm, err := wasmtime.Wat2Wasm(wat)
	if err != nil {
		t.Fatal(err)
	}
	module, err := engine.Compile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func run(m *Module, call Call) (uint64, Usage, error) {
	var got uint64
	if call.Fuel == 0 {
		call.Fuel = 1 << 20
	}
	usage, err := m.Run(call, func(answer uint64, _ []byte) error {
		got = answer
		return nil
	})
	return got, usage, err
}

func TestRequestReachesImport(t *testing.T) {
	m := compile(t, testModule)
	for _, request := range [][]byte{{}, []byte("a request"), bytes.Repeat([]byte{7}, 60000)} {
		var seen []byte
		host := touch(func(args [4]uint32, memory []byte) (uint32, error) {
			seen = bytes.Clone(memory[args[0] : args[0]+args[1]])
			return 42, nil
		})
		got, usage, err := run(m, Call{Export: "pass", Request: request, Host: host})
		if err != nil || got != 42 || !bytes.Equal(seen, request) {
			t.Errorf("%d bytes: got %d, %d bytes, %v", len(request), got, len(seen), err)
		}
		if usage.FuelUsed == 0 || usage.Memory != 1<<16 {
			t.Errorf("usage: got %+v", usage)
		}
	}
}

func TestFreshInstance(t *testing.T) {
	m := compile(t, testModule)
	for range 20 {
		if got, _, err := run(m, Call{Export: "count"}); err != nil || got != 2 {
			t.Fatalf("got %d (%v), want 2 in every run", got, err)
		}
	}
}

func TestTraps(t *testing.T) {
	m := compile(t, testModule)
	cases := []struct {
		name string
		call Call
		code TrapCode
	}{
		{"out of fuel", Call{Export: "spin"}, TrapOutOfFuel},
		{"stack overflow", Call{Export: "deep", Fuel: 1 << 40}, TrapStackOverflow},
		{"request beyond the memory", Call{Export: "pass", Request: make([]byte, 70000)}, NoTrapCode},
		{"no such export", Call{Export: "nothing"}, NoTrapCode},
	}
	for _, c := range cases {
		_, _, err := run(m, c.call)
		var trap *Trap
		if !errors.As(err, &trap) || trap.Code != c.code {
			t.Errorf("%s: got %#v (%v), want a trap of code %d", c.name, trap, err, c.code)
		}
	}
	if got, _, err := run(m, Call{Export: "grow"}); err != nil || uint32(got) != 1<<32-1 {
		t.Errorf("growth above the limit: got %d (%v), want -1", int32(got), err)
	}
}

func TestImportErrorKeepsItsIdentity(t *testing.T) {
	m := compile(t, testModule)
	disk := errors.New("disk on fire")
	_, _, err := run(m, Call{Export: "pass", Request: []byte{}, Host: touch(func([4]uint32, []byte) (uint32, error) { return 0, disk })})
	if err != disk {
		t.Errorf("got %v, want the import's own error", err)
	}
}

func TestPanicInImport(t *testing.T) {
	m := compile(t, testModule)
	host := touch(func([4]uint32, []byte) (uint32, error) { panic("boom") })
	if _, _, err := run(m, Call{Export: "pass", Request: []byte{}, Host: host}); !errors.Is(err, ErrPanic) || !strings.Contains(err.Error(), "boom") {
		t.Errorf("got %v, want %v with its cause", err, ErrPanic)
	}
	if got, _, err := run(m, Call{Export: "version"}); err != nil || got != 7 {
		t.Errorf("the run after: got %d (%v)", got, err)
	}
}

func TestImportWhileStarting(t *testing.T) {
	m := compile(t, `(module
	  (import "host" "tell" (func $tell (param i32 i32)))
	  (memory (export "memory") 1)
	  (func $start (call $tell (i32.const 0) (i32.const 0)))
	  (func (export "version") (result i32) (i32.const 1))
	  (start $start))`)
	_, _, err := run(m, Call{Export: "version", Host: touch(func([4]uint32, []byte) (uint32, error) {
		t.Error("the import was reached")
		return 0, nil
	})})
	var trap *Trap
	if !errors.As(err, &trap) || !strings.Contains(trap.Message, "while the module starts") {
		t.Errorf("got %v, want a trap", err)
	}
}

func TestSerializedCodeRunsTheSame(t *testing.T) {
	m := compile(t, testModule)
	code, err := m.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.engine.Deserialize(code)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := run(again, Call{Export: "version"}); err != nil || got != 7 {
		t.Errorf("got %d (%v), want 7", got, err)
	}
	if _, err := m.engine.Deserialize(code[:len(code)/2]); err == nil {
		t.Error("half of the code: accepted")
	}
}

func TestManyRunsAtOnce(t *testing.T) {
	m := compile(t, testModule)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 200 {
				want := uint32(worker*1000 + i)
				got, _, err := run(m, Call{Export: "pass", Request: []byte{1}, Host: touch(func([4]uint32, []byte) (uint32, error) { return want, nil })})
				if err != nil || got != uint64(want) {
					t.Errorf("worker %d, run %d: got %d (%v)", worker, i, got, err)
				}
			}
		})
	}
	all.Wait()
}

func TestUnknownImportIsNotLinked(t *testing.T) {
	engine, err := NewEngine(testSettings())
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := wasmtime.Wat2Wasm(`(module (import "host" "sixth" (func)))`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Compile(wasm); err == nil || !strings.Contains(err.Error(), "sixth") {
		t.Errorf("got %v, want an error that names the import", err)
	}
}

// Threads have room for a module's stack whatever the shell's limit is.
func TestStacksAreWideEnough(t *testing.T) {
	if err := enoughStack(2 << 20); err != nil {
		t.Error(err)
	}
	if err := enoughStack(1 << 40); err == nil || !strings.Contains(err.Error(), "ulimit") {
		t.Errorf("a stack that no thread has: got %v", err)
	}
	if os.Getenv("BEDROCK_STACK_CHILD") != "" {
		return
	}
	var hard syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_STACK, &hard); err != nil {
		t.Fatal(err)
	}
	limits := []string{"4096"}
	if hard.Max == ^uint64(0) {
		limits = append(limits, "unlimited")
	}
	for _, limit := range limits {
		child := exec.Command("sh", "-c", `ulimit -s "$1" && shift && exec "$@"`, "sh", limit, os.Args[0], "-test.run", "^(TestStacksAreWideEnough|TestTraps)$")
		child.Env = append(os.Environ(), "BEDROCK_STACK_CHILD=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("with `ulimit -s %s`: %v\n%s", limit, err, out)
		}
	}
}

func TestLayoutOfWasmtimeGo(t *testing.T) {
	for _, object := range []any{wasmtime.Config{}, wasmtime.Engine{}, wasmtime.Module{}} {
		field := reflect.TypeOf(object).Field(0)
		if field.Name != "_ptr" || field.Type.Kind() != reflect.Pointer {
			t.Errorf("%T starts with %s %s, want its C pointer", object, field.Name, field.Type)
		}
	}
}

// The header is compiled once more with the release's own headers in front of
// it: a declaration that differs from theirs is an error there.
func TestDeclarationsMatchTheHeaders(t *testing.T) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/bytecodealliance/wasmtime-go/v44").Output()
	if err != nil {
		t.Fatalf("find the module's folder: %v", err)
	}
	include := "-I" + strings.TrimSpace(string(folder)) + "/build/include"
	out, err := exec.Command("cc", "-fsyntax-only", "-Wall", "-Werror", "-DBEDROCK_CHECK_HEADERS", include, "shim.c").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func BenchmarkInstance(b *testing.B) {
	engine, err := NewEngine(testSettings())
	if err != nil {
		b.Fatal(err)
	}
	wasm, err := wasmtime.Wat2Wasm(testModule)
	if err != nil {
		b.Fatal(err)
	}
	m, err := engine.Compile(wasm)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := run(m, Call{Export: "version"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkImport(b *testing.B) {
	settings := testSettings()
	engine, err := NewEngine(settings)
	if err != nil {
		b.Fatal(err)
	}
	wasm, err := wasmtime.Wat2Wasm(fmt.Sprintf(`(module
	  (import "host" "touch" (func $touch (param i32 i32) (result i32)))
	  (memory (export "memory") 1)
	  (func (export "loop") (result i32) (local $i i32)
	    (loop $again
	      (drop (call $touch (i32.const 0) (i32.const 64)))
	      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const %d))))
	    (local.get $i)))`, b.N))
	if err != nil {
		b.Fatal(err)
	}
	m, err := engine.Compile(wasm)
	if err != nil {
		b.Fatal(err)
	}
	host := touch(func(args [4]uint32, memory []byte) (uint32, error) { return uint32(memory[args[0]]), nil })
	b.ResetTimer()
	if _, _, err := run(m, Call{Export: "loop", Host: host, Fuel: 1 << 40}); err != nil {
		b.Fatal(err)
	}
}
