package blocksync

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// Bounds of one range. A certificate stands at least every 64 heights, or where
// finality stood still every MaxTail, since nobody stores more without one.
const (
	MaxBlocks   = 256
	MaxBytes    = 8 << 20
	MaxTail     = 4096
	maxResponse = MaxBytes + types.MaxBlockBytes + 2<<20
)

// Protocol is the request for a range.
var Protocol = p2p.Protocol{Name: "blocks/1", MaxRequestBytes: 64, MaxResponseBytes: maxResponse,
	Timeout: 20 * time.Second, RatePerSecond: 20, Burst: 40, Concurrent: 4}

// Anchor is the final block that a range continues.
type Anchor struct {
	Height  uint64
	Block   types.Hash
	Outcome types.Hash // hash of its outcome
}

// Range is a verified stretch of final blocks. Outcomes[i] is Blocks[i]'s;
// Certificate covers the last, directly or through outcomes above it. It is nil where
// they lead to the end that was known before.
type Range struct {
	Blocks      []*types.Block
	Outcomes    []types.Outcome
	Certificate *types.CC
	Tip         uint64     // as the peer says
	From        p2p.PeerID // who gave it
}

// Proof is what a range is held against.
type Proof struct {
	// Certificate checks a certificate's signatures, and refuses one of an unknown
	// epoch.
	Certificate func(*types.CC) error
	// End is the outcome at which the chain stopped, where a recovery genesis says
	// that: outcomes that lead to it need no certificate. // rule: recovery-genesis
	End *End
}

// End is the last outcome of a chain that stopped.
type End struct {
	Height  uint64
	Outcome types.Hash
}

// Anchor is what the next range continues.
func (r *Range) Anchor() Anchor {
	last := r.Outcomes[len(r.Outcomes)-1]
	return Anchor{Height: last.Height, Block: last.Block, Outcome: last.Hash()}
}

// ErrNothing says that the peer has nothing above the anchor.
var ErrNothing = errors.New("the peer has no block above")

// Verify decodes and checks an answer. It gives errors that name the lie.
func Verify(answer []byte, anchor Anchor, proof Proof) (*Range, error) {
	var m p2pv1.BlockRangeResponse
	if err := proto.Unmarshal(answer, &m); err != nil {
		return nil, fmt.Errorf("range does not decode: %w", err)
	}
	if len(m.Blocks) == 0 {
		return nil, ErrNothing
	}
	if len(m.Blocks) > MaxBlocks || len(m.Blocks)+len(m.CoverOutcomes) > MaxTail {
		return nil, fmt.Errorf("range of %d blocks and %d outcomes, at most %d, and %d together", len(m.Blocks), len(m.CoverOutcomes), MaxBlocks, MaxTail)
	}
	r := &Range{Tip: m.TipHeight}
	top, height, err := r.chain(&m, anchor)
	if err != nil {
		return nil, err
	}
	if err := r.prove(&m, top, height, proof); err != nil {
		return nil, err
	}
	for i, b := range m.Blocks {
		block, err := wire.DecodeBlock(b.Block)
		if err != nil {
			return nil, fmt.Errorf("block %d of the range: %w", r.Outcomes[i].Height, err)
		}
		if block.ID() != r.Outcomes[i].Block || block.Header.Height != r.Outcomes[i].Height {
			return nil, fmt.Errorf("block %d of the range is not the one that its outcome names", r.Outcomes[i].Height)
		}
		r.Blocks = append(r.Blocks, block)
	}
	return r, nil
}

// prove holds the end of the outcomes against the certificate, or against the end that
// is known.
func (r *Range) prove(m *p2pv1.BlockRangeResponse, top types.Hash, height uint64, proof Proof) error {
	if end := proof.End; len(m.Certificate) == 0 && end != nil {
		if height != end.Height || top != end.Outcome {
			return fmt.Errorf("outcomes of the range lead to %s at height %d, the chain stopped at %s at height %d", top, height, end.Outcome, end.Height)
		}
		return nil
	}
	cc, err := wire.DecodeCC(m.Certificate)
	if err != nil {
		return fmt.Errorf("certificate of the range: %w", err)
	}
	if top != cc.Outcome.Hash() {
		return fmt.Errorf("outcomes of the range do not lead to its certificate at height %d", cc.Outcome.Height)
	}
	if end := proof.End; end != nil && height > end.Height {
		return fmt.Errorf("range goes on to height %d, the chain stopped at %d", height, end.Height)
	}
	if err := proof.Certificate(cc); err != nil {
		return fmt.Errorf("certificate of the range: %w", err)
	}
	r.Certificate = cc
	return nil
}

// chain follows the outcomes from the anchor and answers the last one's hash and height.
func (r *Range) chain(m *p2pv1.BlockRangeResponse, anchor Anchor) (types.Hash, uint64, error) {
	height, last := anchor.Height, anchor.Outcome
	ended := false
	follow := func(encoded []byte) (types.Outcome, error) {
		o, err := wire.DecodeOutcome(encoded)
		switch {
		case err != nil:
			return o, fmt.Errorf("outcome above height %d: %w", height, err)
		case o.Height != height+1:
			return o, fmt.Errorf("outcome of height %d where %d is due", o.Height, height+1)
		case o.Parent != last:
			return o, fmt.Errorf("outcome of height %d does not follow that of %d", o.Height, height)
		case ended:
			return o, fmt.Errorf("range goes on beyond the end of its epoch at height %d", height)
		}
		height, last, ended = o.Height, o.Hash(), o.EndsEpoch()
		return o, nil
	}
	for _, b := range m.Blocks {
		o, err := follow(b.Outcome)
		if err != nil {
			return last, height, err
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	for _, encoded := range m.CoverOutcomes {
		if _, err := follow(encoded); err != nil {
			return last, height, err
		}
	}
	return last, height, nil
}
