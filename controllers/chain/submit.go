package chain

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Submit implements Client.
func (n *Nodes) Submit(ctx context.Context, at Endpoint, tx []byte) (*Verdict, error) {
	if len(tx) == 0 || len(tx) > ledger.MaxTransactionBytes {
		return nil, fmt.Errorf("a transaction of %d bytes: want 1 to %d", len(tx), ledger.MaxTransactionBytes)
	}
	c, err := n.at(at)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, n.opt.Timeout)
	defer cancel()
	res, err := c.RPC().SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx, Wait: nodev1.Wait_WAIT_ACCEPTED}))
	if err != nil {
		return nil, failed(at, "submission", err)
	}
	r := res.Msg.GetResult()
	v := &Verdict{Hash: types.TxHash(tx), Reason: r.GetReason(), Code: r.GetCode(), Text: r.GetText()}
	switch r.GetStatus() {
	case nodev1.SubmitStatus_SUBMIT_STATUS_ACCEPTED, nodev1.SubmitStatus_SUBMIT_STATUS_HELD:
		v.Admitted = true
	case nodev1.SubmitStatus_SUBMIT_STATUS_DUPLICATE:
		v.Admitted, v.Duplicate = true, true
	}
	return v, nil
}

// Transaction implements Client.
func (n *Nodes) Transaction(ctx context.Context, at Endpoint, hash types.Hash) (*Execution, error) {
	c, err := n.at(at)
	if err != nil {
		return nil, err
	}
	t, pending, err := c.Transaction(ctx, hash)
	switch {
	case err == nil:
		return &Execution{Final: true, Height: t.Height, Code: t.Receipt.Code, Log: t.Receipt.Log}, nil
	case pending:
		return &Execution{Pending: true}, nil
	case errors.Is(err, client.ErrNotFound):
		return nil, fmt.Errorf("transaction %s at %s: %w", hash, at, ErrNotFound)
	}
	return nil, failed(at, "transaction", err)
}
