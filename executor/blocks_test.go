package executor

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// blocksFile is what `bedrock-blocks` writes: a state and the blocks that follow
// it, the same for a native benchmark (wasm-core/crates/replay/src/blocks.rs).
type blocksFile struct {
	tb       testing.TB
	in       *bufio.Reader
	ref      state.Ref
	identity [32]byte
	gas      uint64
	base     *memstate.State
	blocks   [][][]byte
}

func readBlocksFile(tb testing.TB, path string) *blocksFile {
	tb.Helper()
	file, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	f := &blocksFile{tb: tb, in: bufio.NewReaderSize(file, 1<<20), base: memstate.New()}
	if magic := f.bytes(8); string(magic) != "BEDBLKS1" {
		tb.Fatalf("%s is no blocks file: it starts with %q", path, magic)
	}
	if genesis := f.bytes(32); [32]byte(genesis) != [32]byte(repeated(0x42)) {
		tb.Fatalf("%s: genesis hash %x", path, genesis)
	}
	f.identity, f.gas = [32]byte(f.bytes(32)), f.number(8)
	f.ref = state.Ref{Root: [32]byte(f.bytes(32)), Height: f.number(8), TreeVersion: f.number(8)}
	f.state()
	for range f.number(4) {
		block := make([][]byte, f.number(4))
		for i := range block {
			block[i] = f.bytes(f.number(4))
		}
		f.blocks = append(f.blocks, block)
	}
	return f
}

func repeated(b byte) []byte {
	hash := make([]byte, 32)
	for i := range hash {
		hash[i] = b
	}
	return hash
}

func (f *blocksFile) state() {
	set := &state.WriteSet{After: f.ref}
	for range f.number(8) {
		set.Values = append(set.Values, state.ValueWrite{Address: state.Address(f.bytes(32)), Key: f.bytes(f.number(2)), Value: f.bytes(f.number(4))})
	}
	for range f.number(8) {
		version, nibbles := f.number(8), f.bytes(1)
		path, _, err := state.ParsePath(append(nibbles, f.bytes(uint64(nibbles[0]+1)/2)...))
		if err != nil || version != f.ref.Height {
			f.tb.Fatalf("page of version %d: %v", version, err)
		}
		set.Pages = append(set.Pages, state.PageWrite{Path: path, Page: f.bytes(f.number(4))})
	}
	if err := f.base.Apply(set); err != nil {
		f.tb.Fatal(err)
	}
}

func (f *blocksFile) bytes(n uint64) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(f.in, b); err != nil {
		f.tb.Fatal(err)
	}
	return b
}

func (f *blocksFile) number(width uint64) uint64 {
	var b [8]byte
	copy(b[:], f.bytes(width))
	return binary.LittleEndian.Uint64(b[:])
}

// BenchmarkBlocksFile runs the blocks of the file that BEDROCK_BLOCKS names, for
// a comparison with the same blocks run natively.
func BenchmarkBlocksFile(b *testing.B) {
	path := os.Getenv("BEDROCK_BLOCKS")
	if path == "" {
		b.Log("BEDROCK_BLOCKS names no file: nothing to compare")
		return
	}
	engine, err := NewEngine(Options{VerifyInstances: 1})
	if err != nil {
		b.Fatal(err)
	}
	f := readBlocksFile(b, path)
	l := &ledger{module: canonical(b, engine), base: f.base, genesis: [32]byte(repeated(0x42)), identity: f.identity, gas: f.gas}
	l.overlays = state.NewOverlays(f.base, state.BlockID{}, f.ref, nil) // the base is in memory itself
	next := 0
	l.measure(b, len(f.blocks), func() [][]byte {
		next++
		return f.blocks[next-1]
	})
}
