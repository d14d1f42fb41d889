package engine

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// wallClock is the machine's clock, with a wall clock that can be moved.
type wallClock struct {
	origin time.Time
	moved  *atomic.Int64 // ms; nil: never
}

func (c wallClock) Now() consensus.Now {
	now := time.Now()
	wall := now.UnixMilli()
	if c.moved != nil {
		wall += c.moved.Load()
	}
	return consensus.Now{MonoMs: uint64(now.Sub(c.origin).Milliseconds()), WallMs: uint64(wall)}
}

func (c wallClock) After(mono uint64, f func()) func() {
	wait := time.Duration(mono)*time.Millisecond - time.Since(c.origin)
	timer := time.AfterFunc(max(0, wait), f)
	return func() { timer.Stop() }
}

// fakeExecutor hashes: the root after a block covers the root before and the
// payload. A payload that holds "diverge" gives each node another root.
type fakeExecutor struct {
	self  byte
	plans *plans // what transactions change of the epoch
	fault error  // answered once a payload holds "fault"
	// before, if set, is called before a block is executed.
	before func(ctx context.Context, height uint64)
}

func (x *fakeExecutor) Execute(ctx context.Context, epoch *types.Epoch, b *types.Block, parent *types.Outcome) (*Execution, error) {
	if x.before != nil {
		x.before(ctx, b.Header.Height)
	}
	out := &Execution{Block: b.ID(), Height: b.Header.Height, Success: true}
	seed := append([]byte(nil), parent.StateRoot[:]...)
	for _, tx := range b.Payload {
		switch {
		case bytes.HasPrefix(tx, []byte("diverge")):
			seed = append(seed, x.self)
		case bytes.HasPrefix(tx, []byte("fault")) && x.fault != nil:
			return nil, x.fault
		case bytes.HasPrefix(tx, []byte("fail block")):
			return &Execution{Block: b.ID(), Height: b.Header.Height, StateRoot: parent.StateRoot, ReceiptsRoot: types.ListRoot(nil)}, nil
		case bytes.HasPrefix(tx, []byte("migrate")):
			out.MoreWork = !bytes.HasPrefix(tx, []byte("migrate last"))
			out.EvidenceWaits = true
		}
		hash := types.TxHash(tx)
		seed = append(seed, hash[:]...)
		out.Receipts = append(out.Receipts, receipts.Receipt{TxHash: hash})
		if out.Change == nil {
			out.Change = x.plans.change(epoch, tx)
		}
	}
	out.StateRoot = types.SumHash(seed)
	out.ReceiptsRoot = b.Header.PayloadRoot
	return out, nil
}

func (x *fakeExecutor) Committed(types.Hash) error                  { return nil }
func (x *fakeExecutor) Drop([]types.Hash)                           {}
func (x *fakeExecutor) Prepare(context.Context, *types.Epoch) error { return nil }

// fakeVerifier refuses transactions that begin with "bad".
type fakeVerifier struct{}

func (fakeVerifier) Verify(_ context.Context, _ types.Hash, _ uint64, txs [][]byte) ([]uint64, string, error) {
	gas := make([]uint64, len(txs))
	for i, tx := range txs {
		if bytes.HasPrefix(tx, []byte("bad")) {
			return nil, "transaction is bad", nil
		}
		gas[i] = 1
	}
	return gas, "", nil
}

// fakePool is a list.
type fakePool struct {
	mu     sync.Mutex
	txs    [][]byte
	notify chan struct{}
	bad    bool // hands out a transaction that nobody accepts
}

func newFakePool() *fakePool { return &fakePool{notify: make(chan struct{}, 1)} }

func (p *fakePool) add(txs ...[]byte) {
	p.mu.Lock()
	p.txs = append(p.txs, txs...)
	p.mu.Unlock()
	select {
	case p.notify <- struct{}{}:
	default:
	}
}

func (p *fakePool) Build(_, _, _ uint64, exclude func(types.Hash) bool) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out [][]byte
	if p.bad {
		out = append(out, []byte("bad"))
	}
	for _, tx := range p.txs {
		if !exclude(types.TxHash(tx)) {
			out = append(out, tx)
		}
	}
	return out
}

