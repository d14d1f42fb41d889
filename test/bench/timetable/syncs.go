package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Sizes of a made-up block's writes: those of 5,000 transfers on 1,000,000 accounts.
const (
	madeTransfers = 5_000
	madeRows      = 10_000
	madePages     = 19_000
	madePageBytes = 950
)

// turn is one measurement idle and the one beside commits that followed it.
type turn struct{ idle, committing latency }

// measureSyncs records votes idle and beside commits of made-up blocks, in turns, so
// that what else the machine does meanwhile is in both.
func measureSyncs(ctx context.Context, dir string, turns int, long time.Duration, progress io.Writer) (out []turn, err error) {
	dir, err = os.MkdirTemp(dir, "bedrock-syncs-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	load, err := newCommits(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, load.store.Close()) }()
	v, err := newVotes(filepath.Join(dir, "votelog"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.log.Close()) }()
	for i := range turns {
		var t turn
		if t.idle, err = v.beside(ctx, func(ctx context.Context) error { return nothing(ctx, long) }); err != nil {
			return nil, err
		}
		if t.committing, err = v.beside(ctx, func(ctx context.Context) error { return load.run(ctx, long) }); err != nil {
			return nil, err
		}
		fmt.Fprintf(progress, "turn %d: idle %v, beside %d commits %v\n", i+1, t.idle.p99, load.made, t.committing.p99)
		out = append(out, t)
	}
	return out, nil
}

// commits is a store that made-up blocks are committed to.
type commits struct {
	store  *storage.Store
	random *rand.Rand
	parent types.Hash
	height uint64
	made   int // in the last run
}

func newCommits(dir string) (*commits, error) {
	store, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	epoch := types.Epoch{Number: 1, Scheme: types.SchemeEd25519, MaxBytes: 16 << 20, MaxGas: blockGas,
		Validators: []types.Validator{{ConsensusKey: make([]byte, 32), NetworkKey: identity, Power: 1}}}
	outcome := types.Outcome{Block: genesisHash, FailedRun: types.NoFailedRun, NextEpoch: epoch.Digest()}
	err = store.CommitGenesis(storage.Genesis{Outcome: outcome, Writes: &state.WriteSet{}, Epoch: epoch})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &commits{store: store, random: rand.New(rand.NewPCG(1, 2)), parent: outcome.Hash()}, nil
}

// run commits blocks, each synced, until the time is over.
func (c *commits) run(ctx context.Context, long time.Duration) error {
	c.made = 0
	for end := time.Now().Add(long); time.Now().Before(end) && ctx.Err() == nil; c.made++ {
		if err := c.store.Commit([]storage.Final{c.block()}); err != nil {
			return err
		}
		if _, err := c.store.Sync(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *commits) bytes(n int) []byte {
	b := make([]byte, (n+7)/8*8)
	for at := 0; at < len(b); at += 8 {
		binary.LittleEndian.PutUint64(b[at:], c.random.Uint64())
	}
	return b[:n]
}

// block is the next one, with rows, pages and receipts as transfers leave them.
func (c *commits) block() storage.Final {
	c.height++
	b := &types.Block{Header: types.Header{Genesis: genesisHash, Epoch: 1, View: c.height, Height: c.height, TimestampMs: c.height}}
	f := storage.Final{Block: b, Writes: &state.WriteSet{After: state.Ref{Height: c.height, TreeVersion: c.height}}}
	for range madeTransfers {
		tx := c.bytes(230)
		b.Payload = append(b.Payload, tx)
		f.Receipts = append(f.Receipts, receipts.Receipt{TxHash: types.TxHash(tx), GasUsed: 1, EventsRoot: receipts.NoneRoot})
	}
	b.Header.PayloadRoot, b.Header.EvidenceRoot = types.ListRoot(b.Payload), types.ListRoot(nil)
	for range madeRows {
		raw := c.bytes(33)
		f.Writes.Values = append(f.Writes.Values, state.ValueWrite{Address: state.Address(raw[:32]), Key: raw, Value: raw[:24]})
	}
	slices.SortFunc(f.Writes.Values, func(a, b state.ValueWrite) int { return slices.Compare(a.Address[:], b.Address[:]) })
	for i := range madePages {
		path := state.Path{Len: 6, Bits: [32]byte{byte(i >> 16), byte(i >> 8), byte(i)}}
		if i == 0 {
			path = state.Path{}
		}
		f.Writes.Pages = append(f.Writes.Pages, state.PageWrite{Path: path, Page: c.bytes(madePageBytes)})
	}
	f.Outcome = types.Outcome{Height: c.height, Block: b.ID(), FailedRun: types.NoFailedRun, Parent: c.parent}
	f.Certificate = &types.CC{Epoch: 1, View: c.height, Height: c.height, Block: b.ID(), Outcome: f.Outcome, Commits: types.Aggregate{Signers: []byte{15}, Signature: make([]byte, 256)}}
	c.parent = f.Outcome.Hash()
	return f
}
