package blocksync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// chain is a source of blocks 1..tip above genesis, certified every eighth
// height, at the tip, and where the epoch ends.
type chain struct {
	blocks   []*types.Block
	outcomes []types.Outcome
	epochEnd uint64
}

func newChain(tip int, epochEnd uint64) *chain {
	c := &chain{epochEnd: epochEnd, blocks: []*types.Block{nil}, outcomes: []types.Outcome{{Block: types.SumHash([]byte("genesis"))}}}
	for h := 1; h <= tip; h++ {
		payload := [][]byte{fmt.Appendf(nil, "transaction %d", h)}
		b := &types.Block{Payload: payload, Header: types.Header{Epoch: 1, View: uint64(h), Height: uint64(h),
			Parent: c.outcomes[h-1].Block, PayloadRoot: types.ListRoot(payload), EvidenceRoot: types.ListRoot(nil)}}
		o := types.Outcome{Height: uint64(h), Block: b.ID(), StateRoot: types.SumHash(payload[0]), Parent: c.outcomes[h-1].Hash()}
		if uint64(h) == epochEnd {
			o.NextEpoch = types.SumHash([]byte("next"))
		}
		c.blocks, c.outcomes = append(c.blocks, b), append(c.outcomes, o)
	}
	return c
}

func (c *chain) Tip() uint64                              { return uint64(len(c.blocks) - 1) }
func (c *chain) Floor() uint64                            { return 1 }
func (c *chain) Block(h uint64) (*types.Block, error)     { return c.blocks[h], nil }
func (c *chain) Outcome(h uint64) (*types.Outcome, error) { return &c.outcomes[h], nil }
func (c *chain) anchor(h uint64) Anchor {
	return Anchor{Height: h, Block: c.outcomes[h].Block, Outcome: c.outcomes[h].Hash()}
}

func (c *chain) Certificate(h uint64) (*types.CC, error) {
	for ; h < c.Tip() && h%8 != 0 && h != c.epochEnd; h++ {
	}
	return &types.CC{Epoch: 1, View: h, Height: h, Block: c.outcomes[h].Block, Outcome: c.outcomes[h],
		Commits: types.Aggregate{Signers: []byte{7}, Signature: make([]byte, 192)}}, nil
}

func (c *chain) Stopped(uint64) (*types.Outcome, error) { return nil, nil }

func accept(*types.CC) error { return nil }