func (p *fakePool) Waiting(height uint64, exclude func(types.Hash) bool) bool {
	return len(p.Build(0, 0, height, exclude)) > 0
}

func (p *fakePool) Notify() <-chan struct{} { return p.notify }

func (p *fakePool) Final(blocks []FinalBlock, _ *types.Epoch) {
	gone := map[types.Hash]bool{}
	for _, b := range blocks {
		for _, tx := range b.Block.Payload {
			gone[types.TxHash(tx)] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept [][]byte
	for _, tx := range p.txs {
		if !gone[types.TxHash(tx)] {
			kept = append(kept, tx)
		}
	}
	p.txs = kept
}

// fakeStore keeps what is final in memory; it outlives its engine, as a disk does.
type fakeStore struct {
	mu           sync.Mutex
	blocks       []*types.Block // by height; genesis has none
	outcomes     []types.Outcome
	certificates map[uint64]*types.CC
	epochs       map[uint64]*types.EpochStart
	progress     chan struct{}
	fail         error // of each sync from now on
	syncs        int
}

func newFakeStore(genesis types.Outcome, epoch types.Epoch) *fakeStore {
	return &fakeStore{blocks: []*types.Block{nil}, outcomes: []types.Outcome{genesis}, certificates: map[uint64]*types.CC{},
		epochs: map[uint64]*types.EpochStart{1: {Epoch: epoch}}, progress: make(chan struct{})}
}

func (s *fakeStore) Commit(blocks []FinalBlock, certificate *types.CC, starts []types.EpochStart) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range blocks {
		if b.Outcome.Height != uint64(len(s.blocks)) {
			return fmt.Errorf("block %d committed onto %d", b.Outcome.Height, len(s.blocks)-1)
		}
		s.blocks, s.outcomes = append(s.blocks, b.Block), append(s.outcomes, b.Outcome)
	}
	s.certificates[certificate.Outcome.Height] = certificate
	for i := range starts {
		s.epochs[starts[i].Epoch.Number] = &starts[i]
	}
	close(s.progress)
	s.progress = make(chan struct{})
	return nil
}

func (s *fakeStore) Sync() (uint64, error) {
	tip := s.Tip()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncs++
	if s.fail != nil {
		return 0, s.fail
	}
	return tip, nil
}

func (s *fakeStore) Floor() uint64 { return 1 }

func (s *fakeStore) Stopped(uint64) (*types.Outcome, error) { return nil, nil }

func (s *fakeStore) Tip() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.blocks) - 1)
}

func (s *fakeStore) Block(h uint64) (*types.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h >= uint64(len(s.blocks)) {
		return nil, fmt.Errorf("no block %d", h)
	}
	return s.blocks[h], nil
}

func (s *fakeStore) BlockByID(id types.Hash) (*types.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.blocks[1:] {
		if b.ID() == id {
			return b, nil
		}
	}
	return nil, fmt.Errorf("no block %s", id)
}

func (s *fakeStore) Outcome(h uint64) (*types.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h >= uint64(len(s.outcomes)) {
		return nil, fmt.Errorf("no outcome %d", h)
	}
	return &s.outcomes[h], nil
}

func (s *fakeStore) Certificate(h uint64) (*types.CC, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; h < uint64(len(s.blocks)); h++ {
		if c := s.certificates[h]; c != nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no certificate")
}

func (s *fakeStore) EpochStart(n uint64) (*types.EpochStart, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epochs[n], nil
}

func (s *fakeStore) KnownEvidence(hash types.Hash) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.blocks[1:] {
		for _, ev := range b.Evidence {
			held := bytes.Join(b.Payload, nil)
			if types.SumHash(ev) == hash && !bytes.Contains(held, []byte("fail block")) && !bytes.Contains(held, []byte("migrate")) {
				return true, nil
			}
		}
	}
	return false, nil
}

