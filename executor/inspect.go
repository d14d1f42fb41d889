package executor

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/bedrock-bft/bedrock/executor/internal/wasmscan"
)

// abiVersion is the version of exports and imports that this host has.
const abiVersion = 1

// Report is what the load check found of a module's file.
type Report struct {
	// Imports and Exports are the module's, in its order; an import is
	// `module.name`.
	Imports []string `json:"imports"`
	Exports []string `json:"exports"`
	// Hash is the executor hash in hex.
	Hash     string `json:"hash"`
	Accepted bool   `json:"accepted"`
	// Reason says why it is not accepted, and is empty if it is.
	Reason string `json:"reason"`
}

// exportSignatures are what a module of abi_version 1 must export.
var exportSignatures = []struct {
	name      string
	kind      wasmscan.Kind
	signature wasmscan.Signature
}{
	{"memory", wasmscan.Memory, ""},
	{"alloc", wasmscan.Func, "(i32) -> i32"},
	{"abi_version", wasmscan.Func, "() -> i32"},
	{"genesis", wasmscan.Func, "(i32, i32) -> i64"},
	{"verify", wasmscan.Func, "(i32, i32) -> i64"},
	{"check", wasmscan.Func, "(i32, i32) -> i64"},
	{"execute", wasmscan.Func, "(i32, i32) -> i64"},
	{"query", wasmscan.Func, "(i32, i32) -> i64"},
}

// Inspect runs the whole load check for engine EngineOne, compilation and
// abi_version included.
func Inspect(wasm []byte) (Report, error) {
	engine, err := NewEngine(Options{})
	if err != nil {
		return Report{}, err
	}
	return engine.Inspect(wasm), nil
}

// Inspect runs the whole load check and tells what it found.
func (e *Engine) Inspect(wasm []byte) Report {
	report := e.declared(wasm)
	if !report.Accepted {
		return report
	}
	var refused *RefusedError
	switch _, err := e.Load(wasm); {
	case errors.As(err, &refused):
		report.Accepted, report.Reason = false, refused.Reason
	case err != nil:
		report.Accepted, report.Reason = false, err.Error()
	}
	return report
}

// declared judges what the module declares, without compiling it.
func (e *Engine) declared(wasm []byte) Report {
	report := Report{Hash: fmt.Sprintf("%x", sha256.Sum256(wasm)), Imports: []string{}, Exports: []string{}}
	if len(wasm) > e.limits.ModuleBytes {
		report.Reason = fmt.Sprintf("%d bytes, at most %d", len(wasm), e.limits.ModuleBytes)
		return report
	}
	info, err := wasmscan.Scan(wasm)
	if err != nil {
		report.Reason = err.Error()
		return report
	}
	for _, entry := range info.Imports {
		report.Imports = append(report.Imports, entry.Module+"."+entry.Name)
	}
	for _, entry := range info.Exports {
		report.Exports = append(report.Exports, entry.Name)
	}
	report.Reason = strings.Join(append(judgeImports(info.Imports), judgeExports(info.Exports)...), "; ")
	report.Accepted = report.Reason == ""
	return report
}

// judgeImports names every import that is not one of the five.
func judgeImports(list []wasmscan.Import) (reasons []string) {
	for _, entry := range list {
		name := entry.Module + "." + entry.Name
		want, ok := importSignature(entry.Module, entry.Name)
		switch {
		case !ok && strings.HasPrefix(entry.Module, "wasi"):
			reasons = append(reasons, fmt.Sprintf("import %s is WASI: a module has no system, only the five imports of %q", name, importModule))
		case !ok:
			reasons = append(reasons, fmt.Sprintf("import %s is none of the five of %q", name, importModule))
		case entry.Kind != wasmscan.Func:
			reasons = append(reasons, fmt.Sprintf("import %s is a %v, want a function", name, entry.Kind))
		case entry.Signature != want:
			reasons = append(reasons, fmt.Sprintf("import %s has type %s, want %s", name, entry.Signature, want))
		}
	}
	return reasons
}

func importSignature(module, name string) (wasmscan.Signature, bool) {
	if module != importModule {
		return "", false
	}
	for _, entry := range imports {
		if entry.Name != name {
			continue
		}
		signature := "(" + strings.TrimSuffix(strings.Repeat("i32, ", entry.Params), ", ") + ")"
		if entry.Result {
			signature += " -> i32"
		}
		return wasmscan.Signature(signature), true
	}
	return "", false
}

// judgeExports names every export that is missing or of another type.
func judgeExports(list []wasmscan.Export) (reasons []string) {
	byName := make(map[string]wasmscan.Export, len(list))
	for _, entry := range list {
		byName[entry.Name] = entry
	}
	for _, want := range exportSignatures {
		entry, ok := byName[want.name]
		switch {
		case !ok:
			reasons = append(reasons, fmt.Sprintf("export %s is missing", want.name))
		case entry.Kind != want.kind:
			reasons = append(reasons, fmt.Sprintf("export %s is a %v, want a %v", want.name, entry.Kind, want.kind))
		case entry.Signature != want.signature:
			reasons = append(reasons, fmt.Sprintf("export %s has type %s, want %s", want.name, entry.Signature, want.signature))
		}
	}
	return reasons
}
