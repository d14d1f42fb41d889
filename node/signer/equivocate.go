//go:build equivocate

package signer

import "github.com/bedrock-bft/bedrock/node/types"

// SignAnything signs whatever it is given, as no honest validator does. It is in
// no program but the one that tests of evidence build.
func (s *Signer) SignAnything(epoch uint64, m types.Message) types.Message {
	fill, err := unsigned(m)
	if err != nil {
		return m
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return fill.with(s.consensus.Sign(fill.signable.SignBytes(types.Domain{Genesis: s.guard.genesis, Epoch: epoch})))
}
