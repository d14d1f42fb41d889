package mempool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// testTx is a transaction of the test ledger.
type testTx struct {
	sender     string
	nonce      uint64
	price      uint64
	cost       uint64
	gas        uint64
	validUntil uint64
	pad        int
	broken     bool // does not verify
	poison     bool // makes a block fail
	salt       byte
}

func (x testTx) bytes() []byte {
	var b []byte
	for _, v := range []uint64{x.nonce, x.price, x.cost, x.gas, x.validUntil} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	flags := byte(0)
	if x.broken {
		flags |= 1
	}
	if x.poison {
		flags |= 2
	}
	b = append(b, flags, x.salt, byte(len(x.sender)))
	b = append(b, x.sender...)
	return append(b, make([]byte, x.pad)...)
}

func (x testTx) hash() types.Hash { return types.TxHash(x.bytes()) }

func parseTx(b []byte) (x testTx, ok bool) {
	if len(b) < 43 || len(b) < 43+int(b[42]) {
		return x, false
	}
	n := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return testTx{nonce: n(0), price: n(1), cost: n(2), gas: n(3), validUntil: n(4),
		broken: b[40]&1 != 0, poison: b[40]&2 != 0, salt: b[41], sender: string(b[43 : 43+int(b[42])])}, true
}

const (
	codeBroken    = 3
	codeUnfunded  = 5
	codeMalform   = 9
	codeMigrating = 7
)

// ledger is a state machine for tests: Verifier, Checker and Sandbox.
type ledger struct {
	mu       sync.Mutex
	balance  map[string]uint64 // 1,000 where nothing is said
	nonce    map[string]uint64
	banned   types.Hash // executor that refuses odd salts
	verified int
	checks   int
	runs     int  // in the sandbox, of blocks that are not empty
	broken   bool // every block fails
	fault    error
	faults   int
	migrates bool   // check has no answer yet
	onCheck  func() // called in the middle of a check
}

func newLedger() *ledger {
	return &ledger{balance: map[string]uint64{}, nonce: map[string]uint64{}}
}

// Verify implements Verifier.
func (l *ledger) Verify(_ context.Context, executor types.Hash, txs [][]byte) ([]Verdict, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault != nil {
		l.faults++
		return nil, l.fault
	}
	var out []Verdict
	for _, b := range txs {
		l.verified++
		x, ok := parseTx(b)
		switch {
		case !ok:
			out = append(out, Verdict{Code: codeMalform, Log: "malformed"})
		case x.broken:
			out = append(out, Verdict{Code: codeBroken, Log: "bad signature"})
		case !executor.IsZero() && executor == l.banned && x.salt%2 == 1:
			out = append(out, Verdict{Code: codeMalform, Log: "no longer allowed"})
		default:
			out = append(out, Verdict{GasLimit: x.gas, Sender: x.sender, Nonce: x.nonce})
		}
	}
	return out, nil
}

func (l *ledger) funds(sender string) uint64 {
	if b, ok := l.balance[sender]; ok {
		return b
	}
	return 1000
}

// Check implements Checker.
func (l *ledger) Check(_ context.Context, items []CheckItem) ([]CheckVerdict, error) {
	l.mu.Lock()
	hook := l.onCheck
	l.onCheck = nil
	l.checks += len(items)
	var out []CheckVerdict
	for _, it := range items {
		x, _ := parseTx(it.Tx)
		v := CheckVerdict{Sender: x.sender, Nonce: x.nonce, AccountNonce: l.nonce[x.sender], GasLimit: x.gas,
			GasPrice: x.price, MaxCost: Amount{Lo: x.cost}, ValidUntil: x.validUntil}
		if sum := it.Queued.Add(v.MaxCost); sum.Cmp(Amount{Lo: l.funds(x.sender)}) > 0 {
			v.Code, v.Log = codeUnfunded, fmt.Sprintf("queued %d, balance %d", sum.Lo, l.funds(x.sender))
		}
		if x.nonce < v.AccountNonce {
			v.Code, v.Log = 2, "nonce"
		}
		if l.migrates {
			v = CheckVerdict{Code: codeMigrating, Later: true}
		}
		out = append(out, v)
	}
	fault := l.fault
	l.mu.Unlock()
	if hook != nil {
		hook()
	}
	return out, fault
}

// Try implements Sandbox: a poison fails the block if its nonce is reached.
func (l *ledger) Try(_ context.Context, txs [][]byte) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return false, nil
	}
	if len(txs) == 0 {
		return true, nil
	}
	l.runs++
	nonces := map[string]uint64{}
	for _, b := range txs {
		x, _ := parseTx(b)
		next, ok := nonces[x.sender]
		if !ok {
			next = l.nonce[x.sender]
		}
		if x.nonce != next {
			continue
		}
		if x.poison {
			return false, nil
		}
		nonces[x.sender] = next + 1
	}
	return true, nil
}

// execute applies transactions as a block and answers what to tell the pool.
func (l *ledger) execute(txs ...testTx) []TxResult {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []TxResult
	for _, x := range txs {
		r := TxResult{Hash: x.hash(), Sender: x.sender, Nonce: x.nonce}
		if x.nonce != l.nonce[x.sender] || x.cost > l.funds(x.sender) {
			r.Code = 1 // skipped
		} else {
			l.nonce[x.sender]++
			l.balance[x.sender] = l.funds(x.sender) - x.cost
		}
		out = append(out, r)
	}
	return out
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type fixture struct {
	*Pool
	ledger *ledger
	clock  *clock
	t      testing.TB
}

func newFixture(t testing.TB, edit func(*Config)) *fixture {
	t.Helper()
	l, c := newLedger(), &clock{now: time.Unix(1000, 0)}
	cfg := Config{Verifier: l, Checker: l, Sandbox: l, Executor: types.Hash{1}, Height: 10, Workers: 1, Now: c.Now}
	if edit != nil {
		edit(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return &fixture{p, l, c, t}
}

func (f *fixture) add(txs ...testTx) []Result {
	f.t.Helper()
	var raw [][]byte
	for _, x := range txs {
		raw = append(raw, x.bytes())
	}
	results, err := f.AddBatch(f.t.Context(), raw, Local)
	if err != nil {
		f.t.Fatal(err)
	}
	return results
}

// mustAdd adds and wants all of them accepted.
func (f *fixture) mustAdd(txs ...testTx) {
	f.t.Helper()
	for i, r := range f.add(txs...) {
		if r.Status != Accepted {
			f.t.Fatalf("transaction %d: %+v", i, r)
		}
	}
}

func (f *fixture) commit(info CommitInfo) {
	f.t.Helper()
	if info.Height == 0 {
		info.Height = f.height() + 1
	}
	f.Committed(info)
	f.flush()
}

func (f *fixture) height() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.book.height
}

func (f *fixture) flush() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 30*time.Second)
	defer cancel()
	if err := f.Flush(ctx); err != nil {
		f.t.Fatal(err)
	}
}

// build answers what a block of the given limits holds.
func (f *fixture) build(limits BuildLimits) []testTx {
	if limits.MaxBytes == 0 {
		limits.MaxBytes = 1 << 30
	}
	if limits.MaxGas == 0 {
		limits.MaxGas = 1 << 40
	}
	var out []testTx
	for _, b := range f.Build(limits) {
		x, _ := parseTx(b)
		out = append(out, x)
	}
	return out
}

var errFault = errors.New("disk on fire")
