package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wiring"
)

// Accounts is how many senders there are.
const Accounts = accounts

const accounts = 8

// txBytes: account u8, nonce u64, price u64.
const txBytes = 17

// codeSkipped is the code of a transaction whose nonce is not its account's.
const codeSkipped = 1

// ledger is the whole state: the next nonce of each account, and a hash of all that was
// executed.
type ledger struct {
	nonces [accounts]uint64
	digest types.Hash
}

// root is the state's root.
func (l ledger) root() types.Hash {
	b := make([]byte, 0, accounts*8+32)
	for _, n := range l.nonces {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return types.SumHash(append(b, l.digest[:]...))
}

// apply executes one transaction.
func (l *ledger) apply(tx []byte) (code uint32) {
	account, nonce := tx[0], binary.LittleEndian.Uint64(tx[1:])
	if l.nonces[account] != nonce {
		return codeSkipped
	}
	l.nonces[account]++
	l.digest = types.SumHash(append(l.digest[:], tx...))
	return 0
}

// Transfer is the transaction of an account and nonce, for a conduct that offers them.
func Transfer(account int, nonce uint64) []byte { return transfer(account, nonce) }

// transfer is the transaction of an account and nonce, always the same.
func transfer(account int, nonce uint64) []byte {
	tx := binary.LittleEndian.AppendUint64([]byte{byte(account)}, nonce)
	return binary.LittleEndian.AppendUint64(tx, 1+(uint64(account)*7+nonce*13)%50)
}

// epochEvery is how many transactions of the last account end an epoch.
const epochEvery = 5

// endsEpoch reports whether a transaction asks for the next epoch.
func endsEpoch(tx []byte) bool {
	return tx[0] == accounts-1 && binary.LittleEndian.Uint64(tx[1:])%epochEvery == epochEvery-1
}

// wellFormed says why bytes are no transaction; empty: they are.
func wellFormed(tx []byte) string {
	if len(tx) != txBytes || tx[0] >= accounts {
		return fmt.Sprintf("a transaction of %d bytes", len(tx))
	}
	return ""
}

// machine is the state machine of one node in one life. States above the last final
// block are forgotten with it.
type machine struct {
	on       task.Runtime
	slow     func() time.Duration // how long an execution takes
	base     ledger               // of the last final block
	block    types.Hash
	height   uint64
	above    map[types.Hash]executed
	verdicts *mempool.Verdicts
	next     func(*types.Epoch) *types.Epoch // nil: no epoch ends
	epoch    *types.Epoch                    // of the next block
}

type executed struct {
	height uint64
	state  ledger
}

var (
	_ engine.Executor  = (*machine)(nil)
	_ engine.Verifier  = (*machine)(nil)
	_ wiring.Tip       = (*machine)(nil)
	_ mempool.Verifier = poolMachine{}
	_ mempool.Checker  = poolMachine{}
	_ mempool.Sandbox  = poolMachine{}
)

// Epoch implements wiring.Tip.
func (m *machine) Epoch() *types.Epoch { return m.epoch }

// SetTip implements wiring.Tip.
func (m *machine) SetTip(_ *types.Header, epoch *types.Epoch) { m.epoch = epoch }

// Execute implements engine.Executor.
func (m *machine) Execute(ctx context.Context, epoch *types.Epoch, b *types.Block, parent *types.Outcome) (*engine.Execution, error) {
	if err := m.on.Sleep(ctx, m.slow()); err != nil {
		return nil, err
	}
	state := m.base
	if b.Header.Parent != m.block {
		before, ok := m.above[b.Header.Parent]
		if !ok {
			return nil, fmt.Errorf("%w: block %s at height %d, the state is of %s at %d", engine.ErrStateGone, b.Header.Parent, b.Header.Height-1, m.block, m.height)
		}
		state = before.state
	}
	if root := state.root(); root != parent.StateRoot {
		return nil, fmt.Errorf("state after block %s has root %s, its outcome says %s", b.Header.Parent, root, parent.StateRoot)
	}
	x := &engine.Execution{Block: b.ID(), Height: b.Header.Height, Success: true}
	var codes [][]byte
	for _, tx := range b.Payload {
		code := state.apply(tx)
		codes = append(codes, []byte{byte(code)})
		x.Receipts = append(x.Receipts, receipts.Receipt{TxHash: types.TxHash(tx), Code: code, GasUsed: 1})
		x.GasUsed++
		if code == 0 && m.next != nil && endsEpoch(tx) && x.Change == nil {
			x.Change = m.next(epoch)
		}
	}
	x.StateRoot, x.ReceiptsRoot = state.root(), types.ListRoot(codes)
	m.above[x.Block] = executed{height: x.Height, state: state}
	return x, nil
}

// Committed implements engine.Executor.
func (m *machine) Committed(block types.Hash) error {
	x, ok := m.above[block]
	if !ok {
		return fmt.Errorf("block %s was not executed here", block)
	}
	m.base, m.block, m.height = x.state, block, x.height
	for id, other := range m.above {
		if other.height <= x.height {
			delete(m.above, id)
		}
	}
	return nil
}

// Drop implements engine.Executor.
func (m *machine) Drop(ids []types.Hash) {
	for _, id := range ids {
		delete(m.above, id)
	}
}

// Prepare implements engine.Executor.
func (m *machine) Prepare(context.Context, *types.Epoch) error { return nil }

// Verify implements engine.Verifier.
func (m *machine) Verify(ctx context.Context, executor types.Hash, maxGas uint64, txs [][]byte) ([]uint64, string, error) {
	if len(txs) == 0 {
		return nil, "", nil
	}
	return mempool.VerifyBlock(ctx, m.on, poolMachine{m}, m.verdicts, executor, maxGas, txs, 2)
}

// poolMachine is the machine as the pool asks it.
type poolMachine struct{ *machine }

// Verify implements mempool.Verifier.
func (m poolMachine) Verify(_ context.Context, _ types.Hash, txs [][]byte) ([]mempool.Verdict, error) {
	out := make([]mempool.Verdict, len(txs))
	for i, tx := range txs {
		if why := wellFormed(tx); why != "" {
			out[i] = mempool.Verdict{Code: 1, Log: why}
			continue
		}
		out[i] = mempool.Verdict{GasLimit: 1, Sender: string(tx[:1]), Nonce: binary.LittleEndian.Uint64(tx[1:])}
	}
	return out, nil
}

// Check implements mempool.Checker.
func (m poolMachine) Check(_ context.Context, items []mempool.CheckItem) ([]mempool.CheckVerdict, error) {
	out := make([]mempool.CheckVerdict, len(items))
	for i := range items {
		tx := items[i].Tx
		v := mempool.CheckVerdict{Sender: string(tx[:1]), Nonce: binary.LittleEndian.Uint64(tx[1:]), AccountNonce: m.base.nonces[tx[0]],
			GasLimit: 1, GasPrice: binary.LittleEndian.Uint64(tx[9:]), MaxCost: mempool.Amount{Lo: 1}}
		if v.Nonce < v.AccountNonce {
			v.Code = codeSkipped
		}
		out[i] = v
	}
	return out, nil
}

// Try implements mempool.Sandbox: no block fails.
func (poolMachine) Try(context.Context, [][]byte) (bool, error) { return true, nil }
