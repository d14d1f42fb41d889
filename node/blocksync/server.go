package blocksync

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// Source is what ranges are served from.
type Source interface {
	Tip() uint64
	// Floor is the lowest height whose block is here.
	Floor() uint64
	Block(height uint64) (*types.Block, error)
	Outcome(height uint64) (*types.Outcome, error)
	// Certificate is the one of the lowest height at or above height.
	Certificate(height uint64) (*types.CC, error)
	// Stopped is the outcome of the lowest height at or above height at which a chain
	// stopped that this one continues, as that chain had it; nil: there is none.
	Stopped(height uint64) (*types.Outcome, error)
}

// stretch is the part of a source that a range is taken from: the chain's own, or what
// a chain had that it continues. // rule: recovery-genesis
type stretch struct {
	Source
	end *types.Outcome // nil: the chain's own
}

func stretchOf(source Source, from uint64) (stretch, error) {
	end, err := source.Stopped(from)
	if err != nil {
		return stretch{}, fmt.Errorf("read where a chain stopped: %w", err)
	}
	return stretch{source, end}, nil
}

func (s *stretch) last() uint64 {
	if s.end != nil {
		return s.end.Height
	}
	return s.Tip()
}

func (s *stretch) outcome(height uint64) (*types.Outcome, error) {
	if s.end != nil && s.end.Height == height {
		return s.end, nil
	}
	return s.Outcome(height)
}

// certificate is the one of the lowest height at or above height; nil where the chain
// stopped before it had one.
func (s *stretch) certificate(height uint64) (*types.CC, error) {
	if s.end != nil && s.end.Height == height {
		return nil, nil
	}
	cc, err := s.Certificate(height)
	if s.end != nil && (errors.Is(err, ErrNoCertificate) || err == nil && cc.Outcome.Height >= s.end.Height) {
		return nil, nil
	}
	return cc, err
}

// ErrNoCertificate is what Source.Certificate answers (wrapped) above the newest.
var ErrNoCertificate = errors.New("no certificate at or above that height")

// Serve answers requests for ranges from a source.
func Serve(source Source) p2p.RequestHandler {
	return func(ctx context.Context, _ p2p.PeerID, request []byte) ([]byte, error) {
		var m p2pv1.BlockRangeRequest
		if err := proto.Unmarshal(request, &m); err != nil {
			return nil, fmt.Errorf("request does not decode: %w", err)
		}
		answer, err := read(ctx, source, m.FromHeight, min(int(m.Count), MaxBlocks), min(m.MaxBytes, MaxBytes))
		if err != nil {
			return nil, err
		}
		return proto.Marshal(answer)
	}
}

// Request is the request for count blocks from a height on.
func Request(from uint64, count int) ([]byte, error) {
	return proto.Marshal(&p2pv1.BlockRangeRequest{FromHeight: from, Count: uint32(count), MaxBytes: MaxBytes})
}

// read collects blocks up to a height that a certificate names, or at which the chain
// stopped, so that the asker can store them; where not even the first such height fits,
// it ends before it.
func read(ctx context.Context, source Source, from uint64, count int, limit uint64) (*p2pv1.BlockRangeResponse, error) {
	answer := &p2pv1.BlockRangeResponse{TipHeight: source.Tip(), FloorHeight: source.Floor()}
	if from < answer.FloorHeight {
		return nil, fmt.Errorf("height %d is below the lowest here, %d", from, answer.FloorHeight)
	}
	s, err := stretchOf(source, from)
	if err != nil {
		return nil, err
	}
	var bytes uint64
	certified := 0 // blocks up to the last height that is certified itself
	for height := from; height <= s.last() && len(answer.Blocks) < count && (len(answer.Blocks) == 0 || bytes < limit); height++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		block, err := source.Block(height)
		if err != nil {
			return nil, fmt.Errorf("read block %d: %w", height, err)
		}
		outcome, err := s.outcome(height)
		if err != nil {
			return nil, fmt.Errorf("read outcome %d: %w", height, err)
		}
		encoded := wire.EncodeBlock(block)
		bytes += uint64(len(encoded))
		answer.Blocks = append(answer.Blocks, &p2pv1.RangeBlock{Block: encoded, Outcome: wire.EncodeOutcome(outcome)})
		cc, err := s.certificate(height)
		if err != nil {
			return nil, fmt.Errorf("read the certificate for height %d: %w", height, err)
		}
		if cc != nil && cc.Outcome.Height == height || s.end != nil && height == s.end.Height {
			certified = len(answer.Blocks)
		}
		if outcome.EndsEpoch() {
			break // the certificate of this height starts the next epoch
		}
	}
	if certified > 0 {
		answer.Blocks = answer.Blocks[:certified]
	}
	if len(answer.Blocks) == 0 {
		return answer, nil
	}
	return answer, s.cover(from+uint64(len(answer.Blocks))-1, answer)
}

// cover adds the certificate at or above the last block, and the outcomes up to it, or
// up to where the chain stopped.
func (s *stretch) cover(last uint64, answer *p2pv1.BlockRangeResponse) error {
	cc, err := s.certificate(last)
	if err != nil {
		return fmt.Errorf("read the certificate for height %d: %w", last, err)
	}
	top := s.last()
	if cc != nil {
		top = cc.Outcome.Height
		answer.Certificate = wire.EncodeCC(cc)
	}
	for height := last + 1; height <= top; height++ {
		outcome, err := s.outcome(height)
		if err != nil {
			return fmt.Errorf("read outcome %d: %w", height, err)
		}
		answer.CoverOutcomes = append(answer.CoverOutcomes, wire.EncodeOutcome(outcome))
	}
	return nil
}
