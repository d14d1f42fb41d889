package executortest

import (
	_ "embed"
	"fmt"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
)

// What the first byte of a transaction makes the module do; any other byte: a
// receipt of code 0.
const (
	OpLoop    = 'L' // execute runs until its fuel is gone
	OpTrap    = 'T' // execute traps
	OpMemory  = 'M' // execute takes memory until there is no more, then traps
	OpStack   = 'S' // execute recurses until its stack is gone
	OpRefused = 'V' // verify answers with code 1
	OpPoison  = 'P' // verify traps
)

// GasLimit is the gas limit of every transaction, in gas.
const GasLimit = 1000

//go:embed machine.wat
var source string

// Machine is the module, as WebAssembly.
func Machine() ([]byte, error) {
	wasm, err := wasmtime.Wat2Wasm(source)
	if err != nil {
		return nil, fmt.Errorf("assemble the test machine: %w", err)
	}
	return wasm, nil
}
