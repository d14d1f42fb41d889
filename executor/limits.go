package executor

import (
	"errors"
	"fmt"
	"math/bits"
)

// Limits are what an engine number stands for: all of the runtime that an
// execution can observe. Another figure is another engine.
type Limits struct {
	Engine uint32
	// ModuleBytes bounds a module's file.
	ModuleBytes int
	// MemoryBytes, StackBytes and TableElements bound one instance.
	MemoryBytes   int
	StackBytes    int
	TableElements int
	// RequestBytes bounds what a call copies in, GenesisBytes for genesis.
	RequestBytes, GenesisBytes int
	// AnswerBytes bounds an export's answer, and each list of an import.
	AnswerBytes int
	// ListEntries bounds the entries of each list.
	ListEntries int
	// WriteBytes bounds all that one block writes.
	WriteBytes int
	// KeyBytes, ValueBytes and PageBytes bound what is written.
	KeyBytes, ValueBytes, PageBytes int
	// Events bounds the events of a block; the others one event.
	Events, EventTypeBytes, EventAttributes, EventKeyBytes, EventValueBytes int
	// Transactions bounds the transactions of one call.
	Transactions int
	// LogBytes bounds a receipt's or verdict's log; what is longer is cut.
	LogBytes int
	// SenderBytes bounds the name of a nonce lane.
	SenderBytes int
	Fuel        FuelLimits
}

// FuelLimits bound runaway loops: each at least 16 times what an honest module
// takes (docs/execution.md, Determinism), but for a proof of possession, which
// takes four fifths of Verify. Units are Wasmtime's fuel. Gas follows from the
// dearest full block, 7.8 a gas on 1,000,000 accounts: so a block that loops is
// stopped by the gas limit of its chain, at about 10 seconds for each 100,000,000
// of gas where a loop does nothing.
type FuelLimits struct {
	Base      uint64 // of every call
	Gas       uint64 // for each unit of the block's gas limit, in execute
	Verify    uint64 // for each transaction, in verify
	Evidence  uint64 // for each piece of evidence, in execute
	Check     uint64 // for each item, in check
	Byte      uint64 // for each byte of a request
	QueryBase uint64 // of query, instead of Base
}

// EngineOne is the engine number of the first chains.
const EngineOne uint32 = 1

// ErrNoEngine: this program does not have an engine of that number.
var ErrNoEngine = errors.New("this program does not have that engine")

// LimitsOf is what an engine number stands for.
func LimitsOf(engine uint32) (Limits, error) {
	if engine != EngineOne {
		return Limits{}, fmt.Errorf("engine number %d: %w (it has %d): install a release that has it", engine, ErrNoEngine, EngineOne)
	}
	return Limits{
		Engine:          EngineOne,
		ModuleBytes:     8 << 20,
		MemoryBytes:     1 << 30,
		StackBytes:      2 << 20,
		TableElements:   20_000,
		RequestBytes:    64 << 20,
		GenesisBytes:    256 << 20,
		AnswerBytes:     16 << 20,
		ListEntries:     65_536,
		WriteBytes:      1 << 30,
		KeyBytes:        256,
		ValueBytes:      64 << 10,
		PageBytes:       64 << 10,
		Events:          65_536,
		EventTypeBytes:  64,
		EventAttributes: 64,
		EventKeyBytes:   64,
		EventValueBytes: 64 << 10,
		Transactions:    65_536,
		LogBytes:        1024,
		SenderBytes:     64,
		Fuel: FuelLimits{
			Base:      1_000_000_000,
			Gas:       128,
			Verify:    50_000_000,
			Evidence:  1_400_000_000,
			Check:     10_000_000,
			Byte:      2_000,
			QueryBase: 2_000_000_000,
		},
	}, nil
}

// of sums a base and amounts with their prices; at most half of what a store can
// hold.
func (f FuelLimits) of(base uint64, priced ...[2]uint64) uint64 {
	const most = 1 << 62
	sum := base
	for _, p := range priced {
		high, low := bits.Mul64(p[0], p[1])
		if high != 0 || low > most-min(sum, most) {
			return most
		}
		sum += low
	}
	return min(sum, most)
}
