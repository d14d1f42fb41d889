package consensus

import (
	"encoding/binary"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

// FuzzStep plays bytes as the moves of the random walk's adversary: nothing may
// panic, break an invariant, go back to an earlier view, sign what is not on record or
// contradicts what was signed, forget what was on record, or commit two chains.
func FuzzStep(f *testing.F) {
	for seed := range byte(8) {
		moves := make([]byte, 200)
		for i := range moves {
			moves[i] = byte(i)*37 + seed*11
		}
		f.Add(moves)
	}
	f.Fuzz(func(t *testing.T, moves []byte) {
		if len(moves) < 4 {
			return
		}
		w := newWalk(int64(binary.LittleEndian.Uint32(moves)))
		for _, m := range moves[4:min(len(moves), 400)] {
			n := w.nodes[int(m)%3]
			core, view := n.core, n.core.view
			switch m % 8 {
			case 0, 1, 2:
				w.deliver(n)
			case 3:
				n.now += uint64(m) * 8
				n.step(Tick{})
			case 4:
				w.join()
			case 5:
				w.badVote()
				w.badProposal()
			case 6:
				n.step(odd(w, n, m))
			case 7:
				if m > 200 {
					n.start()
				} else {
					w.deliver(n)
				}
			}
			if w.err != nil {
				t.Fatal(w.err)
			}
			if err := n.core.invariants(); err != nil {
				t.Fatal(err)
			}
			if n.core == core && core.view < view {
				t.Fatalf("node %d went back from view %d to %d", n.i, view, core.view)
			}
		}
	})
}

// odd is an event that nobody asked for.
func odd(w *walk, n *walkNode, m byte) Event {
	var id types.Hash
	var block *types.Block
	if len(w.order) > 0 {
		block = w.order[int(m/8)%len(w.order)]
		id = block.ID()
	}
	switch m / 8 % 9 {
	case 0:
		return BlockVerified{ID: id, Valid: true}
	case 1:
		return BlockFetched{Block: block}
	case 2:
		return BlockBuilt{View: uint64(m / 64), Block: block}
	case 3:
		return EpochReady{Number: uint64(m / 64)}
	case 4:
		return CertificatesAsked{From: Peer{m}, Epoch: uint64(m / 128), View: uint64(m / 32)}
	case 5:
		return Received{From: Peer{m}, Message: types.Message{EpochStart: &types.EpochStart{Epoch: w.epoch}}}
	case 6:
		return SigningAllowed{Allowed: m > 100, Reason: "fuzz"}
	case 7:
		return Received{From: Peer{m}}
	}
	return StoreProgress{SyncedHeight: uint64(m / 64), LogBytes: uint64(m)}
}