func serve(t *testing.T, c *chain, from uint64, count int) []byte {
	t.Helper()
	request, err := Request(from, count)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := Serve(c)(context.Background(), p2p.PeerID{}, request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestRangeContinuesTheAnchorUpToItsCertificate(t *testing.T) {
	c := newChain(30, 0)
	r, err := Verify(serve(t, c, 4, 10), c.anchor(3), Proof{Certificate: accept})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Anchor(); got != c.anchor(8) {
		t.Errorf("range ends at %+v, want the certified height 8", got)
	}
	r, err = Verify(serve(t, c, 9, 4), c.anchor(8), Proof{Certificate: accept})
	if err != nil {
		t.Fatal(err)
	}
	if r.Anchor() != c.anchor(12) || r.Certificate.Outcome.Height != 16 {
		t.Errorf("range ends at %d under a certificate of %d, want 12 and the next one held, 16", r.Anchor().Height, r.Certificate.Outcome.Height)
	}
}

func TestRangeStopsAtTheEpochsEnd(t *testing.T) {
	c := newChain(30, 11)
	r, err := Verify(serve(t, c, 1, 100), c.anchor(0), Proof{Certificate: accept})
	if err != nil {
		t.Fatal(err)
	}
	if r.Anchor().Height != 11 || r.Certificate.Outcome.Height != 11 {
		t.Errorf("range ends at %d with a certificate of %d, want 11 and 11", r.Anchor().Height, r.Certificate.Outcome.Height)
	}
}

// What waits for a certificate of its own height is stored up to the first one above it,
// however far above the ranges that follow have theirs.
func TestTailEndsAtTheFirstCertificateAbove(t *testing.T) {
	c := newChain(30, 0)
	var tail Tail
	for _, step := range []struct {
		last, certified uint64 // 0: by the end that is known
		want            string
	}{
		{3, 8, "[]"}, {6, 16, "[]"}, {10, 24, "[8]"}, {12, 16, "[]"}, {24, 24, "[24]"}, {26, 26, "[26]"}, {27, 28, "[]"}, {30, 0, "[28]"},
	} {
		r := &Range{Outcomes: c.outcomes[step.last : step.last+1]}
		if step.certified > 0 {
			r.Certificate = &types.CC{Outcome: c.outcomes[step.certified]}
		}
		reached, err := tail.Add(r)
		if err != nil {
			t.Fatal(err)
		}
		got := []uint64{}
		for _, cc := range reached {
			got = append(got, cc.Outcome.Height)
		}
		if fmt.Sprint(got) != step.want {
			t.Errorf("up to height %d, certified at %d: stored up to %v, want %s", step.last, step.certified, got, step.want)
		}
	}
}

// What waits is bounded in bytes too: who named the certificate that it waits for is told,
// whoever gave what came after. What a certificate reaches waits no more.
func TestTailIsBoundedInBytes(t *testing.T) {
	far, near := p2p.PeerID{1}, p2p.PeerID{2}
	large := &types.Block{Payload: slices.Repeat([][]byte{make([]byte, MaxTailBytes/64)}, 15), Evidence: [][]byte{make([]byte, 512)}}
	give := func(tail *Tail, from p2p.PeerID, height, certified uint64) ([]*types.CC, error) {
		r := &Range{Blocks: []*types.Block{large}, Outcomes: []types.Outcome{{Height: height}}, From: from}
		if certified > 0 {
			r.Certificate = &types.CC{Outcome: types.Outcome{Height: certified}}
		}
		return tail.Add(r)
	}
	for _, first := range []uint64{100, 0} { // 0: by the end that is known
		var tail Tail
		for height := uint64(1); height <= 4; height++ {
			if _, err := give(&tail, far, height, first); err != nil {
				t.Fatalf("height %d: %v", height, err)
			}
		}
		_, err := give(&tail, near, 5, 6)
		var long *TailError
		if !errors.As(err, &long) || long.Peer != far || long.Bytes <= MaxTailBytes {
			t.Errorf("five blocks of almost a quarter of the bound each, certified at %d: %v, want the first peer named", first, err)
		}
	}
	var tail Tail
	for height := uint64(1); height <= 20; height++ {
		from := far
		if height > 16 {
			from = near
		}
		_, err := give(&tail, from, height, height+3-(height-1)%4) // at every fourth height
		if err != nil {
			t.Fatalf("height %d, certified at every fourth: %v", height, err)
		}
	}
	for height := uint64(21); height <= 25; height++ {
		_, err := give(&tail, near, height, 100)
		var long *TailError
		if errors.As(err, &long) != (height == 25) || height == 25 && long.Peer != near {
			t.Errorf("height %d, certified at height 100: %v", height, err)
		}
	}
}

func TestNothingAboveTheTip(t *testing.T) {
	c := newChain(5, 0)
	if _, err := Verify(serve(t, c, 6, 10), c.anchor(5), Proof{Certificate: accept}); !errors.Is(err, ErrNothing) {
		t.Errorf("error %v, want ErrNothing", err)
	}
}

func TestBelowTheFloorIsRefused(t *testing.T) {
	request, err := Request(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Serve(newChain(3, 0))(context.Background(), p2p.PeerID{}, request); err == nil || !strings.Contains(err.Error(), "below the lowest") {
		t.Errorf("error %v, want the floor named", err)
	}
}

func TestLiesAreRefusedByName(t *testing.T) {
	other := newChain(30, 0)
	other.outcomes[5].StateRoot[0] ^= 1
	cases := []struct {
		name   string
		change func(*p2pv1.BlockRangeResponse)
		anchor func(*chain) Anchor
		verify func(*types.CC) error
		want   string
	}{
		{name: "another chain's anchor", anchor: func(*chain) Anchor { return Anchor{Height: 8} }, want: "does not follow"},
		{name: "a height left out", change: func(m *p2pv1.BlockRangeResponse) { m.Blocks = append(m.Blocks[:2], m.Blocks[3:]...) }, want: "where 11 is due"},
		{name: "a changed outcome", change: func(m *p2pv1.BlockRangeResponse) { m.Blocks[1].Outcome[20] ^= 1 }, want: "outcome"},
		{name: "another block's body", change: func(m *p2pv1.BlockRangeResponse) { m.Blocks[1].Block = m.Blocks[2].Block }, want: "not the one that its outcome names"},
		{name: "a changed body", change: func(m *p2pv1.BlockRangeResponse) { b := m.Blocks[1].Block; b[len(b)-1] ^= 1 }, want: "block 10 of the range"},
		{name: "cover outcomes missing", change: func(m *p2pv1.BlockRangeResponse) { m.CoverOutcomes = m.CoverOutcomes[1:] }, want: "is due"},
		{name: "certificate of another height", change: func(m *p2pv1.BlockRangeResponse) { m.CoverOutcomes = m.CoverOutcomes[:1] }, want: "do not lead to its certificate"},
		{name: "no certificate", change: func(m *p2pv1.BlockRangeResponse) { m.Certificate = nil }, want: "certificate"},
		{name: "a certificate that does not verify", verify: func(*types.CC) error { return errors.New("no quorum") }, want: "no quorum"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newChain(30, 0)
			var m p2pv1.BlockRangeResponse
			if err := proto.Unmarshal(serve(t, c, 9, 4), &m); err != nil {
				t.Fatal(err)
			}
			if tc.change != nil {
				tc.change(&m)
			}
			answer, err := proto.Marshal(&m)
			if err != nil {
				t.Fatal(err)
			}
			anchor, verify := c.anchor(8), accept
			if tc.anchor != nil {
				anchor = tc.anchor(c)
			}
			if tc.verify != nil {
				verify = tc.verify
			}
			if _, err := Verify(answer, anchor, Proof{Certificate: verify}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
		})
	}
}

// network answers for each peer with what its function gives.
type network struct {
	mu      sync.Mutex
	peers   []p2p.PeerID
	answers map[p2p.PeerID]func(context.Context, []byte) ([]byte, error)
	blamed  map[p2p.PeerID]string
}

func (n *network) Peers() []p2p.PeerInfo {
	var out []p2p.PeerInfo
	for _, id := range n.peers {
		out = append(out, p2p.PeerInfo{ID: id})
	}
	return out
}

func (n *network) Request(ctx context.Context, to p2p.PeerID, _ p2p.Protocol, request []byte) ([]byte, error) {
	return n.answers[to](ctx, request)
}

func (n *network) Penalise(peer p2p.PeerID, reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blamed[peer] = reason
}

func TestFetchPassesLiarsByAndBlamesThem(t *testing.T) {
	c := newChain(30, 0)
	honest := Serve(c)
	liar, gone, good := p2p.PeerID{1}, p2p.PeerID{2}, p2p.PeerID{3}
	n := &network{peers: []p2p.PeerID{liar, gone, good}, blamed: map[p2p.PeerID]string{}}
	n.answers = map[p2p.PeerID]func(context.Context, []byte) ([]byte, error){
		liar: func(context.Context, []byte) ([]byte, error) { return []byte("nonsense"), nil },
		gone: func(context.Context, []byte) ([]byte, error) { return nil, p2p.ErrNotConnected },
		good: func(ctx context.Context, request []byte) ([]byte, error) { return honest(ctx, good, request) },
	}
	f := &Fetcher{Network: n, Proof: Proof{Certificate: accept}, Prefer: []p2p.PeerID{liar}}
	r, err := f.Fetch(context.Background(), c.anchor(0))
	if err != nil {
		t.Fatal(err)
	}
	if r.Anchor() != c.anchor(30) {
		t.Errorf("range ends at %d, want 30", r.Anchor().Height)
	}
	if _, ok := n.blamed[liar]; !ok || len(n.blamed) != 1 {
		t.Errorf("blamed %v, want the liar alone", n.blamed)
	}
}

// Who was blamed for where its ranges lead is asked last, preferred or not; and a range
// tells who gave it.
func TestFetchAsksTheBlamedLast(t *testing.T) {
	c := newChain(30, 0)
	honest := Serve(c)
	far, good := p2p.PeerID{1}, p2p.PeerID{3}
	n := &network{peers: []p2p.PeerID{far, good}, blamed: map[p2p.PeerID]string{}, answers: map[p2p.PeerID]func(context.Context, []byte) ([]byte, error){}}
	for _, id := range n.peers {
		n.answers[id] = func(ctx context.Context, request []byte) ([]byte, error) { return honest(ctx, id, request) }
	}
	f := &Fetcher{Network: n, Proof: Proof{Certificate: accept}, Prefer: []p2p.PeerID{far}}
	for round, want := range []p2p.PeerID{far, good, good} {
		r, err := f.Fetch(t.Context(), c.anchor(0))
		if err != nil || r.From != want {
			t.Fatalf("round %d: a range of another than %s, or none: %v", round, want.Short(), err)
		}
		if round == 0 {
			f.Blame(far, "it leads nowhere")
		}
	}
	if n.blamed[far] == "" || len(n.blamed) != 1 {
		t.Errorf("penalised %v, want the first alone", n.blamed)
	}
	n.answers[good] = func(context.Context, []byte) ([]byte, error) { return nil, p2p.ErrNotConnected }
	if r, err := f.Fetch(t.Context(), c.anchor(0)); err != nil || r.From != far {
		t.Errorf("with nobody else: %v", err)
	}
}

func TestFetchWithoutAnybodySaysSo(t *testing.T) {
	f := &Fetcher{Network: &network{}, Proof: Proof{Certificate: accept}}
	if _, err := f.Fetch(context.Background(), Anchor{}); !errors.Is(err, ErrNoPeer) {
		t.Errorf("error %v, want ErrNoPeer", err)
	}
}

func FuzzVerify(f *testing.F) {
	c := newChain(12, 0)
	request, err := Request(1, 4)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := Serve(c)(context.Background(), p2p.PeerID{}, request)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Verify(data, c.anchor(0), Proof{Certificate: accept})
		if err == nil && r.Outcomes[0].Parent != c.outcomes[0].Hash() {
			t.Error("accepted a range that does not continue the anchor")
		}
	})
}
