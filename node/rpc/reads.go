package rpc

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Bounds of lists.
const (
	defaultBlocks = 20
	maxBlocks     = 200
	maxEpochList  = 100

	defaultOutcomes = 100
	maxOutcomeList  = 1000

	maxQueries = 300
	maxPath    = 512
	maxData    = 64 << 10
)

// GetStatus implements the service.
func (s *Server) GetStatus(ctx context.Context, _ *connect.Request[nodev1.GetStatusRequest]) (*connect.Response[nodev1.GetStatusResponse], error) {
	status, err := s.backend.Status(ctx)
	if err != nil {
		return nil, answer("status", err)
	}
	return connect.NewResponse(status), nil
}

// GetGenesis implements the service.
func (s *Server) GetGenesis(context.Context, *connect.Request[nodev1.GetGenesisRequest]) (*connect.Response[nodev1.GetGenesisResponse], error) {
	return connect.NewResponse(&nodev1.GetGenesisResponse{Document: s.backend.Genesis()}), nil
}

// GetBlock implements the service.
func (s *Server) GetBlock(ctx context.Context, req *connect.Request[nodev1.GetBlockRequest]) (*connect.Response[nodev1.GetBlockResponse], error) {
	height := s.backend.FinalHeight()
	switch by := req.Msg.By.(type) {
	case *nodev1.GetBlockRequest_Height:
		if by.Height != 0 {
			height = by.Height
		}
	case *nodev1.GetBlockRequest_BlockId:
		id, err := hashArgument("block_id", by.BlockId)
		if err != nil {
			return nil, err
		}
		if height, err = s.backend.HeightOf(ctx, id); err != nil {
			return nil, answer("block "+id.String(), err)
		}
	}
	f, err := s.feed.at(ctx, height)
	if err != nil {
		return nil, answer("get block", err)
	}
	id := f.block.Header.ID()
	res := &nodev1.GetBlockResponse{
		BlockId:      id[:],
		Header:       codec.HeaderTo(&f.block.Header),
		Transactions: f.block.Payload,
		Evidence:     f.block.Evidence,
		Outcome:      codec.OutcomeTo(&f.outcome),
	}
	if f.certificate != nil {
		res.Certificate = codec.CommitTo(f.certificate)
	}
	if req.Msg.Prove {
		if res.Proof, err = s.proveBlock(ctx, f); err != nil {
			return nil, answer("prove block", err)
		}
	}
	return connect.NewResponse(res), nil
}

// ListBlocks implements the service.
func (s *Server) ListBlocks(ctx context.Context, req *connect.Request[nodev1.ListBlocksRequest]) (*connect.Response[nodev1.ListBlocksResponse], error) {
	limit := int(req.Msg.Limit)
	if limit == 0 {
		limit = defaultBlocks
	}
	if limit > maxBlocks {
		return nil, invalid("limit %d: at most %d blocks", limit, maxBlocks)
	}
	height := s.backend.FinalHeight()
	if n := req.Msg.NewestHeight; n != 0 {
		height = min(height, n)
	}
	res := &nodev1.ListBlocksResponse{}
	for ; height > 0 && len(res.Blocks) < limit; height-- {
		f, err := s.feed.at(ctx, height)
		var floor *BelowFloorError
		if errors.As(err, &floor) && len(res.Blocks) > 0 {
			break
		}
		if err != nil {
			return nil, answer("list blocks", err)
		}
		id := f.block.Header.ID()
		res.Blocks = append(res.Blocks, &nodev1.BlockSummary{
			BlockId:      id[:],
			Header:       codec.HeaderTo(&f.block.Header),
			Outcome:      codec.OutcomeTo(&f.outcome),
			Transactions: uint32(len(f.block.Payload)),
			PayloadBytes: uint64(f.block.PayloadBytes()),
		})
	}
	return connect.NewResponse(res), nil
}

