package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
)

const (
	// maxSenders bounds the keys: an account that never sends needs none.
	maxSenders = 10_000
	blockGas   = 1_000_000_000
	cacheBytes = 128 << 20 // as a node's by default
)

var (
	genesisHash = types.Hash{0x42}
	identity    = [32]byte{0x77} // of proposer and vote log
)

// chain is a ledger on disk, with the parts of a node that a block passes.
type chain struct {
	module   *executor.Module
	store    *storage.Store
	overlays *state.Overlays
	votes    *votelog.Log
	epoch    types.Epoch

	senders  []ed25519.PrivateKey
	accounts []ledger.Address // addresses, senders' first
	nonces   []uint64
	random   *rand.Rand
	parent   types.Outcome
	turn     int
	made     uint64 // heights of blocks that were made
	view     uint64 // of the vote log
}

// newChain fills a ledger of that many accounts below dir.
func newChain(ctx context.Context, module *executor.Module, dir string, accounts int) (*chain, error) {
	c := &chain{module: module, random: rand.New(rand.NewPCG(1, uint64(accounts)))}
	c.epoch = types.Epoch{Number: 1, Scheme: types.SchemeEd25519, ExecutorHash: module.Hash(), Engine: executor.EngineOne,
		MaxBytes: 16 << 20, MaxGas: blockGas, Validators: []types.Validator{{ConsensusKey: bytes.Repeat([]byte{1}, 32), NetworkKey: identity, Power: 1}}}
	document := c.fill(accounts)
	hash := module.Hash()
	result, err := module.Genesis(ctx, &executorv1.GenesisRequest{GenesisHash: genesisHash[:], ChainId: "timetable", AppState: document,
		Epoch: &executorv1.EpochParams{ExecutorHash: hash[:], Engine: executor.EngineOne, MaxBlockBytes: c.epoch.MaxBytes, MaxBlockGas: blockGas,
			Validators: []*executorv1.Validator{{ConsensusKey: c.epoch.Validators[0].ConsensusKey, NetworkKey: identity[:], Power: 1}}}})
	if err != nil {
		return nil, fmt.Errorf("execute genesis of %d accounts: %w", accounts, err)
	}
	if c.store, err = openStore(dir); err != nil {
		return nil, err
	}
	c.parent = types.Outcome{Block: genesisHash, StateRoot: result.StateRoot, ReceiptsRoot: types.ListRoot(nil), FailedRun: types.NoFailedRun, NextEpoch: c.epoch.Digest()}
	set := result.Overlay.WriteSet()
	if err := c.store.CommitGenesis(storage.Genesis{Outcome: c.parent, Writes: set, Epoch: c.epoch}); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if err := c.settle(ctx, dir); err != nil {
		return nil, errors.Join(err, c.close())
	}
	// As the node shares a page cache out between pages and rows.
	c.overlays = state.NewOverlays(c.store, state.BlockID(genesisHash), set.After, state.NewCache(cacheBytes/4*3, cacheBytes/4))
	c.votes, err = openVotes(filepath.Join(dir, "votelog"), nil, nil)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func openStore(dir string) (*storage.Store, error) {
	return storage.Open(filepath.Join(dir, "db"), storage.Options{Genesis: genesisHash, AllowUnsafeFileSystem: true,
		BlockCacheBytes: cacheBytes, BallastBytes: -1, NoVoteLog: true})
}

// settle opens the store again, which puts genesis into tables, and waits until
// RocksDB has nothing left to do of it: what is measured is the blocks' own.
func (c *chain) settle(ctx context.Context, dir string) error {
	if err := c.store.Close(); err != nil {
		return err
	}
	var err error
	if c.store, err = openStore(dir); err != nil {
		return err
	}
	const quiet = time.Second
	for last := uint64(0); ; {
		written, err := writtenBytes()
		if err != nil {
			return err
		}
		stats, err := c.store.Stats()
		if err != nil {
			return err
		}
		if written == last && stats.PendingBytes == 0 {
			return nil
		}
		last = written
		select {
		case <-time.After(quiet):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *chain) close() error {
	var err error
	if c.votes != nil {
		err = c.votes.Close()
	}
	return errors.Join(err, c.store.Close())
}

// fill draws the accounts and answers the ledger's genesis state.
func (c *chain) fill(accounts int) []byte {
	var members bytes.Buffer
	members.WriteString(`{"accounts":[`)
	for i := range accounts {
		seed := sha256.Sum256(fmt.Appendf(nil, "account %d", i))
		address := ledger.Address(seed)
		if i < maxSenders {
			key := ed25519.NewKeyFromSeed(seed[:])
			c.senders = append(c.senders, key)
			address = ledger.AddressOf(key.Public().(ed25519.PublicKey))
		}
		c.accounts = append(c.accounts, address)
		if i > 0 {
			members.WriteByte(',')
		}
		fmt.Fprintf(&members, `{"address":%q,"balance":"1000000000000"}`, address.String())
	}
	c.nonces = make([]uint64, len(c.senders))
	members.WriteString(`]}`)
	return members.Bytes()
}

// transfers signs transfers of all senders in turn to random accounts.
func (c *chain) transfers(count int) ([][]byte, error) {
	list := make([][]byte, count)
	for i := range list {
		sender := c.turn % len(c.senders)
		c.turn++
		op := ledger.Transfer{To: c.accounts[c.random.IntN(len(c.accounts))], Amount: ledger.AmountOf(1)}
		tx, err := ledger.Sign(c.senders[sender], ledger.Body{Genesis: genesisHash, Nonce: c.nonces[sender], GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op})
		if err != nil {
			return nil, fmt.Errorf("sign a transfer: %w", err)
		}
		c.nonces[sender]++
		list[i] = tx
	}
	return list, nil
}

// makeBlocks signs the transfers of blocks, to be executed in this order.
func (c *chain) makeBlocks(count, size int) ([][][]byte, error) {
	payloads := make([][][]byte, count)
	for i := range payloads {
		var err error
		if payloads[i], err = c.transfers(size); err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

// block puts transactions into a block on the parent.
func (c *chain) block(parent types.Hash, txs [][]byte) *types.Block {
	c.made++
	return &types.Block{Payload: txs, Header: types.Header{Genesis: genesisHash, Epoch: 1, View: c.made, Height: c.made, Parent: parent,
		TimestampMs: 1000 * c.made, PayloadRoot: types.ListRoot(txs), EvidenceRoot: types.ListRoot(nil)}}
}

// reading is a view that takes the time of reads, on the thread that makes them, and
// notes when the module asks for its first page.
type reading struct {
	*state.View
	took      time.Duration
	firstPage time.Duration // thread's clock
}

// ReadValues implements executor.Reader.
func (r *reading) ReadValues(dst []state.Row, addresses []state.Address) error {
	begin := threadCPU()
	err := r.View.ReadValues(dst, addresses)
	r.took += threadCPU() - begin
	return err
}

// ReadPages implements executor.Reader.
func (r *reading) ReadPages(dst [][]byte, ids []state.PageID) error {
	begin := threadCPU()
	if r.firstPage == 0 {
		r.firstPage = begin
	}
	err := r.View.ReadPages(dst, ids)
	r.took += threadCPU() - begin
	return err
}

// execute runs a block on its parent's state and keeps what it gave.
func (c *chain) execute(ctx context.Context, b *types.Block, r *reading) (*executor.Result, error) {
	result, err := c.try(ctx, b, r)
	if err != nil {
		return nil, err
	}
	return result, c.overlays.Add(result.Overlay)
}

// try runs a block on its parent's state; every transfer must succeed.
func (c *chain) try(ctx context.Context, b *types.Block, r *reading) (*executor.Result, error) {
	h := &b.Header
	view, err := c.overlays.View(state.BlockID(h.Parent))
	if err != nil {
		return nil, err
	}
	defer view.Close()
	r.View = view
	hash, id := c.module.Hash(), b.ID()
	result, err := c.module.Execute(ctx, r, &executor.Block{ID: state.BlockID(id), Parent: state.BlockID(h.Parent), Transactions: b.Payload,
		Context: &executorv1.Context{GenesisHash: genesisHash[:], Epoch: 1, Height: h.Height, View: h.View, TimestampMs: h.TimestampMs,
			ProposerIdentity: identity[:], GasLimit: blockGas, Engine: executor.EngineOne, ExecutorHash: hash[:]}})
	if err != nil {
		return nil, err
	}
	if !result.Success {
		return nil, fmt.Errorf("block %d failed: %s", h.Height, result.FailureReason)
	}
	for i := range result.Receipts {
		if code := result.Receipts[i].Code; code != 0 {
			return nil, fmt.Errorf("transfer %d of block %d has code %d", i, h.Height, code)
		}
	}
	return result, nil
}

// final is what the store keeps of an executed block.
func (c *chain) final(b *types.Block, result *executor.Result) storage.Final {
	o := types.Outcome{Height: b.Header.Height, Block: b.ID(), StateRoot: result.StateRoot, ReceiptsRoot: result.ReceiptsRoot,
		FailedRun: types.NoFailedRun, Parent: c.parent.Hash()}
	c.parent = o
	// A certificate's size, as of four validators with ed25519.
	cc := &types.CC{Epoch: 1, View: b.Header.View, Height: o.Height, Block: o.Block, Outcome: o, Commits: types.Aggregate{Signers: []byte{7}, Signature: make([]byte, 3*64)}}
	return storage.Final{Block: b, Outcome: o, Receipts: result.Receipts, Writes: result.Overlay.WriteSet(), Certificate: cc}
}

// commit stores a block, synced, and lets go of its overlay.
func (c *chain) commit(f storage.Final) error {
	if err := c.store.Commit([]storage.Final{f}); err != nil {
		return err
	}
	if err := c.overlays.Commit(state.BlockID(f.Outcome.Block)); err != nil {
		return err
	}
	_, err := c.store.Sync()
	return err
}
