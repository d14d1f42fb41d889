package rpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Bounds of submissions.
const (
	maxBatch        = 2000
	defaultWaitTime = 30 * time.Second
	maxWaitTime     = 10 * time.Minute
)

// GetTransaction implements the service.
func (s *Server) GetTransaction(ctx context.Context, req *connect.Request[nodev1.GetTransactionRequest]) (*connect.Response[nodev1.GetTransactionResponse], error) {
	hash, err := hashArgument("tx_hash", req.Msg.TxHash)
	if err != nil {
		return nil, err
	}
	height, index, err := s.backend.Locate(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		res := &nodev1.GetTransactionResponse{State: nodev1.TransactionState_TRANSACTION_STATE_UNKNOWN}
		if tx, ok := s.backend.Pending(hash); ok {
			res.State, res.Transaction = nodev1.TransactionState_TRANSACTION_STATE_ACCEPTED, tx
		}
		return connect.NewResponse(res), nil
	}
	if err != nil {
		return nil, answer("find transaction", err)
	}
	f, err := s.feed.at(ctx, height)
	if err != nil {
		return nil, answer("get transaction", err)
	}
	if index < 0 || index >= len(f.block.Payload) {
		return nil, answer("get transaction", fmt.Errorf("index %d of %d transactions at height %d", index, len(f.block.Payload), height))
	}
	res := &nodev1.GetTransactionResponse{
		State:       nodev1.TransactionState_TRANSACTION_STATE_FINAL,
		Transaction: f.block.Payload[index],
		Height:      height,
		Index:       uint32(index),
		TimestampMs: f.block.Header.TimestampMs,
	}
	if index < len(f.receipts) {
		r := &f.receipts[index]
		res.Receipt, res.Log, res.Events = codec.ReceiptTo(r), r.Log, codec.EventsTo(r.Events)
	}
	if req.Msg.Prove {
		if res.Proof, err = s.proveTransaction(ctx, f, index); err != nil {
			return nil, answer("prove transaction", err)
		}
	}
	return connect.NewResponse(res), nil
}

// SubmitTransaction implements the service.
func (s *Server) SubmitTransaction(ctx context.Context, req *connect.Request[nodev1.SubmitTransactionRequest]) (*connect.Response[nodev1.SubmitTransactionResponse], error) {
	wait := defaultWaitTime
	if ms := req.Msg.TimeoutMs; ms != 0 {
		wait = time.Duration(ms) * time.Millisecond
	}
	if wait > maxWaitTime {
		return nil, invalid("timeout_ms %d: at most %d", req.Msg.TimeoutMs, maxWaitTime.Milliseconds())
	}
	if len(req.Msg.Transaction) == 0 {
		return nil, invalid("transaction is empty")
	}
	// What becomes final from here on is looked through: none is missed.
	height := s.backend.FinalHeight()
	results, err := s.backend.Submit(ctx, [][]byte{req.Msg.Transaction})
	if err != nil {
		return nil, answer("submit", err)
	}
	res := &nodev1.SubmitTransactionResponse{Result: results[0]}
	if results[0].Status == nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED || req.Msg.Wait != nodev1.Wait_WAIT_FINAL {
		return connect.NewResponse(res), nil
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	hash := types.TxHash(req.Msg.Transaction)
	f, index, err := s.waitFor(ctx, hash, height, results[0].Status)
	if err != nil {
		return nil, answer(fmt.Sprintf("transaction %s was accepted and is not final yet; ask for it with GetTransaction", hash), err)
	}
	res.Height = f.outcome.Height
	if index < len(f.receipts) {
		res.Receipt = codec.TransactionReceiptTo(&f.receipts[index])
	}
	if res.Proof, err = s.proveTransaction(ctx, f, index); err != nil {
		return nil, answer("prove transaction", err)
	}
	return connect.NewResponse(res), nil
}

// waitFor looks through what becomes final above height. What a failed block held
// waits on (rule: failed-block). A transaction that was there before (a duplicate) may
// have been executed already.
func (s *Server) waitFor(ctx context.Context, hash types.Hash, height uint64, status nodev1.SubmitStatus) (*final, int, error) {
	if status == nodev1.SubmitStatus_SUBMIT_STATUS_DUPLICATE {
		at, index, err := s.backend.Locate(ctx, hash)
		if err == nil {
			f, err := s.feed.at(ctx, at)
			return f, index, err
		}
		if !errors.Is(err, ErrNotFound) {
			return nil, 0, err
		}
	}
	for {
		tip, err := s.backend.WaitFinal(ctx, height)
		if err != nil {
			return nil, 0, err
		}
		for ; height < tip; height++ {
			f, err := s.feed.at(ctx, height+1)
			if err != nil {
				return nil, 0, err
			}
			for i, h := range f.txHashes() {
				if h == hash && i < len(f.receipts) { // a failed block executed none
					return f, i, nil
				}
			}
		}
	}
}

// SubmitBatch implements the service.
func (s *Server) SubmitBatch(ctx context.Context, req *connect.Request[nodev1.SubmitBatchRequest]) (*connect.Response[nodev1.SubmitBatchResponse], error) {
	txs := req.Msg.Transactions
	if len(txs) == 0 || len(txs) > maxBatch {
		return nil, invalid("%d transactions: 1 to %d", len(txs), maxBatch)
	}
	results, err := s.backend.Submit(ctx, txs)
	if err != nil {
		return nil, answer("submit batch", err)
	}
	res := &nodev1.SubmitBatchResponse{}
	for i, r := range results {
		refused := r.Status == nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED
		if !refused {
			res.Accepted++
		}
		if refused || !req.Msg.Brief {
			res.Results = append(res.Results, &nodev1.BatchResult{Index: uint32(i), Result: r})
		}
	}
	return connect.NewResponse(res), nil
}
