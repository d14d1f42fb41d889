package blocksync

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
)

// MaxTailBytes bounds the blocks that wait for a certificate. Validators leave at most
// 64 MiB of payload and one block above the last final one, so an honest peer has a
// certificate long before this. // rule: bounded-tail
const MaxTailBytes = 256 << 20

// TailError says that more than MaxTailBytes would wait for the certificate that a peer
// named as its next one. What was fetched is to be dropped, and the peer to be blamed.
type TailError struct {
	Peer  p2p.PeerID
	Bytes int
}

// Error implements error.
func (e *TailError) Error() string {
	return fmt.Sprintf("%d bytes of blocks below its next certificate, at most %d", e.Bytes, MaxTailBytes)
}

// Tail says up to where fetched blocks can be stored: up to a height that a certificate
// names. The first certificate above what was fetched is kept until that is reached.
// Without that, a peer whose ranges all end below their certificates would have the
// asker hold the whole chain: at most MaxTail blocks and one range wait with it, and at
// most MaxTailBytes of them.
//
// The zero value has nothing; it begins anew where what was fetched is dropped.
type Tail struct {
	ahead *types.CC
	from  p2p.PeerID // who gave the lowest range that waits
	bytes int        // that wait
}

// Add takes a verified range that continues what was fetched, and answers the
// certificates of what is fetched now, of ascending heights; or a TailError: then the
// range is not to be used.
func (t *Tail) Add(r *Range) ([]*types.CC, error) {
	last := r.Outcomes[len(r.Outcomes)-1].Height
	var reached []*types.CC
	if t.ahead != nil && t.ahead.Outcome.Height <= last {
		reached, t.ahead = append(reached, t.ahead), nil
	}
	cc := r.Certificate
	switch {
	case cc == nil:
	case cc.Outcome.Height > last:
		if t.ahead == nil {
			t.ahead = cc
		}
	case len(reached) == 0 || reached[0].Outcome.Height < last:
		reached = append(reached, cc)
	}
	return reached, t.wait(r, reached)
}

// wait counts what waits above the last certificate that is reached.
func (t *Tail) wait(r *Range, reached []*types.CC) error {
	above := uint64(0)
	if len(reached) > 0 {
		above, t.bytes = reached[len(reached)-1].Outcome.Height, 0
	}
	if t.bytes == 0 {
		t.from = r.From
	}
	for i, b := range r.Blocks {
		if r.Outcomes[i].Height > above {
			t.bytes += blockBytes(b)
		}
	}
	if t.bytes > MaxTailBytes {
		return &TailError{Peer: t.from, Bytes: t.bytes}
	}
	return nil
}

// blockBytes is about what a block takes.
func blockBytes(b *types.Block) int {
	n := 1<<10 + b.PayloadBytes()
	for _, ev := range b.Evidence {
		n += len(ev)
	}
	return n
}
