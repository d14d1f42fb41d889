package engine

import (
	"context"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// askedPeers gives one answer for all, and tells who was asked for what and blamed.
type askedPeers struct {
	ids    []p2p.PeerID
	answer []byte // nil: none
	asked  []p2p.PeerID
	from   uint64 // of the last request
	blamed []p2p.PeerID
}

func (a *askedPeers) Peers() (out []p2p.PeerInfo) {
	for _, id := range a.ids {
		out = append(out, p2p.PeerInfo{ID: id})
	}
	return out
}

func (a *askedPeers) Request(_ context.Context, to p2p.PeerID, _ p2p.Protocol, request []byte) ([]byte, error) {
	var m p2pv1.BlockRangeRequest
	if err := proto.Unmarshal(request, &m); err != nil {
		return nil, err
	}
	a.asked, a.from = append(a.asked, to), m.FromHeight
	if a.answer == nil {
		return nil, p2p.ErrNotConnected
	}
	return a.answer, nil
}

func (a *askedPeers) Penalise(peer p2p.PeerID, _ string) { a.blamed = append(a.blamed, peer) }

// A peer whose next certificate is more bytes above than validators leave without one does
// not have the node hold them all: they are dropped, and others are asked first.
// // rule: bounded-tail
func TestBlockSyncHoldsNoMoreThanATailOfBytes(t *testing.T) {
	net := newNetwork(t, 4)
	n := net.nodes[0]
	e := n.open(net.hub.Join(n.id), &handClock{now: consensus.Now{MonoMs: 1000}})
	e.goRun("executor", e.worker.run)
	var line []*types.Block
	outcomes := []types.Outcome{net.genesisOutcome()}
	for h := uint64(1); h <= 3; h++ {
		parent := &outcomes[h-1]
		b := &types.Block{Header: types.Header{Genesis: net.genesis, Epoch: 1, View: h, Height: h, Parent: parent.Block,
			TimestampMs: h, PayloadRoot: types.ListRoot(nil), EvidenceRoot: types.ListRoot(nil)}}
		run, err := n.executor.Execute(t.Context(), &net.epoch, b, parent)
		n.must(err)
		own, _, err := e.sets.outcome(b, parent, run)
		n.must(err)
		line, outcomes = append(line, b), append(outcomes, own)
	}
	cc := &types.CC{Epoch: 1, View: 3, Height: 3, Block: outcomes[3].Block, Outcome: outcomes[3],
		Commits: types.Aggregate{Signers: []byte{7}, Signature: make([]byte, 192)}}
	far, other := p2p.PeerID{1}, p2p.PeerID{2}
	line[0].Evidence = slices.Repeat([][]byte{make([]byte, 1<<10)}, blocksync.MaxTailBytes>>10-1)
	_, err := e.sync.apply(&blocksync.Range{Blocks: line[:1], Outcomes: outcomes[1:2], Certificate: cc, From: far}, &outcomes[0])
	n.must(err)
	if len(e.sync.pending) != 1 {
		t.Fatalf("%d blocks wait, want the one that is as large as may be", len(e.sync.pending))
	}

	peers := &askedPeers{ids: []p2p.PeerID{far, other}}
	peers.answer, err = proto.Marshal(&p2pv1.BlockRangeResponse{Certificate: wire.EncodeCC(cc), TipHeight: 3,
		Blocks:        []*p2pv1.RangeBlock{{Block: wire.EncodeBlock(line[1]), Outcome: wire.EncodeOutcome(&outcomes[2])}},
		CoverOutcomes: [][]byte{wire.EncodeOutcome(&outcomes[3])}})
	n.must(err)
	fetcher := &blocksync.Fetcher{Network: peers, Proof: blocksync.Proof{Certificate: func(*types.CC) error { return nil }}}
	if ended, err := e.sync.next(fetcher); ended || err != nil {
		t.Fatalf("one block too many: ended %t, %v", ended, err)
	}
	if len(e.sync.pending) != 0 || !slices.Equal(peers.blamed, []p2p.PeerID{far}) {
		t.Errorf("%d blocks wait, blamed %v: want none, and the peer that named the certificate", len(e.sync.pending), peers.blamed)
	}
	peers.answer, peers.asked = nil, nil
	if _, err := e.sync.next(fetcher); !errors.Is(err, blocksync.ErrNoPeer) {
		t.Errorf("asked anew: %v", err)
	}
	if peers.from != 1 || !slices.Equal(peers.asked, []p2p.PeerID{other, far}) {
		t.Errorf("asked %v from height %d, want the other one first, from height 1", peers.asked, peers.from)
	}
	e.cancel(errEnded)
	e.group.Wait()
}
