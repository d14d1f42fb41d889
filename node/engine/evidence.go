package engine

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bedrock-bft/bedrock/node/types"
)

// maxPooledEvidence bounds what waits for a block: one validator yields few
// distinct offences a view, and a proposal holds types.MaxEvidence.
const maxPooledEvidence = 256

// evidenceEpochs is how far back evidence reaches at most; the ledger's window by
// block time is narrower.
const evidenceEpochs = 1024

// maxSettled bounds the offenders that are remembered as dealt with.
const maxSettled = 4096

// offender is whom evidence is about, as its epoch's set names it.
type offender struct {
	identity [32]byte
	kind     types.EvidenceKind
}

// heldEvidence is one piece in the pool.
type heldEvidence struct {
	encoded []byte
	epoch   uint64
	of      offender
	// fromMs is the instant, monotonic, from which on a block may hold it.
	fromMs uint64
}

// evidencePool holds verified evidence that no final block has: one piece of each
// offender and kind, since one jails.
type evidencePool struct {
	store Store
	waits atomic.Bool // a migration is under way

	mu    sync.Mutex
	order []types.Hash
	held  map[types.Hash]heldEvidence
	// settled are identities of which a final block holds evidence, with the newest
	// epoch of it: more of the same is not passed on.
	settled map[[32]byte]uint64
}

func newEvidencePool(store Store) *evidencePool {
	return &evidencePool{store: store, held: map[types.Hash]heldEvidence{}, settled: map[[32]byte]uint64{}}
}

// add keeps verified evidence; false: it brings nothing new, or there is no room.
func (p *evidencePool) add(ev *types.Evidence, epoch *types.Epoch) bool {
	h := heldEvidence{encoded: ev.Encode(), epoch: ev.Epoch, of: offenderOf(ev, epoch)}
	hash := types.SumHash(h.encoded)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.needless(ev, epoch) || len(p.order) >= maxPooledEvidence {
		return false
	}
	p.held[hash] = h
	p.order = append(p.order, hash)
	return true
}

func offenderOf(ev *types.Evidence, epoch *types.Epoch) offender {
	return offender{identity: epoch.Validators[ev.Validator].NetworkKey, kind: ev.Kind}
}

// needless reports whether evidence is about an offender that is dealt with, or of
// whom as much is held. Callers hold mu.
func (p *evidencePool) needless(ev *types.Evidence, epoch *types.Epoch) bool {
	if int(ev.Validator) >= len(epoch.Validators) {
		return true
	}
	of := offenderOf(ev, epoch)
	if until, ok := p.settled[of.identity]; ok && ev.Epoch <= until {
		return true
	}
	for _, h := range p.held {
		if h.of == of {
			return true
		}
	}
	return false
}

// wanted reports whether evidence that claims this is worth verifying.
func (p *evidencePool) wanted(ev *types.Evidence, epoch *types.Epoch) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.needless(ev, epoch) && len(p.order) < maxPooledEvidence
}

// all lists what is held, oldest first.
func (p *evidencePool) all() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([][]byte, len(p.order))
	for i, hash := range p.order {
		out[i] = p.held[hash].encoded
	}
	return out
}

// take lists what may go into a block now, oldest first; nothing while a
// migration is under way, since its blocks judge no evidence. // rule: migration
func (p *evidencePool) take(nowMs uint64, exclude func(types.Hash) bool) [][]byte {
	if p.waits.Load() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var out [][]byte
	for _, hash := range p.order {
		if len(out) == types.MaxEvidence {
			break
		}
		if h := p.held[hash]; h.fromMs <= nowMs && !exclude(hash) {
			out = append(out, h.encoded)
		}
	}
	return out
}

func (p *evidencePool) waiting(nowMs uint64, exclude func(types.Hash) bool) bool {
	return len(p.take(nowMs, exclude)) > 0
}

// executed hears of each block: while a migration goes on, evidence is held back.
// The last block of one judges none either, and ends that. // rule: migration
func (p *evidencePool) executed(x *Execution) { p.waits.Store(x.EvidenceWaits && x.MoreWork) }

// final drops what blocks hold and what else there is of those offenders. A failed
// block judged none of its evidence, nor did one of a migration: that stays, for a
// block from fromMs on: the others have until then to see that this one is final, since
// what is in flight may not stand twice. It answers whether there is such.
// rule: failed-block, migration
func (p *evidencePool) final(blocks []FinalBlock, fromMs uint64, setOf func(uint64) (*types.ValidatorSet, error)) (rests bool) {
	for i := range blocks {
		if x := blocks[i].Execution; !x.Success || x.EvidenceWaits {
			rests = p.rest(&blocks[i], fromMs) || rests
			continue
		}
		for _, encoded := range blocks[i].Block.Evidence {
			ev, err := types.DecodeEvidence(encoded)
			if err != nil {
				continue // valid-block refuses it; nothing of it is held
			}
			if set, err := setOf(ev.Epoch); err == nil && int(ev.Validator) < len(set.Epoch.Validators) {
				p.settle(set.Epoch.Validators[ev.Validator].NetworkKey, ev.Epoch)
			}
		}
	}
	return rests
}

// rest keeps what a block did not judge out of others until an instant.
func (p *evidencePool) rest(b *FinalBlock, fromMs uint64) (rests bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, encoded := range b.Block.Evidence {
		hash := types.SumHash(encoded)
		if h, ok := p.held[hash]; ok {
			h.fromMs, rests = fromMs, true
			p.held[hash] = h
		}
	}
	return rests
}

func (p *evidencePool) settle(identity [32]byte, epoch uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.settled) >= maxSettled {
		clear(p.settled) // the ledger knows whom it jailed
	}
	p.settled[identity] = max(p.settled[identity], epoch)
	p.drop(func(h *heldEvidence) bool { return h.of.identity == identity && h.epoch <= p.settled[identity] })
}

// entered drops what an epoch puts out of reach.
func (p *evidencePool) entered(epoch uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(func(h *heldEvidence) bool { return h.epoch+evidenceEpochs <= epoch })
}

// drop forgets pieces. Callers hold mu.
func (p *evidencePool) drop(which func(*heldEvidence) bool) {
	p.order = slices.DeleteFunc(p.order, func(hash types.Hash) bool {
		h := p.held[hash]
		if !which(&h) {
			return false
		}
		delete(p.held, hash)
		return true
	})
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
		if err := w.e.checkEvidence(encoded, block.Header.Epoch); err != nil {
			return "evidence: " + err.Error(), nil
		}
	}
	return "", nil
}

// checkEvidence verifies evidence in a block of an epoch against the set of its own.
func (e *Engine) checkEvidence(encoded []byte, present uint64) error {
	ev, err := types.DecodeEvidence(encoded)
	if err != nil {
		return err
	}
	if ev.Epoch > present || ev.Epoch+evidenceEpochs <= present {
		return fmt.Errorf("it is of epoch %d, this is epoch %d, and it reaches %d back", ev.Epoch, present, evidenceEpochs)
	}
	set, err := e.sets.of(ev.Epoch)
	if err != nil {
		return err
	}
	return set.VerifyEvidence(ev)
}
