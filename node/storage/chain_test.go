package storage

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/executor/state"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

var testGenesis = types.SumHash([]byte("genesis of the tests"))

// chain makes final blocks with random writes, and remembers what each height
// must read as. Every block is a function of the seed and its height.
type chain struct {
	seed     uint64
	keys     int
	epoch    types.Epoch
	genesis  Genesis
	finals   []Final                    // [i] is height i+1
	values   []map[state.Address][]byte // [h]: everything present after height h
	pages    []map[state.PageID][]byte  // [h]: every page that the state after h reads
	rawKeys  map[state.Address][]byte
	txBytes  int
	perBlock int
}

func newChain(seed uint64, keys int) *chain {
	c := &chain{seed: seed, keys: keys, rawKeys: make(map[state.Address][]byte), txBytes: 100, perBlock: 20}
	c.epoch = types.Epoch{
		Number: 1, Scheme: types.SchemeEd25519, MaxBytes: 1 << 20, MaxGas: 1 << 30,
		Validators: []types.Validator{{ConsensusKey: make([]byte, 32), Power: 1}},
	}
	for i := range keys {
		a, raw := c.address(i)
		c.rawKeys[a] = raw
	}
	writes := c.writes(0, nil)
	c.genesis = Genesis{
		Outcome: types.Outcome{
			Block: testGenesis, StateRoot: types.Hash(writes.After.Root), ReceiptsRoot: receipts.NoneRoot,
			NextEpoch: c.epoch.Digest(), FailedRun: types.NoFailedRun,
		},
		Writes: writes, Epoch: c.epoch,
	}
	return c
}

func (c *chain) address(i int) (state.Address, []byte) {
	raw := fmt.Appendf(nil, "key/%d/%s", i, string(make([]byte, i%7)))
	address := state.Address(sha256.Sum256(raw))
	return address, raw
}

// writes makes a height's write set: some rows, some deletions, the root page and
// one page below it, each making its predecessor stale.
func (c *chain) writes(height uint64, rng *rand.Rand) *state.WriteSet {
	present := make(map[state.Address][]byte)
	pages := make(map[state.PageID][]byte)
	if height > 0 {
		for a, v := range c.values[height-1] {
			present[a] = v
		}
		for id, p := range c.pages[height-1] {
			pages[id] = p
		}
	}
	w := &state.WriteSet{After: state.Ref{Height: height, TreeVersion: height}}
	chosen := make(map[int]bool)
	count := c.keys / 2
	if rng != nil {
		count = min(c.perBlock, c.keys)
	}
	for i := range count {
		if rng != nil {
			i = rng.IntN(c.keys)
		}
		if chosen[i] {
			continue
		}
		chosen[i] = true
		address, raw := c.address(i)
		v := state.ValueWrite{Address: address, Key: raw}
		if rng != nil && rng.IntN(5) == 0 {
			v.Tombstone = true
			delete(present, address)
		} else {
			v.Value = fmt.Appendf(nil, "value of %d at %d %s", i, height, string(make([]byte, i%50)))
			present[address] = v.Value
		}
		w.Values = append(w.Values, v)
	}
	for _, path := range []state.Path{{}, {Len: 1, Bits: [32]byte{byte(height%4) << 4}}} {
		for id := range pages {
			if id.Path == path {
				w.Stale = append(w.Stale, id)
				delete(pages, id)
			}
		}
		page := fmt.Appendf(nil, "page %s of %d, seed %d", path, height, c.seed)
		w.Pages = append(w.Pages, state.PageWrite{Path: path, Page: page})
		pages[state.PageID{Version: height, Path: path}] = page
	}
	w.After.Root = types.SumHash(w.Pages[0].Page)
	c.values = append(c.values, present)
	c.pages = append(c.pages, pages)
	return w
}

// grow makes the blocks up to a height.
func (c *chain) grow(height uint64) {
	for h := uint64(len(c.finals)) + 1; h <= height; h++ {
		c.finals = append(c.finals, c.block(h))
	}
}

func (c *chain) parent(height uint64) (types.Hash, *types.Outcome) {
	if height == 1 {
		return testGenesis, &c.genesis.Outcome
	}
	f := &c.finals[height-2]
	return f.Block.ID(), &f.Outcome
}

