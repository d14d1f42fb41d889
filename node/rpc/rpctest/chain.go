package rpctest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Options shape a Chain. Zero stands for the default in brackets.
type Options struct {
	Validators       int            // [4]
	Scheme           types.SchemeID // [ed25519]
	CertificateEvery uint64         // heights whose certificate is kept, beside tip and epoch ends [1]
	Stateless        bool           // keep no state: for loads
	Refuse           func(tx []byte) *nodev1.SubmitResult
	State            map[string][]byte // further rows of genesis
	// KeyOf is the state key that a query's path names [path "key": the data].
	KeyOf func(path string, data []byte) []byte
}

// Chain is a chain in memory. Blocks are made by Commit.
type Chain struct {
	opt     Options
	genesis *genesis.Genesis
	scheme  types.Scheme

	mu      sync.Mutex
	keys    []types.PrivateKey // of the present set
	starts  []types.EpochStart
	heights []*height // 0 is genesis
	pool    [][]byte
	found   [][]byte // evidence for the next block
	fail    bool     // the next block fails
	pending map[types.Hash][]byte
	where   map[types.Hash]place
	ids     map[types.Hash]uint64
	view    uint64
	moved   chan struct{} // closed and replaced at each commit
	floor   uint64
}

type height struct {
	block    *types.Block
	outcome  types.Outcome
	cc       *types.CC
	receipts []receipts.Receipt
	state    *tree
}

type place struct {
	height uint64
	index  int
}

var _ rpc.Backend = (*Chain)(nil)

// New makes a chain of height 0. It panics where its own parts contradict each
// other: it is the tests' own.
func New(opt Options) *Chain {
	if opt.Validators == 0 {
		opt.Validators = 4
	}
	if opt.Scheme == 0 {
		opt.Scheme = types.SchemeEd25519
	}
	if opt.CertificateEvery == 0 {
		opt.CertificateEvery = 1
	}
	if opt.KeyOf == nil {
		opt.KeyOf = func(path string, data []byte) []byte {
			if path != "key" {
				return nil
			}
			return data
		}
	}
	scheme, err := types.SchemeByID(opt.Scheme)
	check(err)
	c := &Chain{opt: opt, scheme: scheme, pending: map[types.Hash][]byte{}, where: map[types.Hash]place{},
		ids: map[types.Hash]uint64{}, moved: make(chan struct{})}
	c.keys = c.makeKeys("genesis")
	doc := genesis.Document{
		AppState: json.RawMessage(`{}`), Block: genesis.Block{MaxBytes: 2 << 20, MaxGas: 1 << 40}, ChainID: "test-chain",
		Engine: 1, ExecutorHash: types.SumHash([]byte("module")), Scheme: scheme.Name(), TimeMs: 1_790_000_000_000,
		Timing: genesis.DevnetTiming(),
	}
	for i, k := range c.keys {
		network := sha256.Sum256(fmt.Appendf(nil, "network %d", i))
		doc.Validators = append(doc.Validators, genesis.Validator{
			ConsensusKey: k.Public(), Possession: k.Possession(), NetworkKey: network[:], Power: 10, Moniker: fmt.Sprintf("node%d", i),
		})
	}
	c.genesis, err = genesis.New(doc)
	check(err)
	c.starts = []types.EpochStart{{Epoch: c.genesis.Epoch()}}
	rows := map[string][]byte{"genesis": []byte("state")}
	maps.Copy(rows, opt.State)
	state := newTree(rows)
	c.heights = []*height{{outcome: c.genesis.Outcome(state.root), state: state}}
	return c
}

