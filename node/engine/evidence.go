package engine

import (
	"fmt"
	"slices"
	"sync"

	"github.com/bedrock-bft/bedrock/node/types"
)

// maxPooledEvidence bounds what waits for a block: one validator yields few
// distinct offences a view, and a proposal holds types.MaxEvidence.
const maxPooledEvidence = 256

// evidencePool holds verified evidence that no final block has.
type evidencePool struct {
	store Store

	mu    sync.Mutex
	order []types.Hash
	held  map[types.Hash][]byte
}

func newEvidencePool(store Store) *evidencePool {
	return &evidencePool{store: store, held: map[types.Hash][]byte{}}
}

// add keeps evidence that the core has verified.
func (p *evidencePool) add(ev types.Evidence) {
	encoded := ev.Encode()
	hash := types.SumHash(encoded)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[hash] != nil || len(p.order) >= maxPooledEvidence {
		return
	}
	p.held[hash] = encoded
	p.order = append(p.order, hash)
}

// take lists what may go into a block, oldest first.
func (p *evidencePool) take(exclude func(types.Hash) bool) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out [][]byte
	for _, hash := range p.order {
		if len(out) == types.MaxEvidence {
			break
		}
		if !exclude(hash) {
			out = append(out, p.held[hash])
		}
	}
	return out
}

func (p *evidencePool) waiting(exclude func(types.Hash) bool) bool {
	return len(p.take(exclude)) > 0
}

// final drops what blocks hold.
func (p *evidencePool) final(blocks []FinalBlock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range blocks {
		for _, encoded := range blocks[i].Block.Evidence {
			hash := types.SumHash(encoded)
			if p.held[hash] != nil {
				delete(p.held, hash)
				p.order = slices.DeleteFunc(p.order, func(h types.Hash) bool { return h == hash })
			}
		}
	}
}

// refuse gives why a block's evidence keeps it from a vote. // rule: valid-block
func (p *evidencePool) refuse(block *types.Block, inFlight []*types.Block, w *worker) (string, error) {
	if len(block.Evidence) > types.MaxEvidence {
		return fmt.Sprintf("%d pieces of evidence, at most %d", len(block.Evidence), types.MaxEvidence), nil
	}
	seen := map[types.Hash]bool{}
	for _, encoded := range block.Evidence {
		hash := types.SumHash(encoded)
		known, err := p.store.KnownEvidence(hash)
		if err != nil {
			return "", fmt.Errorf("look up evidence: %w", err)
		}
		for _, ancestor := range inFlight {
			if _, ok := w.contents(ancestor).evidence[hash]; ok {
				known = true
			}
		}
		if known || seen[hash] {
			return "evidence that the chain holds already", nil
		}
		seen[hash] = true
		if err := w.e.checkEvidence(encoded); err != nil {
			return "evidence: " + err.Error(), nil
		}
	}
	return "", nil
}

// checkEvidence verifies evidence against the set of its epoch.
func (e *Engine) checkEvidence(encoded []byte) error {
	ev, err := types.DecodeEvidence(encoded)
	if err != nil {
		return err
	}
	set, err := e.sets.of(ev.Epoch)
	if err != nil {
		return err
	}
	return set.VerifyEvidence(ev)
}
