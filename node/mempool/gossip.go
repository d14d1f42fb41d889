package mempool

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bedrock-bft/bedrock/node/task"
)

const (
	gossipDelay = 20 * time.Millisecond
	gossipBytes = 64 << 10
	// hearAgain is the time after which a client's transaction that is still not
	// final is passed on once more.
	hearAgain = 30 * time.Second
	// hearAgainMost bounds how many of those go at once.
	hearAgainMost = 512

	// MaxBatchTxs bounds the transactions of one gossiped batch.
	MaxBatchTxs = 4096
)

var errBatch = errors.New("malformed batch of transactions")

// batchField is the number of TransactionBatch.transactions in bedrock.p2p.v1.
const batchField = 1

// EncodeBatch is a bedrock.p2p.v1.TransactionBatch.
func EncodeBatch(txs [][]byte) []byte {
	size := 0
	for _, tx := range txs {
		size += protowire.SizeTag(batchField) + protowire.SizeBytes(len(tx))
	}
	b := make([]byte, 0, size)
	for _, tx := range txs {
		b = protowire.AppendTag(b, batchField, protowire.BytesType)
		b = protowire.AppendBytes(b, tx)
	}
	return b
}

// DecodeBatch reads what EncodeBatch wrote: nothing but 1 to MaxBatchTxs
// transactions, none empty. They share data's memory.
func DecodeBatch(data []byte) ([][]byte, error) {
	var txs [][]byte
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 || number != batchField || kind != protowire.BytesType {
			return nil, fmt.Errorf("%w: unexpected field behind transaction %d", errBatch, len(txs))
		}
		tx, m := protowire.ConsumeBytes(data[n:])
		if m < 0 || len(tx) == 0 {
			return nil, fmt.Errorf("%w: transaction %d is cut or empty", errBatch, len(txs))
		}
		if len(txs) == MaxBatchTxs {
			return nil, fmt.Errorf("%w: more than %d transactions", errBatch, MaxBatchTxs)
		}
		txs = append(txs, tx)
		data = data[n+m:]
	}
	if len(txs) == 0 {
		return nil, fmt.Errorf("%w: it is empty", errBatch)
	}
	return txs, nil
}

// passOn queues a transaction for gossip. Where the queue is full it is left out:
// it will be heard when unheard finds it again.
func (p *Pool) passOn(tx []byte) {
	if p.cfg.Broadcaster == nil {
		return
	}
	select {
	case p.outgoing <- tx:
	default:
		p.metrics.drop("out", "queue_full")
	}
}

// gossip passes batches on, closed after gossipDelay or gossipBytes.
func (p *Pool) gossip() {
	timer := p.tasks.Timer()
	defer timer.Stop()
	var tx []byte
	for {
		if task.Select2(p.tasks, task.Recv(p.outgoing, &tx), task.Done(p.ctx)) == 1 {
			return
		}
		batch, size := [][]byte{tx}, len(tx)
		timer.Reset(gossipDelay)
		for open := true; open && size < gossipBytes && len(batch) < MaxBatchTxs; {
			switch task.Select3(p.tasks, task.Recv(p.outgoing, &tx), task.Fired(timer), task.Done(p.ctx)) {
			case 0:
				batch, size = append(batch, tx), size+len(tx)
			case 1:
				open = false
			case 2:
				return
			}
		}
		p.cfg.Broadcaster.BroadcastTxs(batch)
	}
}

// unheard answers clients' transactions that were passed on long ago and are still
// here. The lock is held.
func (p *Pool) unheard(now time.Time) [][]byte {
	var again [][]byte
	for len(p.locals) > 0 && now.Sub(p.locals[0].added) >= hearAgain && len(again) < hearAgainMost {
		e := p.locals[0].e
		p.locals[0] = arrival{}
		p.locals = p.locals[1:]
		if e.lane == nil || e.held {
			continue
		}
		again = append(again, e.tx)
		p.locals = append(p.locals, arrival{e, now})
	}
	return again
}
