package executortest

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	wasmtime "github.com/bytecodealliance/wasmtime-go/v44"
	"google.golang.org/protobuf/proto"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
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
	OpEpoch   = 'E' // the rest is an EpochParams message: what execute answers as epoch change
)

// GasLimit is the gas limit of every transaction, in gas.
const GasLimit = 1000

//go:embed machine.wat
var source string

// Variant is a module of its own, with a hash of its own.
type Variant struct {
	// Version is the code that every query answers with, 1 to 127.
	Version uint8
	// Traps has execute trap whatever it is given.
	Traps bool
	// MigratesUntil is the height from which on the module does anything else than
	// migrate: below it transactions wait, and there is more work.
	MigratesUntil uint32
}

// Machine is the plain module, version 1, as WebAssembly.
func Machine() ([]byte, error) { return Make(Variant{Version: 1}) }

// Make is a variant of it.
func Make(v Variant) ([]byte, error) {
	if v.Version == 0 || v.Version > 127 {
		return nil, fmt.Errorf("version %d of the test machine: want 1 to 127", v.Version)
	}
	traps := 0
	if v.Traps {
		traps = 1
	}
	text := strings.NewReplacer("TRAPS", strconv.Itoa(traps), "UNTIL", strconv.FormatUint(uint64(v.MigratesUntil), 10),
		"VERSION", fmt.Sprintf("\\%02x", v.Version)).Replace(source)
	wasm, err := wasmtime.Wat2Wasm(text)
	if err != nil {
		return nil, fmt.Errorf("assemble the test machine: %w", err)
	}
	return wasm, nil
}

// EpochTransaction has a machine answer with an epoch change.
func EpochTransaction(change *executorv1.EpochParams) ([]byte, error) {
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(change)
	if err != nil {
		return nil, fmt.Errorf("encode an epoch change: %w", err)
	}
	return append([]byte{OpEpoch}, encoded...), nil
}
