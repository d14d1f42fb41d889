package blocksync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/task"
)

// hedgeAfter is how long one peer may take before another is asked the same.
const hedgeAfter = 2 * time.Second

// Network is the part of the network that fetching uses.
type Network interface {
	Peers() []p2p.PeerInfo
	Request(ctx context.Context, to p2p.PeerID, p p2p.Protocol, request []byte) ([]byte, error)
	Penalise(peer p2p.PeerID, reason string)
}

// Fetcher asks peers for ranges.
type Fetcher struct {
	// Tasks is where it runs; the zero value is the machine.
	Tasks   task.Runtime
	Network Network
	// Proof is what answers are held against; not to be changed while Fetch runs.
	Proof Proof
	// Prefer are peers to ask first; the others follow.
	Prefer []p2p.PeerID

	turn   int
	blamed map[p2p.PeerID]bool
}

// Blame penalises a peer whose ranges verify and lead nowhere: it is asked last from now
// on. Not while Fetch runs.
func (f *Fetcher) Blame(peer p2p.PeerID, reason string) {
	if f.blamed == nil {
		f.blamed = map[p2p.PeerID]bool{}
	}
	f.blamed[peer] = true
	f.Network.Penalise(peer, "block range: "+reason)
}

// ErrNoPeer says that no connected peer gave a usable range.
var ErrNoPeer = errors.New("no peer gave a range that verifies")

type answer struct {
	peer p2p.PeerID
	r    *Range
	err  error
}

// Fetch gives the range above anchor of the first peer whose answer verifies.
func (f *Fetcher) Fetch(ctx context.Context, anchor Anchor) (*Range, error) {
	request, err := Request(anchor.Height+1, MaxBlocks)
	if err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	peers, proof := f.order(), f.Proof
	answers := make(chan answer, len(peers))
	asked, open := 0, 0
	ask := func() {
		peer := peers[asked]
		asked, open = asked+1, open+1
		f.Tasks.Go("ask for a range", func() { answers <- f.ask(ctx, peer, request, anchor, proof) }) // it has room for all
	}
	hedge := f.Tasks.Timer()
	defer hedge.Stop()
	hedge.Reset(hedgeAfter)
	var last error
	var a answer
	for {
		if open == 0 {
			if asked == len(peers) {
				return nil, errors.Join(ErrNoPeer, last)
			}
			ask()
		}
		switch task.Select3(f.Tasks, task.Done(ctx), task.Fired(hedge), task.Recv(answers, &a)) {
		case 0:
			return nil, ctx.Err()
		case 1:
			if asked < len(peers) {
				ask()
			}
			hedge.Reset(hedgeAfter)
		case 2:
			if a.err == nil {
				return a.r, nil
			}
			open--
			last = fmt.Errorf("peer %s: %w", a.peer.Short(), a.err)
		}
	}
}

// ask asks one peer. A lie costs its sender, having nothing does not.
func (f *Fetcher) ask(ctx context.Context, peer p2p.PeerID, request []byte, anchor Anchor, proof Proof) answer {
	data, err := f.Network.Request(ctx, peer, Protocol, request)
	if err != nil {
		return answer{peer: peer, err: err}
	}
	r, err := Verify(data, anchor, proof)
	if err != nil && !errors.Is(err, ErrNothing) {
		f.Network.Penalise(peer, "block range: "+err.Error())
	}
	if r != nil {
		r.From = peer
	}
	return answer{peer: peer, r: r, err: err}
}

// order lists the peers: preferred ones first, each time beginning with another, and
// blamed ones last.
func (f *Fetcher) order() []p2p.PeerID {
	connected := map[p2p.PeerID]bool{}
	for _, p := range f.Network.Peers() {
		connected[p.ID] = true
	}
	var out []p2p.PeerID
	seen := map[p2p.PeerID]bool{}
	add := func(id p2p.PeerID) {
		if connected[id] && !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	for i := range f.Prefer {
		add(f.Prefer[(i+f.turn)%len(f.Prefer)])
	}
	for _, p := range f.Network.Peers() {
		add(p.ID)
	}
	f.turn++
	slices.SortStableFunc(out, func(a, b p2p.PeerID) int {
		switch {
		case f.blamed[a] == f.blamed[b]:
			return 0
		case f.blamed[a]:
			return 1
		}
		return -1
	})
	return out
}
