package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/proof"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// ErrNotFound says that the node knows of no such thing. It is no proof.
var ErrNotFound = errors.New("not found")

// ExecutorError is an executor's refusal of a query.
type ExecutorError struct {
	Code uint32
	Text string
}

// Error implements error.
func (e *ExecutorError) Error() string {
	return fmt.Sprintf("the executor refused (code %d): %s", e.Code, e.Text)
}

// State is a verified read of the state.
type State struct {
	Height  uint64
	Key     []byte // raw state key: that it is the one meant is the caller's to check
	Value   []byte
	Absent  bool
	Message *nodev1.Proof
}

// Query reads the state with a proof, at a height (0: the newest), and verifies
// it. Which key a path names is the executor's: want, if not nil, is the raw key
// that the answer must be of.
func (c *Client) Query(ctx context.Context, path string, data []byte, height uint64, want []byte) (*State, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	res, err := c.rpc.Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: path, Data: data, Height: height, Prove: true}))
	if err != nil {
		return nil, c.failed("query "+path, err)
	}
	if res.Msg.Code != 0 {
		return nil, &ExecutorError{Code: res.Msg.Code, Text: res.Msg.Log}
	}
	r, err := c.verify(ctx, res.Msg.Proof)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", path, err)
	}
	if r.State == nil || height != 0 && r.Height != height {
		return nil, fmt.Errorf("query %s: %w: the proof is of something else", path, ErrUnverified)
	}
	if want != nil && !bytes.Equal(want, r.State.Key) {
		return nil, fmt.Errorf("query %s: %w: the proof is of key %x, not %x", path, ErrUnverified, r.State.Key, want)
	}
	return &State{Height: r.Height, Key: r.State.Key, Value: r.State.Value, Absent: r.State.Absent, Message: res.Msg.Proof}, nil
}

// QueryMany reads 1 to 300 rows of one height's state (0: the newest), each
// verified as Query does. wants are the raw keys that the paths name.
func (c *Client) QueryMany(ctx context.Context, paths []string, wants [][]byte, height uint64) ([]State, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	res, err := c.rpc.QueryMany(ctx, connect.NewRequest(&nodev1.QueryManyRequest{Paths: paths, Height: height, Prove: true}))
	if err != nil {
		return nil, c.failed("query", err)
	}
	if len(res.Msg.Answers) != len(paths) || res.Msg.Proof == nil {
		return nil, fmt.Errorf("query: %w: %d answers to %d paths", ErrUnverified, len(res.Msg.Answers), len(paths))
	}
	out := make([]State, len(paths))
	for i, a := range res.Msg.Answers {
		if a.Code != 0 {
			return nil, &ExecutorError{Code: a.Code, Text: paths[i] + ": " + a.Log}
		}
		p := &nodev1.Proof{GenesisHash: res.Msg.Proof.GenesisHash, Epochs: res.Msg.Proof.Epochs, Certificate: res.Msg.Proof.Certificate, Outcomes: res.Msg.Proof.Outcomes,
			Claim: &nodev1.Proof_State{State: &nodev1.StateClaim{Key: a.Key, Value: a.Value, Absent: a.Absent, Proof: a.Proof}}}
		r, err := c.verify(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", paths[i], err)
		}
		if r.State == nil || !bytes.Equal(wants[i], r.State.Key) || height != 0 && r.Height != height || i > 0 && r.Height != out[0].Height {
			return nil, fmt.Errorf("query %s: %w: the proof is of something else", paths[i], ErrUnverified)
		}
		out[i] = State{Height: r.Height, Key: r.State.Key, Value: r.State.Value, Absent: r.State.Absent, Message: p}
	}
	return out, nil
}

// Transaction is a verified transaction of a final block.
type Transaction struct {
	Height      uint64
	TimestampMs uint64
	Bytes       []byte
	Receipt     receipts.Receipt // with the events, where those fit its root
	Message     *nodev1.Proof
}

// Transaction finds a final transaction and verifies it. ErrNotFound if the node
// knows none that is final; pending then says whether it waits in its pool.
func (c *Client) Transaction(ctx context.Context, hash types.Hash) (t *Transaction, pending bool, err error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	res, err := c.rpc.GetTransaction(ctx, connect.NewRequest(&nodev1.GetTransactionRequest{TxHash: hash[:], Prove: true}))
	if err != nil {
		return nil, false, c.failed("transaction", err)
	}
	if res.Msg.State != nodev1.TransactionState_TRANSACTION_STATE_FINAL {
		pending = res.Msg.State == nodev1.TransactionState_TRANSACTION_STATE_ACCEPTED
		return nil, pending, fmt.Errorf("transaction %s: %w", hash, ErrNotFound)
	}
	t, err = c.transaction(ctx, hash, res.Msg.Proof, &nodev1.TransactionReceipt{Log: res.Msg.Log, Events: res.Msg.Events})
	return t, false, err
}

