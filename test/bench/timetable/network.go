package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/mempool"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// hops is what a transfer takes on its way from one host to another, both sides
// together.
type hops struct {
	transfers     int
	block, gossip time.Duration
}

// newPair makes two hosts on loopback that are connected as validators.
func newPair(ctx context.Context) (pair [2]*p2p.Network, err error) {
	for i := range pair {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		cfg := p2p.Config{Identity: key, Listen: []string{"127.0.0.1:0"}, ChainID: "timetable", Genesis: genesisHash, Role: p2p.RoleValidator}
		if i == 1 {
			cfg.Peers = []p2p.Peer{{ID: pair[0].Self(), Addresses: pair[0].Addresses()}}
		}
		if pair[i], err = p2p.New(cfg); err != nil {
			return pair, err
		}
	}
	for i, n := range pair {
		n.SetValidators([]p2p.PeerID{pair[1-i].Self()})
		for len(n.Peers()) == 0 {
			select {
			case <-ctx.Done():
				return pair, fmt.Errorf("connect two hosts: %w", ctx.Err())
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return pair, nil
}

// measureHops sends blocks as proposals, and the same transfers as gossip.
func measureHops(ctx context.Context, payloads [][][]byte) (h hops, err error) {
	pair, err := newPair(ctx)
	defer func() {
		for _, n := range pair {
			if n != nil {
				err = errors.Join(err, n.Close())
			}
		}
	}()
	if err != nil {
		return h, err
	}
	begin := processCPU()
	for i, txs := range payloads {
		if err := blockHop(ctx, pair, uint64(i+1), txs); err != nil {
			return h, err
		}
		h.transfers += len(txs)
	}
	h.block = processCPU() - begin
	received, err := pair[1].Subscribe(p2p.TopicTx, nil)
	if err != nil {
		return h, err
	}
	if err := meshed(ctx, pair[0], received); err != nil {
		return h, err
	}
	begin = processCPU()
	for _, txs := range payloads {
		if err := gossipHop(ctx, pair[0], received, txs); err != nil {
			return h, err
		}
	}
	h.gossip = processCPU() - begin
	return h, nil
}

// blockHop is a proposal from encoding it to its block's roots checked.
func blockHop(ctx context.Context, pair [2]*p2p.Network, view uint64, txs [][]byte) error {
	b := &types.Block{Payload: txs, Header: types.Header{Genesis: genesisHash, Epoch: 1, View: view, Height: view,
		PayloadRoot: types.ListRoot(txs), EvidenceRoot: types.ListRoot(nil)}}
	data := wire.EncodeMessage(&types.Message{Proposal: &types.Proposal{Epoch: 1, Kind: types.KindProposeOptimistic, View: view, BlockID: b.ID(), Block: b,
		Signature: make([]byte, ed25519.SignatureSize)}})
	if err := pair[0].SendBlock(pair[1].Self(), data); err != nil {
		return fmt.Errorf("send a block: %w", err)
	}
	select {
	case m := <-pair[1].Blocks():
		message, err := wire.DecodeMessage(m.Data)
		if err != nil {
			return fmt.Errorf("decode a block: %w", err)
		}
		if got := message.Proposal.Block; got.ID() != message.Proposal.BlockID || types.ListRoot(got.Payload) != got.Header.PayloadRoot {
			return errors.New("a block arrived changed")
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("receive a block: %w", ctx.Err())
	}
}

// meshed waits until what one host publishes arrives at the other. Each try is a
// message of its own: gossip passes the same bytes on once.
func meshed(ctx context.Context, from *p2p.Network, received <-chan p2p.Message) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for try := uint64(1); ; try++ {
		if err := from.Publish(p2p.TopicTx, mempool.EncodeBatch([][]byte{binary.LittleEndian.AppendUint64(nil, try)})); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		select {
		case <-received:
			return nil
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for gossip: %w", ctx.Err())
		}
	}
}

// gossipBatch is about what a pool puts into one message.
const gossipBatch = 64 << 10

// gossipHop passes transfers on as a pool does, in batches, and takes them.
func gossipHop(ctx context.Context, from *p2p.Network, received <-chan p2p.Message, txs [][]byte) error {
	for len(txs) > 0 {
		n, size := 0, 0
		for n < len(txs) && size < gossipBatch {
			size += len(txs[n])
			n++
		}
		if err := from.Publish(p2p.TopicTx, mempool.EncodeBatch(txs[:n])); err != nil {
			return fmt.Errorf("publish transfers: %w", err)
		}
		for got := 0; got < n; {
			select {
			case m := <-received:
				batch, err := mempool.DecodeBatch(m.Data)
				if err != nil {
					return fmt.Errorf("decode transfers: %w", err)
				}
				if len(batch[0]) > 8 { // else one of meshed's that came late
					got += len(batch)
				}
			case <-ctx.Done():
				return fmt.Errorf("receive transfers: %w", ctx.Err())
			}
		}
		txs = txs[n:]
	}
	return nil
}
