package client

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// RejectedError says that a node's pool refused a transaction.
type RejectedError struct {
	Hash types.Hash
	// Reason is a word of the pool, such as pool_full or check_failed.
	Reason      string
	Code        uint32 // the executor's, where it refused
	Text        string
	LowestPrice uint64
	NextNonce   uint64
}

// Error implements error.
func (e *RejectedError) Error() string {
	s := fmt.Sprintf("the node refused the transaction (%s", e.Reason)
	if e.Code != 0 {
		s += fmt.Sprintf(", code %d", e.Code)
	}
	s += "): " + e.Text
	if e.LowestPrice != 0 {
		s += fmt.Sprintf("; a gas price of %d would get in", e.LowestPrice)
	}
	return s
}

// Submit offers a transaction to the node's pool and answers its hash.
func (c *Client) Submit(ctx context.Context, tx []byte) (types.Hash, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	hash := types.TxHash(tx)
	res, err := c.rpc.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx, Wait: nodev1.Wait_WAIT_ACCEPTED}))
	if err != nil {
		return hash, c.failed("submit", err)
	}
	return hash, rejected(hash, res.Msg.Result)
}

func rejected(hash types.Hash, r *nodev1.SubmitResult) error {
	if r.GetStatus() == nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED {
		return &RejectedError{Hash: hash, Reason: r.Reason, Code: r.Code, Text: r.Text, LowestPrice: r.LowestPrice, NextNonce: r.NextNonce}
	}
	return nil
}

// SubmitFinal offers a transaction, waits until it is final, at most for the time
// given (up to 10 minutes), and verifies that.
func (c *Client) SubmitFinal(ctx context.Context, tx []byte, wait time.Duration) (*Transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+c.timeout)
	defer cancel()
	hash := types.TxHash(tx)
	res, err := c.rpc.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{
		Transaction: tx, Wait: nodev1.Wait_WAIT_FINAL, TimeoutMs: uint32(max(1, wait.Milliseconds())),
	}))
	if err != nil {
		return nil, c.failed("submit", err)
	}
	if err := rejected(hash, res.Msg.Result); err != nil {
		return nil, err
	}
	return c.transaction(ctx, hash, res.Msg.Proof, res.Msg.Receipt)
}
