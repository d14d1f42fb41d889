package engine

import "github.com/bedrock-bft/bedrock/node/types"

// superseded watches for the end of this instance: its identity was in a set, and
// is in none any more. // rule: identity-once, key-deleted
type superseded struct {
	e     *Engine
	first uint64 // the first epoch known here that names this identity; 0: none
	done  bool
}

// newSuperseded reads which sets the store knows. Epochs are looked at from the
// newest: an identity that left never comes back.
func newSuperseded(e *Engine) (*superseded, error) {
	s := &superseded{e: e}
	if e.cfg.Signer == nil {
		s.done = true
		return s, nil
	}
	for number := e.cfg.Start.Epoch.Number; number > 0 && s.first == 0; number-- {
		start, err := e.cfg.Store.EpochStart(number)
		if err != nil {
			return nil, err
		}
		if start != nil {
			s.entered(&start.Epoch)
		}
	}
	return s, nil
}

// entered notes the set of an epoch that is known here.
func (s *superseded) entered(epoch *types.Epoch) {
	if _, in := epoch.IndexOfNetworkKey([32]byte(s.e.cfg.Consensus.NetworkKey)); in && (s.first == 0 || epoch.Number < s.first) {
		s.first = epoch.Number
	}
}

// look deletes the keys once the epoch that left this identity out has a final
// block: by then a quorum of its set has left the epoch before. On the loop only.
func (s *superseded) look(epoch *types.Epoch, final bool) {
	if s.done || s.first == 0 || !final || epoch == nil || epoch.Number < s.first {
		return
	}
	if _, in := epoch.IndexOfNetworkKey([32]byte(s.e.cfg.Consensus.NetworkKey)); in {
		return
	}
	s.done = true
	s.e.log.Warn("this instance was superseded: its keys are deleted, its vote log stays", "rule", "key-deleted", "epoch", epoch.Number,
		"do", "nothing: the node goes on as a full node; at its next start it makes a new identity, which the chain may name")
	if s.e.cfg.OnSuperseded != nil {
		if err := s.e.cfg.OnSuperseded(epoch.Number); err != nil {
			s.e.fail(err)
		}
	}
}
