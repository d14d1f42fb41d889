package modules

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// How long a peer is not asked again after it lied, how many such are remembered,
// and how long one peer may take for a whole module.
const (
	liedFor     = 10 * time.Minute
	maxLiars    = 256
	perPeer     = 2 * time.Minute
	maxAttempts = 32 // peers asked in one Fetch
)

// Another peer is asked beside one that takes that long, up to so many at a time.
const (
	hedgeAfter = 5 * time.Second
	maxOpen    = 4
)

// A peer that says that it is busy is asked for the same piece again, so often.
const (
	busyWait = 100 * time.Millisecond
	maxBusy  = 20
)

// ErrNoPeer says that no connected peer gave the module.
var ErrNoPeer = errors.New("no peer gave the module")

// errNothing: the peer does not have the module, which is no fault.
var errNothing = errors.New("does not have it")

// lie is an answer that no honest node gives.
type lie struct{ reason string }

func (l *lie) Error() string { return l.reason }

func liedf(format string, args ...any) error { return &lie{fmt.Sprintf(format, args...)} }

// Network is the part of the network that fetching uses.
type Network interface {
	Peers() []p2p.PeerInfo
	Request(ctx context.Context, to p2p.PeerID, p p2p.Protocol, request []byte) ([]byte, error)
	Penalise(peer p2p.PeerID, reason string)
}

// Fetcher asks peers for modules. It is safe for concurrent use.
type Fetcher struct {
	Network Network
	// MaxBytes bounds a module; 0: the constant MaxBytes, which is the most.
	MaxBytes int
	// HedgeAfter is how long a peer may take before another one is asked too; 0: 5 s.
	HedgeAfter time.Duration
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time

	mu   sync.Mutex
	turn int
	lied map[p2p.PeerID]time.Time // until when not to ask
}

// got is what came of asking one peer.
type got struct {
	peer p2p.PeerID
	wasm []byte
	err  error
}

// Fetch gives the module of a hash from the first peer that has it. A peer that takes
// long is hedged: others are asked beside it. The error is ErrNoPeer (wrapped, with
// what the last peer said) or the context's.
func (f *Fetcher) Fetch(ctx context.Context, hash types.Hash) ([]byte, error) {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	peers := f.order()
	peers = peers[:min(len(peers), maxAttempts)]
	answers := make(chan got, len(peers))
	asked, open := 0, 0
	ask := func() {
		peer := peers[asked]
		asked, open = asked+1, open+1
		go func() {
			wasm, err := f.ask(ctx, peer, hash)
			answers <- got{peer, wasm, err}
		}()
	}
	hedge := time.NewTicker(f.hedgeAfter())
	defer hedge.Stop()
	last := errors.New("no peer is connected")
	for {
		if open == 0 {
			if asked == len(peers) {
				return nil, fmt.Errorf("fetch module %s: %w: %w", hash, ErrNoPeer, last)
			}
			ask()
		}
		select {
		case <-outer.Done():
			return nil, fmt.Errorf("fetch module %s: %w", hash, outer.Err())
		case <-hedge.C:
			if asked < len(peers) && open < maxOpen {
				ask()
			}
		case a := <-answers:
			if a.err == nil {
				return a.wasm, nil
			}
			open--
			last = fmt.Errorf("peer %s: %w", a.peer.Short(), a.err)
			f.judge(&a, hash)
		}
	}
}

// judge penalises a peer that lied.
func (f *Fetcher) judge(a *got, hash types.Hash) {
	var lied *lie
	if errors.As(a.err, &lied) {
		f.Network.Penalise(a.peer, fmt.Sprintf("module %s: %s", hash, lied.reason))
		f.avoid(a.peer)
	}
}

func (f *Fetcher) hedgeAfter() time.Duration {
	if f.HedgeAfter > 0 {
		return f.HedgeAfter
	}
	return hedgeAfter
}

// ask brings a whole module of one peer, piece by piece.
func (f *Fetcher) ask(ctx context.Context, peer p2p.PeerID, hash types.Hash) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, perPeer)
	defer cancel()
	most := uint64(MaxBytes)
	if f.MaxBytes > 0 {
		most = min(most, uint64(f.MaxBytes))
	}
	var wasm []byte
	var total uint64
	for total == 0 || uint64(len(wasm)) < total {
		piece, err := f.piece(ctx, peer, hash, uint64(len(wasm)))
		if err != nil {
			return nil, err
		}
		switch {
		case piece.TotalBytes == 0 && len(wasm) == 0:
			return nil, errNothing
		case piece.TotalBytes > most:
			return nil, liedf("a module of %d bytes, at most %d", piece.TotalBytes, most)
		case len(wasm) > 0 && piece.TotalBytes != total:
			return nil, liedf("a module of %d bytes, before of %d", piece.TotalBytes, total)
		case len(piece.Piece) == 0 || uint64(len(piece.Piece)) > piece.TotalBytes-uint64(len(wasm)):
			return nil, liedf("a piece of %d bytes at %d of %d", len(piece.Piece), len(wasm), piece.TotalBytes)
		}
		total = piece.TotalBytes
		wasm = append(wasm, piece.Piece...)
	}
	if got := types.Hash(sha256.Sum256(wasm)); got != hash {
		return nil, liedf("what it sent has SHA-256 %s", got)
	}
	return wasm, nil
}

func (f *Fetcher) piece(ctx context.Context, peer p2p.PeerID, hash types.Hash, offset uint64) (*p2pv1.ModuleResponse, error) {
	request, err := proto.Marshal(&p2pv1.ModuleRequest{Hash: hash[:], Offset: offset})
	if err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	data, err := f.Network.Request(ctx, peer, Protocol, request)
	for tries := 1; errors.Is(err, p2p.ErrBusy) && tries < maxBusy; tries++ {
		select {
		case <-time.After(busyWait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		data, err = f.Network.Request(ctx, peer, Protocol, request)
	}
	if err != nil {
		return nil, err
	}
	var answer p2pv1.ModuleResponse
	if err := proto.Unmarshal(data, &answer); err != nil {
		return nil, liedf("an answer that does not decode: %v", err)
	}
	return &answer, nil
}

// order lists the connected peers that did not lie of late, validators first, each
// time beginning with another one.
func (f *Fetcher) order() []p2p.PeerID {
	peers := f.Network.Peers()
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	var validators, others []p2p.PeerID
	for i := range peers {
		peer := &peers[(i+f.turn)%len(peers)]
		if until, ok := f.lied[peer.ID]; ok && now.Before(until) {
			continue
		}
		if peer.Role == p2p.RoleValidator {
			validators = append(validators, peer.ID)
		} else {
			others = append(others, peer.ID)
		}
	}
	return append(validators, others...)
}

func (f *Fetcher) avoid(peer p2p.PeerID) {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lied == nil || len(f.lied) >= maxLiars {
		f.lied = map[p2p.PeerID]time.Time{}
	}
	f.lied[peer] = now.Add(liedFor)
}

func (f *Fetcher) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}
