package chaos_test

import (
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// submit sends transactions to a node, and answers what the pool said of each.
func (c *cluster) submit(node int, txs ...[]byte) []*nodev1.SubmitResult {
	c.Helper()
	res, err := c.Clients[node].RPC().SubmitBatch(c.Context(), connect.NewRequest(&nodev1.SubmitBatchRequest{Transactions: txs}))
	if err != nil {
		c.Fatalf("submit %d transactions to node%d: %v", len(txs), node, err)
	}
	out := make([]*nodev1.SubmitResult, len(txs))
	for _, r := range res.Msg.Results {
		out[r.Index] = r.Result
	}
	return out
}

// executed waits until transactions are executed in final blocks.
func (c *cluster) executed(w *fleet.Told, txs ...[]byte) {
	c.Helper()
	for _, tx := range txs {
		done := w.Await(types.TxHash(tx))
		c.Wait(fmt.Sprintf("transaction %q is executed", tx), func() (bool, string) {
			select {
			case <-done:
				return true, ""
			default:
			}
			height, _ := w.Count()
			return false, fmt.Sprintf("height %d, failed blocks %v", height, w.FailedBlocks())
		})
	}
}

// A transaction that makes the module loop, trap, exhaust its memory or overflow
// its stack fails the block that it is in, on all nodes the same, and no other:
// the chain goes on, what was beside it is executed later, and sending it again
// changes nothing. (The loop with -loop; executor's own tests hold it too.)
func TestPoisonFailsOneBlock(t *testing.T) {
	seeded(t)
	c := newCluster(t, devnet.Options{Module: writePoisonModule(t), InitArgs: []string{"--max-block-gas", "1000000", "--accounts", "1000"}})
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	c.executedOn(w, "before", 0)
	if failed := w.FailedBlocks(); len(failed) != 0 {
		t.Fatalf("blocks %v failed without a poison", failed)
	}
	kinds := []string{"Trap", "Stack", "Memory"}
	if *loopFlag {
		kinds = append(kinds, "Loop")
	}
	for k, kind := range kinds {
		began := time.Now()
		poison := fmt.Appendf(nil, "%s %d", kind, *seedFlag)
		var beside [][]byte
		for i := range 6 {
			beside = append(beside, fmt.Appendf(nil, "beside %s %d %d", kind, i, *seedFlag))
		}
		c.submit(k%4, append(append(beside[:3:3], poison), beside[3:]...)...)
		c.executed(w, beside...)
		failed := w.FailedBlocks()
		if len(failed) != k+1 {
			t.Fatalf("%s: blocks %v failed, want one more than before (%d)", kind, failed, k)
		}
		words := map[string]int{}
		for i := range 100 {
			r := c.submit(i%4, poison)[0]
			words[r.Status.String()+" "+r.Reason]++
		}
		c.executedOn(w, kind, k)
		if again := w.FailedBlocks(); len(again) != k+1 {
			t.Errorf("%s sent 100 times more failed blocks %v", kind, again[k+1:])
		}
		c.failedEverywhere(failed[k], poison)
		t.Logf("%s: block %d failed, all else executed after %s; 100 times more: %v", kind, failed[k], time.Since(began).Round(time.Millisecond), words)
	}
	w.Hold(1, c.All()...)
	c.NoConflict()
	for _, i := range c.All() {
		if got := c.Metrics(i, "bedrock_chain_failed_blocks_total")["bedrock_chain_failed_blocks_total"]; int(got) != len(kinds) {
			t.Errorf("node%d counts %g failed blocks, want %d", i, got, len(kinds))
		}
	}
}

// executedOn has a transaction sent to each node executed.
func (c *cluster) executedOn(w *fleet.Told, name string, k int) {
	c.Helper()
	for _, i := range c.All() {
		tx := fmt.Appendf(nil, "at node%d %s %d %d", i, name, k, *seedFlag)
		c.submit(i, tx)
		c.executed(w, tx)
	}
}

// failedEverywhere holds that every node has a block as failed: no receipts, and
// its poison not final.
func (c *cluster) failedEverywhere(height uint64, poison []byte) {
	c.Helper()
	hash := types.TxHash(poison)
	var root []byte
	for _, i := range c.All() {
		c.WaitHeight(height+1, i)
		rpc := c.Clients[i].RPC()
		res, err := rpc.GetReceipts(c.Context(), connect.NewRequest(&nodev1.GetReceiptsRequest{Height: height}))
		if err != nil || len(res.Msg.Receipts) != 0 {
			c.Errorf("receipts of the failed block %d at node%d: %v, %v", height, i, res, err)
		}
		tx, err := rpc.GetTransaction(c.Context(), connect.NewRequest(&nodev1.GetTransactionRequest{TxHash: hash[:]}))
		if err == nil && tx.Msg.State == nodev1.TransactionState_TRANSACTION_STATE_FINAL {
			c.Errorf("node%d says that the poison is final: %v", i, tx.Msg)
		}
		out, err := rpc.ListOutcomes(c.Context(), connect.NewRequest(&nodev1.ListOutcomesRequest{From: height - 1, Limit: 2}))
		if err != nil || len(out.Msg.Outcomes) != 2 {
			c.Fatalf("outcomes of node%d: %v", i, err)
		}
		parent, failed := out.Msg.Outcomes[0], out.Msg.Outcomes[1]
		if string(parent.StateRoot) != string(failed.StateRoot) {
			c.Errorf("node%d: the failed block %d changed the state root", i, height)
		}
		if root != nil && string(root) != string(failed.StateRoot) {
			c.Errorf("node%d has state root %x, node0 %x", i, failed.StateRoot, root)
		}
		root = failed.StateRoot
	}
}
