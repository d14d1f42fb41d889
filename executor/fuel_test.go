package executor

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// operation signs a transaction of that operation (docs/encodings.md, Ledger
// transactions), its nonce ahead of the next by skew.
func (l *ledger) operation(sender int, skew uint64, operation []byte) []byte {
	key := l.senders[sender]
	body := append([]byte{byte(len("bedrock/tx/1"))}, "bedrock/tx/1"...)
	body = append(append(body, l.genesis[:]...), key.Public().(ed25519.PublicKey)...)
	for _, number := range []uint64{l.nonces[sender] + skew, 50_000_000, 1, 0} {
		body = binary.LittleEndian.AppendUint64(body, number)
	}
	if skew == 0 {
		l.nonces[sender]++
	}
	return signed(key, append(body, operation...))
}

// batchOf pays an amount to 1,000 accounts that only this sender names.
func batchOf(sender int, amount uint64) []byte {
	operation := binary.LittleEndian.AppendUint32([]byte{2}, 1000)
	for i := range 1000 {
		to := sha256.Sum256(fmt.Appendf(nil, "recipient %d of %d", i, sender))
		operation = binary.LittleEndian.AppendUint64(append(operation, to[:]...), amount)
		operation = append(operation, make([]byte, 8)...)
	}
	return operation
}

func recordOf(length int) []byte {
	operation := append(binary.LittleEndian.AppendUint32([]byte{3}, 3), "key"...)
	operation = binary.LittleEndian.AppendUint32(operation, uint32(length))
	return append(operation, make([]byte, length)...)
}

func deleteOf() []byte { return append(binary.LittleEndian.AppendUint32([]byte{4}, 3), "key"...) }

// Every honest block has at least 16 times the fuel that it takes, from its gas and
// its bytes alone, whatever its transactions are and if they fail. The tree is
// small here. On 1,000,000 accounts a row takes three times the hashes, and the
// dearest full block, 65 batches of 1,000 recipients, took 7.8 units of fuel for
// one of gas: the price of gas cannot fall.
func TestFuelLeavesRoom(t *testing.T) {
	const count = 20
	l := newLedger(t, canonical(t, testEngine(t)), 500, 20_000)
	limits := l.module.Engine().Limits().Fuel
	tip, _ := l.overlays.Committed()
	idle := l.execute(t, tip, nil).Usage.Fuel
	if idle*16 > limits.Base {
		t.Errorf("an empty block takes fuel %d, every call has %d, want at least 16 times", idle, limits.Base)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	each := func(skew uint64, operation func(sender int) []byte) func() [][]byte {
		return func() [][]byte {
			list := make([][]byte, count)
			for i := range list {
				list[i] = l.operation(i, skew, operation(i))
			}
			return list
		}
	}
	record := func(length int) func(int) []byte { return func(int) []byte { return recordOf(length) } }
	// In this order: records are written before they are deleted.
	for _, c := range []struct {
		name string
		code uint32
		next func() [][]byte
	}{
		{"transfers", 0, func() [][]byte { return l.transfers(rng, 5_000) }},
		{"batches", 0, each(0, func(i int) []byte { return batchOf(i, 1) })},
		{"batches again", 0, each(0, func(i int) []byte { return batchOf(i, 1) })},
		{"batches above the balance", 21, each(0, func(i int) []byte { return batchOf(i, 1<<40) })},
		{"batches of a wrong nonce", 10, each(1, func(i int) []byte { return batchOf(i, 1) })},
		{"small records", 0, each(0, record(0))},
		{"long records", 0, each(0, record(4_000))},
		{"records that shrink", 0, each(0, record(1))},
		{"records that grow", 0, each(0, record(4_000))},
		{"deletions", 0, each(0, func(int) []byte { return deleteOf() })},
		{"deletions of nothing", 22, each(0, func(int) []byte { return deleteOf() })},
	} {
		transactions := c.next()
		result := l.execute(t, tip, transactions)
		tip = l.add(t, result)
		l.commit(t, tip)
		length := 0
		for _, transaction := range transactions {
			length += len(transaction)
		}
		used := result.Usage.Fuel - idle
		allowed := limits.of(0, [2]uint64{result.GasUsed, limits.Gas}, [2]uint64{uint64(length), limits.Byte})
		if used*16 > allowed {
			t.Errorf("%s: fuel %d for gas %d and %d bytes, allowed is %d, want at least 16 times", c.name, used, result.GasUsed, length, allowed)
		}
		if code := result.Receipts[0].Code; code != c.code {
			t.Errorf("%s: code %d, want %d: this is not the block that it says", c.name, code, c.code)
		}
	}
}

// A batch that fails costs most: each signature is then verified alone.
func TestVerifyFuelLeavesRoom(t *testing.T) {
	l := newLedger(t, canonical(t, testEngine(t)), 500, 2_000)
	limits := l.module.Engine().Limits().Fuel
	transactions := l.transfers(rand.New(rand.NewPCG(1, 2)), 512)
	for i := range transactions {
		transactions[i][len(transactions[i])-1] ^= 1
	}
	for _, count := range []int{1, 2, 256, 512} {
		used := verifyFuel(t, l.module, transactions[:count])
		if allowed := uint64(count) * limits.Verify; used*16 > allowed {
			t.Errorf("verify: fuel %d for %d transactions, allowed is %d, want at least 16 times", used, count, allowed)
		}
	}
}

func verifyFuel(t testing.TB, m *Module, transactions [][]byte) uint64 {
	t.Helper()
	c := &call{}
	request := appendVerifyRequest(nil, ledgerGenesis, transactions)
	if err := m.run(c, "verify", request, 1<<50, func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return c.usage.Fuel
}
