package node

import (
	"errors"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/blocksync"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
)

// storePort is the database as the engine uses it.
type storePort struct{ *storage.Store }

// Commit implements engine.Store: one batch, as the last block alone has a
// certificate. // rule: bounded-tail
func (s storePort) Commit(blocks []engine.FinalBlock, _ *types.CC, _ []types.EpochStart) error {
	return s.Store.Commit(finalsOf(blocks))
}

func finalsOf(blocks []engine.FinalBlock) []storage.Final {
	finals := make([]storage.Final, len(blocks))
	for i := range blocks {
		b := &blocks[i]
		finals[i] = storage.Final{Block: b.Block, Outcome: b.Outcome, Receipts: b.Execution.Receipts, Writes: b.Execution.Overlay.WriteSet(),
			Certificate: b.Certificate, NextEpoch: b.Change, Failed: !b.Execution.Success, EvidenceWaits: b.Execution.EvidenceWaits}
		for _, ev := range b.Block.Evidence {
			finals[i].EvidenceHashes = append(finals[i].EvidenceHashes, types.SumHash(ev))
		}
	}
	return finals
}

// Tip implements engine.Store.
func (s storePort) Tip() uint64 { return s.Store.Tip() }

// Floor implements engine.Store.
func (s storePort) Floor() uint64 { return s.Store.Floors().Blocks }

// Certificate implements engine.Store.
func (s storePort) Certificate(height uint64) (*types.CC, error) {
	cc, err := s.Store.Certificate(height)
	if errors.Is(err, storage.ErrNotFound) {
		err = fmt.Errorf("%w: %w", blocksync.ErrNoCertificate, err)
	}
	return cc, err
}

// EpochStart implements engine.Store: nil for an epoch that is not known.
func (s storePort) EpochStart(number uint64) (*types.EpochStart, error) {
	start, err := s.Store.EpochStart(number)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return start, err
}