// transaction verifies a proof of a transaction and what came beside it.
func (c *Client) transaction(ctx context.Context, hash types.Hash, p *nodev1.Proof, beside *nodev1.TransactionReceipt) (*Transaction, error) {
	r, err := c.verify(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", hash, err)
	}
	if r.Transaction == nil || types.TxHash(r.Transaction.Bytes) != hash {
		return nil, fmt.Errorf("transaction %s: %w: the proof is of something else", hash, ErrUnverified)
	}
	t := &Transaction{
		Height: r.Height, TimestampMs: r.Transaction.Header.TimestampMs, Bytes: r.Transaction.Bytes,
		Receipt: r.Transaction.Receipt, Message: p,
	}
	t.Receipt.Log = beside.GetLog()
	if t.Receipt.Events, err = events(beside.GetEvents()); err != nil {
		return nil, fmt.Errorf("transaction %s: %w: %w", hash, ErrUnverified, err)
	}
	if receipts.EventsRoot(t.Receipt.Events) != t.Receipt.EventsRoot {
		return nil, fmt.Errorf("transaction %s: %w: its events are others", hash, ErrUnverified)
	}
	return t, nil
}

// FinalBlock is a verified block.
type FinalBlock struct {
	ID      types.Hash
	Block   types.Block
	Outcome types.Outcome
	Message *nodev1.Proof
}

// Block reads a final block by height (0: the newest) and verifies it.
func (c *Client) Block(ctx context.Context, height uint64) (*FinalBlock, error) {
	return c.block(ctx, &nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_Height{Height: height}, Prove: true}, func(b *FinalBlock) bool {
		return height == 0 || b.Block.Header.Height == height
	})
}

// BlockByID reads a final block by its id and verifies it.
func (c *Client) BlockByID(ctx context.Context, id types.Hash) (*FinalBlock, error) {
	return c.block(ctx, &nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_BlockId{BlockId: id[:]}, Prove: true}, func(b *FinalBlock) bool {
		return b.ID == id
	})
}

func (c *Client) block(ctx context.Context, req *nodev1.GetBlockRequest, meant func(*FinalBlock) bool) (*FinalBlock, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	res, err := c.rpc.GetBlock(ctx, connect.NewRequest(req))
	if err != nil {
		return nil, c.failed("block", err)
	}
	r, err := c.verify(ctx, res.Msg.Proof)
	if err != nil {
		return nil, fmt.Errorf("block: %w", err)
	}
	if r.Block == nil {
		return nil, fmt.Errorf("block: %w: the proof is of something else", ErrUnverified)
	}
	b := &FinalBlock{
		ID: r.Block.ID(), Outcome: r.Outcome, Message: res.Msg.Proof,
		Block: types.Block{Header: *r.Block, Payload: res.Msg.Transactions, Evidence: res.Msg.Evidence},
	}
	if !meant(b) || types.ListRoot(b.Block.Payload) != r.Block.PayloadRoot || types.ListRoot(b.Block.Evidence) != r.Block.EvidenceRoot {
		return nil, fmt.Errorf("block: %w: its body, or the block, is another one", ErrUnverified)
	}
	return b, nil
}

// Commit reads and verifies the certificate that makes a height final (0: the
// tip), and answers that height's outcome with it.
func (c *Client) Commit(ctx context.Context, height uint64) (types.Outcome, *types.CC, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	res, err := c.rpc.GetCommit(ctx, connect.NewRequest(&nodev1.GetCommitRequest{Height: height}))
	if err != nil {
		return types.Outcome{}, nil, c.failed("commit", err)
	}
	cc, err := codec.CommitFrom(res.Msg.Certificate)
	if err != nil {
		return types.Outcome{}, nil, fmt.Errorf("commit: %w: %w", ErrUnverified, err)
	}
	if err := c.Learn(ctx, cc.Epoch); err != nil {
		return types.Outcome{}, nil, err
	}
	outcome, err := proof.VerifyOutcome(c.chain, cc, res.Msg.Outcomes)
	if err != nil {
		return types.Outcome{}, nil, fmt.Errorf("commit: %w: %w", ErrUnverified, err)
	}
	if height != 0 && outcome.Height != height {
		return types.Outcome{}, nil, fmt.Errorf("commit: %w: it is of height %d, not %d", ErrUnverified, outcome.Height, height)
	}
	return outcome, cc, nil
}

// Receipts reads the receipts of a height and verifies them, with their events.
func (c *Client) Receipts(ctx context.Context, height uint64) ([]receipts.Receipt, error) {
	outcome, _, err := c.Commit(ctx, height)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	res, err := c.rpc.GetReceipts(ctx, connect.NewRequest(&nodev1.GetReceiptsRequest{Height: outcome.Height}))
	if err != nil {
		return nil, c.failed("receipts", err)
	}
	list := make([]receipts.Receipt, len(res.Msg.Receipts))
	for i, m := range res.Msg.Receipts {
		r, err := codec.ReceiptFrom(m.Receipt)
		if err != nil {
			return nil, fmt.Errorf("receipts: %w: %w", ErrUnverified, err)
		}
		if r.Events, err = events(m.Events); err != nil || receipts.EventsRoot(r.Events) != r.EventsRoot {
			return nil, fmt.Errorf("receipts: %w: the events of transaction %d are others", ErrUnverified, i)
		}
		r.Log = m.Log
		list[i] = r
	}
	if types.Hash(receipts.Root(list)) != outcome.ReceiptsRoot {
		return nil, fmt.Errorf("receipts: %w: those of height %d are others", ErrUnverified, outcome.Height)
	}
	return list, nil
}

func events(list []*nodev1.Event) ([]receipts.Event, error) {
	var out []receipts.Event
	for _, m := range list {
		e, err := codec.EventFrom(m)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}
