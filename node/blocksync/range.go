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

// Bounds of one range. A certificate stands at least every 64 heights, so the
// outcomes between a range's end and its certificate are few.
const (
	MaxBlocks   = 256
	MaxBytes    = 8 << 20
	maxCover    = 4096
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
// Certificate covers the last, directly or through outcomes above it.
type Range struct {
	Blocks      []*types.Block
	Outcomes    []types.Outcome
	Certificate *types.CC
	Tip         uint64 // as the peer says
}

// Anchor is what the next range continues.
func (r *Range) Anchor() Anchor {
	last := r.Outcomes[len(r.Outcomes)-1]
	return Anchor{Height: last.Height, Block: last.Block, Outcome: last.Hash()}
}

// ErrNothing says that the peer has nothing above the anchor.
var ErrNothing = errors.New("the peer has no block above")

// Verify decodes and checks an answer. verify checks a certificate's signatures
// and must refuse one of an unknown epoch. It gives errors that name the lie.
func Verify(answer []byte, anchor Anchor, verify func(*types.CC) error) (*Range, error) {
	var m p2pv1.BlockRangeResponse
	if err := proto.Unmarshal(answer, &m); err != nil {
		return nil, fmt.Errorf("range does not decode: %w", err)
	}
	if len(m.Blocks) == 0 {
		return nil, ErrNothing
	}
	if len(m.Blocks) > MaxBlocks || len(m.CoverOutcomes) > maxCover {
		return nil, fmt.Errorf("range of %d blocks and %d outcomes, at most %d and %d", len(m.Blocks), len(m.CoverOutcomes), MaxBlocks, maxCover)
	}
	cc, err := wire.DecodeCC(m.Certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate of the range: %w", err)
	}
	r := &Range{Certificate: cc, Tip: m.TipHeight}
	top, err := r.chain(&m, anchor)
	if err != nil {
		return nil, err
	}
	if top != cc.Outcome.Hash() {
		return nil, fmt.Errorf("outcomes of the range do not lead to its certificate at height %d", cc.Outcome.Height)
	}
	if err := verify(cc); err != nil {
		return nil, fmt.Errorf("certificate of the range: %w", err)
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

// chain follows the outcomes from the anchor and answers the last one's hash.
func (r *Range) chain(m *p2pv1.BlockRangeResponse, anchor Anchor) (types.Hash, error) {
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
			return last, err
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	for _, encoded := range m.CoverOutcomes {
		if _, err := follow(encoded); err != nil {
			return last, err
		}
	}
	return last, nil
}