// waitHeight waits until the tip is at least h.
func (s *fakeStore) waitHeight(ctx context.Context, h uint64) error {
	for {
		s.mu.Lock()
		tip, progress := uint64(len(s.blocks)-1), s.progress
		s.mu.Unlock()
		if tip >= h {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return fmt.Errorf("tip %d, waited for %d: %w", tip, h, ctx.Err())
		}
	}
}

// fakeLog remembers the last record, as the vote log's two copies do.
type fakeLog struct {
	mu     sync.Mutex
	last   *types.SafetyState
	blocks map[types.Hash]*types.Block
	signed []types.SignedOutcome
	fail   error
}

func (l *fakeLog) Append(r votelog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	state := r.State
	l.last = &state
	if l.blocks == nil {
		l.blocks = map[types.Hash]*types.Block{}
	}
	for _, b := range r.Blocks {
		l.blocks[b.ID()] = b
	}
	l.signed = append(l.signed, r.Outcomes...)
	return nil
}

func (l *fakeLog) Final(uint64, types.Hash) {}
func (l *fakeLog) HeldBodyBytes() int64     { return 0 }

// fakeSigner signs and asserts that what it signs was recorded first.
type fakeSigner struct {
	sign  func([]byte) []byte
	self  types.Validator
	chain types.Hash

	mu       sync.Mutex
	recorded types.SafetyState
	early    []string        // what should not have been asked for
	signed   []types.Message // unsigned, as asked for
}

func (s *fakeSigner) Recorded(state types.SafetyState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded = state
}

func (s *fakeSigner) Sign(epoch *types.Epoch, m types.Message) (types.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := beyond(&s.recorded, epoch.Number, &m); why != "" {
		s.early = append(s.early, why)
	}
	// rule: instance-match
	if i, ok := epoch.IndexOfNetworkKey(s.self.NetworkKey); !ok || !bytes.Equal(epoch.Validators[i].ConsensusKey, s.self.ConsensusKey) {
		s.early = append(s.early, fmt.Sprintf("asked to sign in epoch %d, which does not pair its keys", epoch.Number))
	}
	s.signed = append(s.signed, m)
	signable, _, _, ok := signedPart(&m)
	if !ok {
		return m, fmt.Errorf("nothing to sign")
	}
	signature := s.sign(signable.SignBytes(types.Domain{Genesis: s.chain, Epoch: epoch.Number}))
	switch {
	case m.Proposal != nil:
		p := *m.Proposal
		p.Signature = signature
		m.Proposal = &p
	case m.Prepare != nil:
		p := *m.Prepare
		p.Signature = signature
		m.Prepare = &p
	case m.Commit != nil:
		p := *m.Commit
		p.Signature = signature
		m.Commit = &p
	case m.Timeout != nil:
		p := *m.Timeout
		p.Signature = signature
		m.Timeout = &p
	}
	return m, nil
}

// quiet observes nothing but what tests ask for.
type quiet struct {
	publish func(*types.CC) // nil: to nobody

	mu      sync.Mutex
	stopped []consensus.StopSigning
	alarms  []consensus.Alarm
	voted   map[[32]byte]uint64 // heights of the newest votes
}

func (q *quiet) Voted(validator [32]byte, v *types.SignedCommit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.voted == nil {
		q.voted = map[[32]byte]uint64{}
	}
	q.voted[validator] = max(q.voted[validator], v.Vote.Height)
}

// votedHeight is the newest height that a validator was seen to vote for.
func (q *quiet) votedHeight(validator [32]byte) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.voted[validator]
}

func (q *quiet) Final(_ []FinalBlock, cc *types.CC) {
	if q.publish != nil {
		q.publish(cc)
	}
}

func (*quiet) View(consensus.EnteredView)   {}
func (*quiet) Persisted(time.Duration)      {}
func (*quiet) Executed(time.Duration, int)  {}
func (*quiet) Verified(time.Duration, int)  {}
func (*quiet) Committed(time.Duration, int) {}

func (q *quiet) Alarm(a consensus.Alarm) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alarms = append(q.alarms, a)
}

func (q *quiet) Stopped(s consensus.StopSigning) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = append(q.stopped, s)
}
