package client

import (
	"context"
	"fmt"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/client/light"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// maxUncovered bounds the blocks that a stream holds back until a certificate
// covers them.
const maxUncovered = 4096

// FollowOptions say what comes with each block.
type FollowOptions struct {
	Transactions bool // whole ones, verified
	Hashes       bool // their hashes, as the node says
	Receipts     bool // without events, verified
}

// Block is a final block of a stream. Header and Outcome are verified.
type Block struct {
	Header       types.Header
	Outcome      types.Outcome
	Transactions [][]byte
	Hashes       []byte // 32 bytes each
	Receipts     []*nodev1.Receipt
	Count        int // of transactions, as the node says
	PayloadBytes uint64
}

// Follow calls f for each final block from a height on (0: the next one), in
// order, each once, until ctx ends or f or the stream fails. Blocks are held back
// until a certificate covers them.
func (c *Client) Follow(ctx context.Context, from uint64, opt FollowOptions, f func(Block) error) error {
	stream, err := c.rpc.StreamBlocks(ctx, connect.NewRequest(&nodev1.StreamBlocksRequest{
		FromHeight: from, Transactions: opt.Transactions, TransactionHashes: opt.Hashes, Receipts: opt.Receipts,
	}))
	if err != nil {
		return c.failed("follow the chain", err)
	}
	defer stream.Close()
	var held []Block
	for stream.Receive() {
		b, cc, err := c.streamed(stream.Msg())
		if err != nil {
			return fmt.Errorf("follow the chain: %w: %w", ErrUnverified, err)
		}
		if n := len(held); n > 0 && b.Outcome.Height != held[n-1].Outcome.Height+1 || n == 0 && from != 0 && b.Outcome.Height != from {
			return fmt.Errorf("follow the chain: %w: height %d is out of order", ErrUnverified, b.Outcome.Height)
		}
		if held = append(held, b); len(held) > maxUncovered {
			return fmt.Errorf("follow the chain: %w: %d blocks without a certificate", ErrUnverified, len(held))
		}
		if cc == nil {
			continue
		}
		if err := c.cover(ctx, held, cc); err != nil {
			return fmt.Errorf("follow the chain: %w", err)
		}
		for _, b := range held {
			if err := f(b); err != nil {
				return err
			}
		}
		from = b.Outcome.Height + 1
		held = held[:0]
	}
	if err := stream.Err(); err != nil {
		return c.failed("follow the chain", err)
	}
	return ctx.Err()
}

// cover checks that a certificate makes the blocks held final.
func (c *Client) cover(ctx context.Context, held []Block, cc *types.CC) error {
	if err := c.Learn(ctx, cc.Epoch); err != nil {
		return err
	}
	if err := c.chain.VerifyCommit(cc); err != nil {
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	last := len(held) - 1
	if held[last].Outcome != cc.Outcome {
		return fmt.Errorf("%w: the certificate is of another outcome than height %d's", ErrUnverified, held[last].Outcome.Height)
	}
	down := make([]types.Outcome, 0, last)
	for i := last - 1; i >= 0; i-- {
		down = append(down, held[i].Outcome)
	}
	if _, err := light.VerifyDown(cc.Outcome, down); err != nil {
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	return nil
}

// streamed reads a message of the stream and holds its body against its header
// and outcome.
func (c *Client) streamed(m *nodev1.StreamBlocksResponse) (Block, *types.CC, error) {
	header, err := codec.HeaderFrom(m.Header)
	if err != nil {
		return Block{}, nil, err
	}
	outcome, err := codec.OutcomeFrom(m.Outcome)
	if err != nil {
		return Block{}, nil, err
	}
	if header.ID() != outcome.Block || header.Height != outcome.Height || header.Genesis != c.chain.Genesis() {
		return Block{}, nil, fmt.Errorf("header and outcome of height %d are of different blocks", outcome.Height)
	}
	b := Block{Header: header, Outcome: outcome, Transactions: m.Transactions, Hashes: m.TransactionHashes, Receipts: m.Receipts,
		Count: int(m.TransactionCount), PayloadBytes: m.PayloadBytes}
	if len(m.Transactions) > 0 && types.ListRoot(m.Transactions) != header.PayloadRoot {
		return b, nil, fmt.Errorf("the transactions of height %d are others", outcome.Height)
	}
	if len(m.Receipts) > 0 {
		leaves := make([][]byte, len(m.Receipts))
		for i := range m.Receipts {
			r, err := codec.ReceiptFrom(m.Receipts[i])
			if err != nil {
				return b, nil, err
			}
			leaves[i] = r.Append(nil)
		}
		if types.ListRoot(leaves) != outcome.ReceiptsRoot {
			return b, nil, fmt.Errorf("the receipts of height %d are others", outcome.Height)
		}
	}
	if m.Certificate == nil {
		return b, nil, nil
	}
	cc, err := codec.CommitFrom(m.Certificate)
	return b, cc, err
}