func (c *chain) block(height uint64) Final {
	rng := rand.New(rand.NewPCG(c.seed, height))
	parent, outcome := c.parent(height)
	b := &types.Block{Header: types.Header{
		Genesis: testGenesis, Epoch: c.epoch.Number, View: height, Height: height, Parent: parent, TimestampMs: height,
	}}
	f := Final{Block: b}
	for i := range 1 + rng.IntN(4) {
		tx := make([]byte, c.txBytes)
		binary.LittleEndian.PutUint64(tx, height)
		tx[8] = byte(i)
		b.Payload = append(b.Payload, tx)
		r := receipts.Receipt{TxHash: types.TxHash(tx), Code: uint32(i % 2), GasUsed: height, EventsRoot: receipts.NoneRoot, Log: "log"}
		if i == 0 {
			r.Events = []receipts.Event{{Type: "sent", Attributes: []receipts.Attribute{{Key: "height", Value: []byte{byte(height)}}}}}
			r.EventsRoot = receipts.EventsRoot(r.Events)
		}
		f.Receipts = append(f.Receipts, r)
	}
	if height%5 == 0 {
		piece := fmt.Appendf(nil, "evidence %d", height)
		b.Evidence = [][]byte{piece}
		f.EvidenceHashes = []types.Hash{types.SumHash(piece)}
	}
	b.Header.PayloadRoot, b.Header.EvidenceRoot = types.ListRoot(b.Payload), types.ListRoot(b.Evidence)
	f.Writes = c.writes(height, rng)
	f.Writes.Block = b.ID()
	f.Outcome = types.Outcome{
		Height: height, Block: b.ID(), StateRoot: types.Hash(f.Writes.After.Root),
		ReceiptsRoot: types.Hash(receipts.Root(f.Receipts)), FailedRun: types.NoFailedRun, Parent: outcome.Hash(),
	}
	if height%50 == 0 {
		c.epoch.Number++
		next := c.epoch
		f.NextEpoch = &next
		f.Outcome.NextEpoch = next.Digest()
	}
	f.Certificate = &types.CC{
		Epoch: b.Header.Epoch, View: height, Height: height, Block: b.ID(), Outcome: f.Outcome,
		Commits: types.Aggregate{Signers: []byte{1}, Signature: make([]byte, 64)},
	}
	return f
}

// batch are the blocks from from to to, the last one alone with a certificate.
func (c *chain) batch(from, to uint64) []Final {
	c.grow(to)
	list := append([]Final(nil), c.finals[from-1:to]...)
	for i := range list[:len(list)-1] {
		list[i].Certificate = nil
	}
	return list
}

func (c *chain) addresses() []state.Address {
	list := make([]state.Address, 0, c.keys+1)
	for i := range c.keys {
		a, _ := c.address(i)
		list = append(list, a)
	}
	return append(list, state.Address{1, 2, 3}) // never written
}

// testOptions are small sizes on whatever file system the tests run.
func testOptions() Options {
	return Options{
		Genesis: testGenesis, AllowUnsafeFileSystem: true, BallastBytes: -1,
		BlockCacheBytes: 1 << 20, WriteBufferBytes: 1 << 20,
		CheckRoot: func(root types.Hash, page []byte) error {
			if types.SumHash(page) != root {
				return fmt.Errorf("root page %q does not hash to %s", page, root)
			}
			return nil
		},
	}
}

func openStore(t testing.TB, dir string, opt Options) *Store {
	t.Helper()
	s, err := Open(dir, opt)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() }) // tests that care close it themselves
	return s
}

// filled is a store with genesis and the blocks up to a height, one batch each.
func filled(t testing.TB, c *chain, height uint64) *Store {
	t.Helper()
	s := openStore(t, t.TempDir(), testOptions())
	c.fill(t, s, height)
	return s
}

func (c *chain) fill(t testing.TB, s *Store, height uint64) {
	t.Helper()
	if s.Empty() {
		if err := s.CommitGenesis(c.genesis); err != nil {
			t.Fatalf("genesis: %v", err)
		}
	}
	for h := s.Tip() + 1; h <= height; h++ {
		if err := s.Commit(c.batch(h, h)); err != nil {
			t.Fatalf("commit %d: %v", h, err)
		}
	}
}

type (
	receiptT = receipts.Receipt
	pageID   = state.PageID
)

func encodeBlockOf(c *chain, height uint64) []byte {
	return wire.EncodeBlock(c.finals[height-1].Block)
}
