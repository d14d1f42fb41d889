package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/proof/rfc6962"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Bounds of what one proof makes the node read.
const (
	maxOutcomes = 4096
	maxEpochs   = 4096
)

// commit is the certificate that makes a height final and the outcomes from below
// the certified one down to that height.
func (s *Server) commit(ctx context.Context, height uint64) (*types.CC, []types.Outcome, error) {
	cc, err := s.backend.Certificate(ctx, height)
	if errors.Is(err, ErrNotFound) && s.backend.FinalHeight() == 0 {
		return nil, nil, fmt.Errorf("%w: no block is final yet, so there is no certificate to prove anything with: send a transaction, or ask without a proof", ErrUnavailable)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("certificate for height %d: %w", height, err)
	}
	top := cc.Outcome.Height
	if top < height || top-height > maxOutcomes {
		return nil, nil, fmt.Errorf("certificate of height %d for height %d: too far away", top, height)
	}
	outcomes := make([]types.Outcome, 0, top-height)
	for h := top; h > height; h-- {
		o, err := s.backend.Outcome(ctx, h-1)
		if err != nil {
			return nil, nil, fmt.Errorf("outcome %d: %w", h-1, err)
		}
		outcomes = append(outcomes, *o)
	}
	return cc, outcomes, nil
}

// skeleton is a proof up to the outcome of height, without a claim.
func (s *Server) skeleton(ctx context.Context, height uint64) (*nodev1.Proof, error) {
	cc, outcomes, err := s.commit(ctx, height)
	if err != nil {
		return nil, err
	}
	if cc.Epoch > maxEpochs {
		return nil, fmt.Errorf("certificate of epoch %d: a proof holds at most %d epochs", cc.Epoch, maxEpochs)
	}
	genesis := types.SumHash(s.backend.Genesis())
	p := &nodev1.Proof{
		GenesisHash: genesis[:],
		Certificate: codec.CommitTo(cc),
		Outcomes:    codec.OutcomesTo(outcomes),
	}
	for n := uint64(2); n <= cc.Epoch; n++ {
		start, err := s.backend.EpochStart(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("epoch %d: %w", n, err)
		}
		if start.Certificate == nil { // the first of a recovery genesis, which is trusted
			p.Epochs = nil
			continue
		}
		p.Epochs = append(p.Epochs, codec.EpochStartTo(start))
	}
	return p, nil
}

// proveState completes a proof with what a query found.
func (s *Server) proveState(ctx context.Context, q *QueryResult) (*nodev1.Proof, error) {
	p, err := s.skeleton(ctx, q.Height)
	if err != nil {
		return nil, err
	}
	p.Claim = &nodev1.Proof_State{State: &nodev1.StateClaim{Key: q.Key, Value: q.Value, Absent: q.Absent, Proof: q.Proof}}
	return p, nil
}

// proveTransaction completes a proof with a transaction and its receipt.
func (s *Server) proveTransaction(ctx context.Context, f *final, index int) (*nodev1.Proof, error) {
	if index < 0 || index >= len(f.block.Payload) || index >= len(f.receipts) {
		return nil, fmt.Errorf("height %d has %d transactions and %d receipts here, none at %d",
			f.outcome.Height, len(f.block.Payload), len(f.receipts), index)
	}
	p, err := s.skeleton(ctx, f.outcome.Height)
	if err != nil {
		return nil, err
	}
	inPayload, err := rfc6962.Prove(f.block.Payload, index)
	if err != nil {
		return nil, err
	}
	inReceipts, err := receipts.Prove(f.receipts, index)
	if err != nil {
		return nil, err
	}
	p.Claim = &nodev1.Proof_Transaction{Transaction: &nodev1.TransactionClaim{
		Header:      codec.HeaderTo(&f.block.Header),
		Transaction: f.block.Payload[index],
		InPayload:   codec.InclusionTo(inPayload),
		Receipt:     codec.ReceiptTo(&f.receipts[index]),
		InReceipts:  codec.InclusionTo(inReceipts),
	}}
	return p, nil
}

// proveBlock completes a proof with a header.
func (s *Server) proveBlock(ctx context.Context, f *final) (*nodev1.Proof, error) {
	p, err := s.skeleton(ctx, f.outcome.Height)
	if err != nil {
		return nil, err
	}
	p.Claim = &nodev1.Proof_Block{Block: &nodev1.BlockClaim{Header: codec.HeaderTo(&f.block.Header)}}
	return p, nil
}
