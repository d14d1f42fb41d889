package executor

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/memstate"
	"github.com/bedrock-bft/bedrock/executor/state"
)

// ledgerGas is the gas limit of test blocks, ample for 10,000 transfers.
const ledgerGas = 1_000_000_000

var ledgerGenesis = [32]byte{0x42}

// ledger is a chain of the canonical module, state and pages in memory.
type ledger struct {
	module   *Module
	base     *memstate.State
	overlays *state.Overlays
	senders  []ed25519.PrivateKey
	accounts [][32]byte // addresses, senders' first
	nonces   []uint64
	genesis  [32]byte
	identity [32]byte // of the proposer
	gas      uint64
	turn     int // of the senders
}

// canonicalModules holds what was compiled already, by engine.
var canonicalModules sync.Map

// canonical is the canonical module, compiled once for each engine.
func canonical(t testing.TB, engine *Engine) *Module {
	t.Helper()
	if module, ok := canonicalModules.Load(engine); ok {
		return module.(*Module)
	}
	wasm, err := Canonical()
	if err != nil {
		t.Fatal(err)
	}
	module, err := engine.Load(wasm)
	if err != nil {
		t.Fatal(err)
	}
	canonicalModules.Store(engine, module)
	return module
}

// newLedger makes a genesis of that many accounts, the first of which can send.
func newLedger(t testing.TB, module *Module, senders, accounts int) *ledger {
	t.Helper()
	l := &ledger{module: module, base: memstate.New(), nonces: make([]uint64, senders), genesis: ledgerGenesis, identity: [32]byte{0x77}, gas: ledgerGas}
	var members bytes.Buffer
	for i := range accounts {
		seed := sha256.Sum256(fmt.Appendf(nil, "account %d", i))
		address := seed
		if i < senders {
			key := ed25519.NewKeyFromSeed(seed[:])
			l.senders = append(l.senders, key)
			address = sha256.Sum256(key.Public().(ed25519.PublicKey))
		}
		l.accounts = append(l.accounts, address)
		if i > 0 {
			members.WriteByte(',')
		}
		fmt.Fprintf(&members, `{"address":%q,"balance":"1000000000000"}`, bech32m("bed", address[:]))
	}
	hash := module.Hash()
	request := &executorv1.GenesisRequest{
		GenesisHash: ledgerGenesis[:], ChainId: "test",
		Epoch: &executorv1.EpochParams{
			Validators:   []*executorv1.Validator{{ConsensusKey: bytes.Repeat([]byte{1}, 32), NetworkKey: bytes.Repeat([]byte{0x77}, 32), Power: 1}},
			ExecutorHash: hash[:], Engine: EngineOne, MaxBlockBytes: 16 << 20, MaxBlockGas: ledgerGas,
		},
		AppState: fmt.Appendf(nil, `{"accounts":[%s]}`, members.Bytes()),
	}
	result, err := module.Genesis(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	set := result.Overlay.WriteSet()
	if err := l.base.Apply(set); err != nil {
		t.Fatal(err)
	}
	l.overlays = state.NewOverlays(l.base, set.Block, set.After, nil)
	return l
}

// transfer is a signed transfer of one unit.
func (l *ledger) transfer(sender int, to [32]byte) []byte {
	key := l.senders[sender]
	body := append([]byte{byte(len("bedrock/tx/1"))}, "bedrock/tx/1"...)
	body = append(body, ledgerGenesis[:]...)
	body = append(body, key.Public().(ed25519.PublicKey)...)
	for _, number := range []uint64{l.nonces[sender], 100_000, 1, 0} {
		body = binary.LittleEndian.AppendUint64(body, number)
	}
	body = append(body, 1)
	body = append(body, to[:]...)
	body = append(body, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	l.nonces[sender]++
	return signed(key, body)
}

func signed(key ed25519.PrivateKey, body []byte) []byte {
	transaction := append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
	transaction = append(transaction, 1)
	return append(transaction, ed25519.Sign(key, body)...)
}

// transfers are of all senders in turn to random accounts.
func (l *ledger) transfers(rng *rand.Rand, count int) [][]byte {
	list := make([][]byte, count)
	for i := range list {
		list[i] = l.transfer(l.turn%len(l.senders), l.accounts[rng.IntN(len(l.accounts))])
		l.turn++
	}
	return list
}

// next is a block on the given state.
func (l *ledger) next(parent state.BlockID, ref state.Ref, transactions [][]byte) *Block {
	hash := l.module.Hash()
	id := state.BlockID(sha256.Sum256(fmt.Appendf(nil, "block %d on %x", ref.Height+1, parent)))
	return &Block{
		ID: id, Parent: parent, Transactions: transactions,
		Context: &executorv1.Context{
			GenesisHash: l.genesis[:], Epoch: 1, Height: ref.Height + 1, View: ref.Height + 1, TimestampMs: 1000 * ref.Height,
			ProposerIdentity: l.identity[:], GasLimit: l.gas, Engine: EngineOne, ExecutorHash: hash[:],
		},
	}
}

func (l *ledger) view(t testing.TB, block state.BlockID) *state.View {
	t.Helper()
	view, err := l.overlays.View(block)
	if err != nil {
		t.Fatal(err)
	}
	return view
}

// execute runs a block on the tip and leaves it uncommitted.
func (l *ledger) execute(t testing.TB, parent state.BlockID, transactions [][]byte) *Result {
	t.Helper()
	view := l.view(t, parent)
	defer view.Close()
	result, err := l.module.Execute(context.Background(), view, l.next(parent, view.Ref(), transactions))
	if err != nil {
		t.Fatal(err)
	}
	if !result.Success {
		t.Fatalf("failed block: %s", result.FailureReason)
	}
	return result
}

func (l *ledger) add(t testing.TB, result *Result) state.BlockID {
	t.Helper()
	if err := l.overlays.Add(result.Overlay); err != nil {
		t.Fatal(err)
	}
	return result.Overlay.Block()
}

func (l *ledger) commit(t testing.TB, block state.BlockID) {
	t.Helper()
	set, err := l.overlays.WriteSet(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.base.Apply(set); err != nil {
		t.Fatal(err)
	}
	if err := l.overlays.Commit(block); err != nil {
		t.Fatal(err)
	}
}

// bech32m writes an address as people see it (BIP 350).
func bech32m(prefix string, data []byte) string {
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	var groups []byte
	value, bits := 0, 0
	for _, b := range data {
		value, bits = value<<8|int(b), bits+8
		for bits >= 5 {
			bits -= 5
			groups = append(groups, byte(value>>bits&31))
		}
		value &= 1<<bits - 1
	}
	if bits > 0 {
		groups = append(groups, byte(value<<(5-bits)&31))
	}
	checksum := uint32(1)
	step := func(v byte) {
		top := checksum >> 25
		checksum = (checksum&0x1ffffff)<<5 ^ uint32(v)
		for i, generator := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				checksum ^= generator
			}
		}
	}
	for i := range len(prefix) {
		step(prefix[i] >> 5)
	}
	step(0)
	for i := range len(prefix) {
		step(prefix[i] & 31)
	}
	for _, group := range groups {
		step(group)
	}
	for range 6 {
		step(0)
	}
	checksum ^= 0x2bc830a3
	text := []byte(prefix + "1")
	for _, group := range groups {
		text = append(text, alphabet[group])
	}
	for i := range 6 {
		text = append(text, alphabet[checksum>>(5*(5-i))&31])
	}
	return string(text)
}