// ListOutcomes implements the service.
func (s *Server) ListOutcomes(ctx context.Context, req *connect.Request[nodev1.ListOutcomesRequest]) (*connect.Response[nodev1.ListOutcomesResponse], error) {
	limit := uint64(req.Msg.Limit)
	if limit == 0 {
		limit = defaultOutcomes
	}
	if limit > maxOutcomeList {
		return nil, invalid("limit %d: at most %d outcomes", limit, maxOutcomeList)
	}
	res := &nodev1.ListOutcomesResponse{}
	tip := s.backend.FinalHeight()
	for h := req.Msg.From; h <= tip && h-req.Msg.From < limit; h++ {
		o, err := s.backend.Outcome(ctx, h)
		if err != nil {
			return nil, answer("list outcomes", err)
		}
		res.Outcomes = append(res.Outcomes, codec.OutcomeTo(o))
	}
	return connect.NewResponse(res), nil
}

// GetReceipts implements the service.
func (s *Server) GetReceipts(ctx context.Context, req *connect.Request[nodev1.GetReceiptsRequest]) (*connect.Response[nodev1.GetReceiptsResponse], error) {
	height := req.Msg.Height
	if height == 0 {
		height = s.backend.FinalHeight()
	}
	list, err := s.backend.Receipts(ctx, height)
	if err != nil {
		return nil, answer("get receipts", err)
	}
	res := &nodev1.GetReceiptsResponse{Height: height, Receipts: make([]*nodev1.TransactionReceipt, len(list))}
	for i := range list {
		res.Receipts[i] = codec.TransactionReceiptTo(&list[i])
	}
	return connect.NewResponse(res), nil
}

// GetCommit implements the service.
func (s *Server) GetCommit(ctx context.Context, req *connect.Request[nodev1.GetCommitRequest]) (*connect.Response[nodev1.GetCommitResponse], error) {
	height := req.Msg.Height
	if height == 0 {
		height = s.backend.FinalHeight()
	}
	cc, outcomes, err := s.commit(ctx, height)
	if err != nil {
		return nil, answer("get commit", err)
	}
	return connect.NewResponse(&nodev1.GetCommitResponse{Certificate: codec.CommitTo(cc), Outcomes: codec.OutcomesTo(outcomes)}), nil
}

// ListEpochs implements the service.
func (s *Server) ListEpochs(ctx context.Context, req *connect.Request[nodev1.ListEpochsRequest]) (*connect.Response[nodev1.ListEpochsResponse], error) {
	limit := uint64(req.Msg.Limit)
	if limit == 0 {
		limit = maxEpochList
	}
	if limit > maxEpochList {
		return nil, invalid("limit %d: at most %d epochs", limit, maxEpochList)
	}
	status, err := s.backend.Status(ctx)
	if err != nil {
		return nil, answer("list epochs", err)
	}
	res := &nodev1.ListEpochsResponse{Newest: status.Epoch}
	from := max(1, req.Msg.From)
	for n := from; n <= status.Epoch && n-from < limit; n++ {
		start, err := s.backend.EpochStart(ctx, n)
		if err != nil {
			return nil, answer("list epochs", err)
		}
		res.Epochs = append(res.Epochs, codec.EpochStartTo(start))
	}
	return connect.NewResponse(res), nil
}

// ListValidators implements the service.
func (s *Server) ListValidators(ctx context.Context, req *connect.Request[nodev1.ListValidatorsRequest]) (*connect.Response[nodev1.ListValidatorsResponse], error) {
	number := req.Msg.Epoch
	if number == 0 {
		status, err := s.backend.Status(ctx)
		if err != nil {
			return nil, answer("list validators", err)
		}
		number = max(1, status.Epoch)
	}
	start, err := s.backend.EpochStart(ctx, number)
	if err != nil {
		return nil, answer("list validators", err)
	}
	seen := s.backend.Seen(ctx)
	res := &nodev1.ListValidatorsResponse{Epoch: number}
	for i := range start.Epoch.Validators {
		v := &start.Epoch.Validators[i]
		known := seen[v.NetworkKey]
		res.Validators = append(res.Validators, &nodev1.ValidatorStatus{
			Validator: codec.ValidatorTo(v), Moniker: known.Moniker,
			LastVoteHeight: known.LastVoteHeight, LastVoteTimeMs: known.LastVoteMs, Connected: known.Connected,
			LastVoteAgeMs: uint64(known.LastVoteAge.Milliseconds()), LastVoteEpoch: known.LastVoteEpoch, ConnectionAgeMs: uint64(known.ConnectionAge.Milliseconds()),
		})
	}
	return connect.NewResponse(res), nil
}