func (c *Chain) makeKeys(seed string) []types.PrivateKey {
	var keys []types.PrivateKey
	for i := 0; len(keys) < c.opt.Validators; i++ {
		secret := sha256.Sum256(fmt.Appendf(nil, "%s %d", seed, i))
		if key, err := c.scheme.PrivateKey(secret[:]); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// Document is the chain's genesis.
func (c *Chain) Document() *genesis.Genesis { return c.genesis }

// Add puts transactions into the pool, past Submit's checks.
func (c *Chain) Add(txs ...[]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tx := range txs {
		c.pool = append(c.pool, tx)
		c.pending[types.TxHash(tx)] = tx
	}
}

// AddEvidence puts evidence into the next block. Nobody judges it.
func (c *Chain) AddEvidence(evidence ...[]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = append(c.found, evidence...)
}

// Commit makes what waits final in one block (empty if nothing does) and answers
// its height.
func (c *Chain) Commit() uint64 { return c.commit(nil) }

// CommitFailed makes a failed block of what waits: it executes nothing, and all waits
// on.
func (c *Chain) CommitFailed() uint64 {
	c.mu.Lock()
	c.fail = true
	c.mu.Unlock()
	return c.commit(nil)
}

// CommitAndEndEpoch makes a block that ends its epoch: the next one has new keys.
func (c *Chain) CommitAndEndEpoch() uint64 {
	c.mu.Lock()
	last := c.starts[len(c.starts)-1].Epoch
	keys := c.makeKeys(fmt.Sprintf("epoch %d", last.Number+1))
	next := last
	next.Number++
	next.Validators = append([]types.Validator(nil), last.Validators...)
	for i, k := range keys {
		next.Validators[i].ConsensusKey, next.Validators[i].Possession = k.Public(), nil
	}
	c.mu.Unlock()
	h := c.commit(&next)
	c.mu.Lock()
	c.keys = keys
	c.mu.Unlock()
	return h
}

func (c *Chain) commit(next *types.Epoch) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	epoch := &c.starts[len(c.starts)-1].Epoch
	parent := c.heights[len(c.heights)-1]
	c.view++
	n := uint64(len(c.heights))
	h := &height{block: &types.Block{Payload: c.pool, Evidence: c.found}}
	c.pool, c.found = nil, nil
	failed := c.fail
	if c.fail = false; failed {
		c.pool = h.block.Payload
	}
	h.block.Header = types.Header{
		Genesis: c.genesis.Hash(), Epoch: epoch.Number, View: c.view, Height: n, Parent: parent.outcome.Block,
		TimestampMs: c.timeOf(n), PayloadRoot: types.ListRoot(h.block.Payload), EvidenceRoot: types.ListRoot(h.block.Evidence),
	}
	h.execute(parent, c.opt.Stateless, failed)
	for i := range h.receipts {
		hash := types.Hash(h.receipts[i].TxHash)
		delete(c.pending, hash)
		c.where[hash] = place{n, i}
	}
	h.outcome.Parent = parent.outcome.Hash()
	if next != nil {
		h.outcome.NextEpoch = next.Digest()
	}
	h.cc = c.certify(epoch, h)
	if parent.cc != nil && (n-1)%c.opt.CertificateEvery != 0 && !parent.outcome.EndsEpoch() {
		parent.cc = nil
	}
	if next != nil {
		c.starts = append(c.starts, types.EpochStart{Epoch: *next, Certificate: h.cc})
		c.view = 0
	}
	c.ids[h.outcome.Block] = n
	c.heights = append(c.heights, h)
	close(c.moved)
	c.moved = make(chan struct{})
	return n
}

// timeOf is the timestamp of a height's block, ms; of genesis for 0.
func (c *Chain) timeOf(height uint64) uint64 { return c.genesis.TimeMs + height*100 }

func (h *height) execute(parent *height, stateless, failed bool) {
	state := parent.state
	if !stateless && !failed {
		rows := maps.Clone(state.rows)
		for _, tx := range h.block.Payload {
			if !bytes.HasPrefix(tx, []byte("fail")) {
				hash := types.TxHash(tx)
				rows["tx/"+string(hash[:])] = tx
			}
		}
		state = newTree(rows)
	}
	h.state = state
	executed := h.block.Payload
	if failed {
		executed = nil
	}
	for _, tx := range executed {
		r := receipts.Receipt{TxHash: types.TxHash(tx), GasUsed: uint64(len(tx)), EventsRoot: receipts.NoneRoot}
		if bytes.HasPrefix(tx, []byte("fail")) {
			r.Code, r.Log = 1, "it was asked to fail"
		} else {
			r.Events = []receipts.Event{{Type: "put", Attributes: []receipts.Attribute{{Key: "bytes", Value: fmt.Append(nil, len(tx))}}}}
			r.EventsRoot = receipts.EventsRoot(r.Events)
		}
		h.receipts = append(h.receipts, r)
	}
	h.outcome = types.Outcome{
		Height: h.block.Header.Height, Block: h.block.Header.ID(), StateRoot: state.root,
		ReceiptsRoot: receipts.Root(h.receipts), FailedRun: types.NoFailedRun,
	}
}

// certify collects the votes of all but the last validator: a quorum.
func (c *Chain) certify(epoch *types.Epoch, h *height) *types.CC {
	set, err := types.NewValidatorSet(c.genesis.Hash(), *epoch, c.scheme)
	check(err)
	cc := &types.CC{Epoch: epoch.Number, View: c.view, Height: h.outcome.Height, Block: h.outcome.Block, Outcome: h.outcome}
	vote := types.Commit{View: cc.View, Height: cc.Height, Block: cc.Block, Outcome: h.outcome.Hash()}
	signers := len(c.keys)
	if signers > 3 {
		signers--
	}
	var indices []int
	var sigs [][]byte
	for i := range signers {
		indices = append(indices, i)
		sigs = append(sigs, c.keys[i].Sign(vote.SignBytes(set.Domain())))
	}
	cc.Commits, err = set.Aggregate(indices, sigs)
	check(err)
	return cc
}

// SetFloor makes heights below h answer as pruned.
func (c *Chain) SetFloor(h uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = h
}

// WaitPending returns once n transactions wait in the pool.
func (c *Chain) WaitPending(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		have, moved := len(c.pool), c.moved
		c.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d transactions wait: %w", have, n, ctx.Err())
		}
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
