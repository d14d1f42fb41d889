package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// held is a source in memory that counts how often it is read.
type held struct {
	modules map[[32]byte][]byte
	reads   int
}

func (h *held) Has(hash [32]byte) bool { return h.modules[hash] != nil }

func (h *held) Wasm(hash [32]byte) ([]byte, error) {
	h.reads++
	if h.modules[hash] == nil {
		return nil, errors.New("damaged")
	}
	return h.modules[hash], nil
}

// fakeNetwork answers requests by a handler a peer.
type fakeNetwork struct {
	mu        sync.Mutex
	ids       []p2p.PeerID
	handlers  map[p2p.PeerID]p2p.RequestHandler
	asked     map[p2p.PeerID]int
	penalised map[p2p.PeerID]int
	validator p2p.PeerID
}

func newNetwork(handlers ...p2p.RequestHandler) *fakeNetwork {
	n := &fakeNetwork{handlers: map[p2p.PeerID]p2p.RequestHandler{}, asked: map[p2p.PeerID]int{}, penalised: map[p2p.PeerID]int{}}
	for i, h := range handlers {
		id := p2p.PeerID{byte(i + 1)}
		n.ids = append(n.ids, id)
		n.handlers[id] = h
	}
	return n
}

func (n *fakeNetwork) Peers() (out []p2p.PeerInfo) {
	for _, id := range n.ids {
		peer := p2p.PeerInfo{ID: id, Role: p2p.RoleFull}
		if id == n.validator {
			peer.Role = p2p.RoleValidator
		}
		out = append(out, peer)
	}
	return out
}

func (n *fakeNetwork) Request(ctx context.Context, to p2p.PeerID, p p2p.Protocol, request []byte) ([]byte, error) {
	n.mu.Lock()
	n.asked[to]++
	n.mu.Unlock()
	answer, err := n.handlers[to](ctx, p2p.PeerID{}, request)
	if err == nil && len(answer) > p.MaxResponseBytes {
		err = fmt.Errorf("an answer of %d bytes, at most %d", len(answer), p.MaxResponseBytes)
	}
	return answer, err
}

func (n *fakeNetwork) Penalise(peer p2p.PeerID, _ string) { n.penalised[peer]++ }

// stalls answers nothing until it is given up.
func stalls(ctx context.Context, _ p2p.PeerID, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSlowPeersAreHedged(t *testing.T) {
	hash, wasm := sample()
	n := newNetwork(stalls, stalls, Serve(&held{modules: map[[32]byte][]byte{hash: wasm}}), stalls)
	f := &Fetcher{Network: n, HedgeAfter: time.Millisecond}
	for range len(n.ids) { // whoever is first
		if got, err := f.Fetch(t.Context(), hash); err != nil || !bytes.Equal(got, wasm) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	if len(n.penalised) != 0 {
		t.Errorf("penalised %v: who is slow does not lie", n.penalised)
	}
}

func TestValidatorsAreAskedFirst(t *testing.T) {
	n := newNetwork(stalls, stalls, stalls)
	n.validator = n.ids[1]
	f := &Fetcher{Network: n}
	for range 6 {
		if order := f.order(); len(order) != 3 || order[0] != n.validator {
			t.Errorf("order %v", order)
		}
	}
}

// sample is a module of several pieces and an odd end.
func sample() (types.Hash, []byte) {
	wasm := make([]byte, 3*PieceBytes+17)
	for i := range wasm {
		wasm[i] = byte(i >> 8)
	}
	return types.SumHash(wasm), wasm
}

func TestFetchOfOneOfSeveral(t *testing.T) {
	hash, wasm := sample()
	source := &held{modules: map[[32]byte][]byte{hash: wasm}}
	nothing := Serve(&held{})
	n := newNetwork(nothing, Serve(source), nothing)
	f := &Fetcher{Network: n}
	for round := range 3 {
		got, err := f.Fetch(t.Context(), hash)
		if err != nil || !bytes.Equal(got, wasm) {
			t.Fatalf("round %d: %d bytes, %v", round, len(got), err)
		}
	}
	if len(n.penalised) != 0 {
		t.Errorf("penalised %v: who has nothing is not at fault", n.penalised)
	}
	if source.reads != 1 {
		t.Errorf("the module was read %d times for %d pieces", source.reads, n.asked[n.ids[1]])
	}
	if _, err := f.Fetch(t.Context(), types.Hash{9}); !errors.Is(err, ErrNoPeer) {
		t.Errorf("a module that nobody has: %v", err)
	}
	if _, err := (&Fetcher{Network: newNetwork()}).Fetch(t.Context(), hash); !errors.Is(err, ErrNoPeer) {
		t.Errorf("without a peer: %v", err)
	}
}

// liar answers whatever edit makes of an honest answer.
func liar(edit func(call int, m *p2pv1.ModuleResponse)) p2p.RequestHandler {
	hash, wasm := sample()
	honest := Serve(&held{modules: map[[32]byte][]byte{hash: wasm}})
	calls := 0
	return func(ctx context.Context, from p2p.PeerID, request []byte) ([]byte, error) {
		data, err := honest(ctx, from, request)
		if err != nil {
			return nil, err
		}
		var m p2pv1.ModuleResponse
		if err := proto.Unmarshal(data, &m); err != nil {
			return nil, err
		}
		edit(calls, &m)
		calls++
		return proto.Marshal(&m)
	}
}

func TestLiarsArePenalisedAndLeft(t *testing.T) {
	hash, wasm := sample()
	honest := Serve(&held{modules: map[[32]byte][]byte{hash: wasm}})
	garbage := func(context.Context, p2p.PeerID, []byte) ([]byte, error) { return []byte{0xff}, nil }
	for name, bad := range map[string]p2p.RequestHandler{
		"a byte changed":  liar(func(_ int, m *p2pv1.ModuleResponse) { m.Piece[3] ^= 1 }),
		"too long":        liar(func(_ int, m *p2pv1.ModuleResponse) { m.TotalBytes = MaxBytes + 1 }),
		"without end":     liar(func(_ int, m *p2pv1.ModuleResponse) { m.TotalBytes = 1 << 63 }),
		"grows":           liar(func(call int, m *p2pv1.ModuleResponse) { m.TotalBytes += uint64(call) }),
		"vanishes":        liar(func(call int, m *p2pv1.ModuleResponse) { m.TotalBytes *= uint64(1 - min(call, 1)) }),
		"an empty piece":  liar(func(_ int, m *p2pv1.ModuleResponse) { m.Piece = nil }),
		"beyond its end":  liar(func(_ int, m *p2pv1.ModuleResponse) { m.TotalBytes = 5 }),
		"does not decode": garbage,
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(bad, honest)
			f := &Fetcher{Network: n, Now: func() time.Time { return time.Unix(1, 0) }}
			for range 4 { // each peer is the first one twice
				if got, err := f.Fetch(t.Context(), hash); err != nil || !bytes.Equal(got, wasm) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
			}
			if n.penalised[n.ids[0]] != 1 || n.penalised[n.ids[1]] != 0 {
				t.Errorf("penalised %v, want the liar, once: it is not asked again", n.penalised)
			}
			f.Now = func() time.Time { return time.Unix(1, 0).Add(liedFor) }
			if len(f.order()) != 2 {
				t.Error("a liar is never asked again")
			}
		})
	}
}

