package modules

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// Bounds of modules and their pieces.
const (
	// MaxBytes bounds a module: what an engine takes is at most that.
	MaxBytes = 16 << 20
	// PieceBytes is how much one answer holds.
	PieceBytes = 256 << 10
)

// Protocol is the request for a piece. Its burst is a whole module.
var Protocol = p2p.Protocol{Name: "modules/1", MaxRequestBytes: 64, MaxResponseBytes: PieceBytes + 64,
	Timeout: 10 * time.Second, RatePerSecond: 16, Burst: MaxBytes / PieceBytes, Concurrent: 4}

// Source is what modules are served from.
type Source interface {
	// Has reports whether a module is there; Wasm is its file, checked against its
	// hash.
	Has(hash [32]byte) bool
	Wasm(hash [32]byte) ([]byte, error)
}

// server keeps the module that was asked for last: its pieces come one after the
// other.
type server struct {
	source Source

	mu   sync.Mutex
	hash types.Hash
	wasm []byte
}

// Serve answers requests for pieces from a source.
func Serve(source Source) p2p.RequestHandler {
	s := &server{source: source}
	return func(_ context.Context, _ p2p.PeerID, request []byte) ([]byte, error) {
		var m p2pv1.ModuleRequest
		if err := proto.Unmarshal(request, &m); err != nil {
			return nil, fmt.Errorf("request does not decode: %w", err)
		}
		hash, err := types.HashFromBytes(m.Hash)
		if err != nil {
			return nil, fmt.Errorf("module hash: %w", err)
		}
		answer, err := s.piece(hash, m.Offset)
		if err != nil {
			return nil, err
		}
		return proto.Marshal(answer)
	}
}

// errUnreadable says nothing of this node's disk to a peer.
var errUnreadable = errors.New("the module cannot be read here now")

func (s *server) piece(hash types.Hash, offset uint64) (*p2pv1.ModuleResponse, error) {
	if !s.source.Has(hash) {
		return &p2pv1.ModuleResponse{}, nil
	}
	wasm, err := s.module(hash)
	if err != nil {
		return nil, errUnreadable
	}
	total := uint64(len(wasm))
	if offset > total {
		return nil, fmt.Errorf("offset %d of a module of %d bytes", offset, total)
	}
	return &p2pv1.ModuleResponse{TotalBytes: total, Piece: wasm[offset:min(total, offset+PieceBytes)]}, nil
}

func (s *server) module(hash types.Hash) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wasm != nil && s.hash == hash {
		return s.wasm, nil
	}
	wasm, err := s.source.Wasm(hash)
	if err != nil {
		return nil, err
	}
	s.hash, s.wasm = hash, wasm
	return wasm, nil
}