// Query implements the service.
func (s *Server) Query(ctx context.Context, req *connect.Request[nodev1.QueryRequest]) (*connect.Response[nodev1.QueryResponse], error) {
	m := req.Msg
	if len(m.Path) > maxPath || len(m.Data) > maxData {
		return nil, invalid("path of %d and data of %d bytes: at most %d and %d", len(m.Path), len(m.Data), maxPath, maxData)
	}
	var q *QueryResult
	err := s.queries.run(ctx, func(ctx context.Context) (err error) {
		q, err = s.backend.Query(ctx, Query{Path: m.Path, Data: m.Data, Height: m.Height, Prove: m.Prove})
		return err
	})
	if err != nil {
		return nil, answer("query "+m.Path, err)
	}
	res := &nodev1.QueryResponse{Code: q.Code, Value: q.Value, Key: q.Key, Absent: q.Absent, Height: q.Height, Log: q.Log}
	if m.Prove && q.Code == 0 {
		if res.Proof, err = s.proveState(ctx, q); err != nil {
			return nil, answer("prove "+m.Path, err)
		}
	}
	return connect.NewResponse(res), nil
}

// QueryMany implements the service: as one query of the pool.
func (s *Server) QueryMany(ctx context.Context, req *connect.Request[nodev1.QueryManyRequest]) (*connect.Response[nodev1.QueryManyResponse], error) {
	m := req.Msg
	if n := len(m.Paths); n == 0 || n > maxQueries {
		return nil, invalid("%d paths: 1 to %d", n, maxQueries)
	}
	for _, path := range m.Paths {
		if len(path) > maxPath {
			return nil, invalid("path of %d bytes: at most %d", len(path), maxPath)
		}
	}
	res := &nodev1.QueryManyResponse{Height: m.Height}
	if res.Height == 0 {
		res.Height = s.backend.FinalHeight()
	}
	err := s.queries.run(ctx, func(ctx context.Context) error {
		for _, path := range m.Paths {
			q, err := s.backend.Query(ctx, Query{Path: path, Height: res.Height, Prove: m.Prove})
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			res.Answers = append(res.Answers, &nodev1.QueryAnswer{Code: q.Code, Value: q.Value, Key: q.Key, Absent: q.Absent, Log: q.Log, Proof: q.Proof})
		}
		return nil
	})
	if err == nil && m.Prove {
		res.Proof, err = s.skeleton(ctx, res.Height)
	}
	if err != nil {
		return nil, answer("query many", err)
	}
	return connect.NewResponse(res), nil
}

// Simulate implements the service.
func (s *Server) Simulate(ctx context.Context, req *connect.Request[nodev1.SimulateRequest]) (*connect.Response[nodev1.SimulateResponse], error) {
	const most = 100
	if n := len(req.Msg.Transactions); n == 0 || n > most {
		return nil, invalid("%d transactions: 1 to %d", n, most)
	}
	var sim *Simulation
	err := s.queries.run(ctx, func(ctx context.Context) (err error) {
		sim, err = s.backend.Simulate(ctx, req.Msg.Transactions)
		return err
	})
	if err != nil {
		return nil, answer("simulate", err)
	}
	if sim.Failed != "" {
		return nil, connect.NewError(connect.CodeFailedPrecondition, errors.New("a block of these transactions would fail: "+sim.Failed))
	}
	res := &nodev1.SimulateResponse{GasUsed: sim.GasUsed, Height: sim.Height}
	for i := range sim.Receipts {
		res.Receipts = append(res.Receipts, codec.TransactionReceiptTo(&sim.Receipts[i]))
	}
	return connect.NewResponse(res), nil
}

// txHashes are the hashes of a height's transactions.
func (f *final) txHashes() []types.Hash {
	out := make([]types.Hash, len(f.block.Payload))
	for i := range out {
		if len(f.receipts) == len(out) {
			out[i] = f.receipts[i].TxHash
		} else {
			out[i] = types.TxHash(f.block.Payload[i])
		}
	}
	return out
}
