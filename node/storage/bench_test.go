package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Sizes of the benchmarks: transfers a block, accounts in the state.
const (
	benchTransfers = 5_000
	benchAccounts  = 100_000
)

func benchAddress(i int) (state.Address, []byte) {
	raw := binary.LittleEndian.AppendUint64([]byte("account/"), uint64(i))
	return state.Address(sha256.Sum256(raw)), raw
}

// benchBlock is a block of transfers between random accounts, with about the tree
// pages that they dirty.
func benchBlock(rng *rand.Rand, height uint64, parent types.Hash, rows int) Final {
	b := &types.Block{Header: types.Header{Genesis: testGenesis, Epoch: 1, View: height, Height: height, TimestampMs: height}}
	f := Final{Block: b, Writes: &state.WriteSet{After: state.Ref{Height: height, TreeVersion: height}}}
	for range benchTransfers {
		tx := make([]byte, 200)
		binary.LittleEndian.PutUint64(tx, rng.Uint64())
		b.Payload = append(b.Payload, tx)
		f.Receipts = append(f.Receipts, receipts.Receipt{TxHash: types.TxHash(tx), GasUsed: 1, EventsRoot: receipts.NoneRoot})
	}
	b.Header.PayloadRoot, b.Header.EvidenceRoot = types.ListRoot(b.Payload), types.ListRoot(nil)
	for range rows {
		address, raw := benchAddress(rng.IntN(benchAccounts))
		f.Writes.Values = append(f.Writes.Values, state.ValueWrite{Address: address, Key: raw, Value: make([]byte, 24)})
	}
	slices.SortFunc(f.Writes.Values, func(a, b state.ValueWrite) int { return bytes.Compare(a.Address[:], b.Address[:]) })
	for i := range rows / 2 {
		path := state.Path{Len: 4, Bits: [32]byte{byte(i), byte(i >> 8)}}
		if i == 0 {
			path = state.Path{}
		}
		f.Writes.Pages = append(f.Writes.Pages, state.PageWrite{Path: path, Page: make([]byte, 300)})
		f.Writes.Stale = append(f.Writes.Stale, state.PageID{Version: height - 1, Path: path})
	}
	f.Outcome = types.Outcome{Height: height, Block: b.ID(), FailedRun: types.NoFailedRun, Parent: parent}
	f.Certificate = &types.CC{Epoch: 1, View: height, Height: height, Block: b.ID(), Outcome: f.Outcome, Commits: types.Aggregate{Signers: []byte{15}, Signature: make([]byte, 256)}}
	return f
}

func benchStore(b *testing.B) (*Store, types.Hash) {
	opt := testOptions()
	opt.CheckRoot, opt.BlockCacheBytes, opt.WriteBufferBytes = nil, 0, 0
	s := openStore(b, b.TempDir(), opt)
	c := newChain(1, 10)
	for i := range benchAccounts {
		address, raw := benchAddress(i)
		c.genesis.Writes.Values = append(c.genesis.Writes.Values, state.ValueWrite{Address: address, Key: raw, Value: make([]byte, 24)})
	}
	if err := s.CommitGenesis(c.genesis); err != nil {
		b.Fatal(err)
	}
	return s, c.genesis.Outcome.Hash()
}

// BenchmarkCommit is one block of 5,000 transfers, 10,000 rows: the batch written
// to memory and log, and synced.
func BenchmarkCommit(b *testing.B) {
	s, parent := benchStore(b)
	rng := rand.New(rand.NewPCG(1, 1))
	height, before := uint64(0), s.written.Load()
	for b.Loop() {
		b.StopTimer()
		height++
		f := benchBlock(rng, height, parent, 2*benchTransfers)
		parent = f.Outcome.Hash()
		b.StartTimer()
		if err := s.Commit([]Final{f}); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(height)/benchTransfers, "us/transfer")
	b.ReportMetric(float64(s.written.Load()-before)/float64(height)/benchTransfers, "bytes/transfer")
}

// BenchmarkReadValues is the 10,000 rows that a block of 5,000 transfers reads.
func BenchmarkReadValues(b *testing.B) {
	s, parent := benchStore(b)
	rng := rand.New(rand.NewPCG(1, 1))
	f := benchBlock(rng, 1, parent, 2*benchTransfers)
	if err := s.Commit([]Final{f}); err != nil {
		b.Fatal(err)
	}
	addresses := make([]state.Address, 2*benchTransfers)
	reads := 0
	for b.Loop() {
		for i := range addresses {
			addresses[i], _ = benchAddress(rng.IntN(benchAccounts))
		}
		rows, err := s.ReadValues(1, addresses)
		if err != nil {
			b.Fatal(err)
		}
		for i := range rows {
			if !rows[i].Present {
				b.Fatal("a row is absent")
			}
		}
		reads += len(addresses)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(reads)/1000, "us/row")
}