func TestServeRefusesBadRequests(t *testing.T) {
	hash, wasm := sample()
	serve := Serve(&held{modules: map[[32]byte][]byte{hash: wasm, {7}: nil}})
	ask := func(m *p2pv1.ModuleRequest) ([]byte, error) {
		request, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return serve(t.Context(), p2p.PeerID{}, request)
	}
	if _, err := ask(&p2pv1.ModuleRequest{Hash: hash[:5]}); err == nil {
		t.Error("a hash of 5 bytes was taken")
	}
	if _, err := ask(&p2pv1.ModuleRequest{Hash: hash[:], Offset: uint64(len(wasm)) + 1}); err == nil {
		t.Error("an offset beyond the end was taken")
	}
	if _, err := ask(&p2pv1.ModuleRequest{Hash: hash[:], Offset: 1 << 63}); err == nil {
		t.Error("an offset far beyond the end was taken")
	}
	if answer, err := ask(&p2pv1.ModuleRequest{Hash: make([]byte, 32)}); err != nil || len(answer) != 0 {
		t.Errorf("an unknown module: %x, %v", answer, err)
	}
	if _, err := serve(t.Context(), p2p.PeerID{}, []byte{0xff}); err == nil {
		t.Error("garbage was taken")
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hash, _ := sample()
	n := newNetwork(func(ctx context.Context, _ p2p.PeerID, _ []byte) ([]byte, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if _, err := (&Fetcher{Network: n}).Fetch(ctx, hash); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBusyPeerIsAskedAgain(t *testing.T) {
	hash, wasm := sample()
	honest := Serve(&held{modules: map[[32]byte][]byte{hash: wasm}})
	calls := 0
	n := newNetwork(func(ctx context.Context, from p2p.PeerID, request []byte) ([]byte, error) {
		if calls++; calls%2 == 0 {
			return nil, p2p.ErrBusy
		}
		return honest(ctx, from, request)
	})
	if got, err := (&Fetcher{Network: n}).Fetch(t.Context(), hash); err != nil || !bytes.Equal(got, wasm) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	never := newNetwork(func(context.Context, p2p.PeerID, []byte) ([]byte, error) { return nil, p2p.ErrBusy })
	if _, err := (&Fetcher{Network: never}).Fetch(t.Context(), hash); !errors.Is(err, ErrNoPeer) || len(never.penalised) != 0 {
		t.Errorf("a peer that is always busy: %v, penalised %v", err, never.penalised)
	}
}
