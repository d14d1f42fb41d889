package signer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/bedrock-bft/bedrock/node/types"
)

// ErrRefused says that a signature was refused: nothing is damaged, the message
// must not be sent.
var ErrRefused = errors.New("signer refused")

// Signer signs for the process that holds a signer volume. Safe for concurrent
// use.
type Signer struct {
	dir  string
	opt  Options
	lock io.Closer

	mu        sync.Mutex
	record    Record
	network   ed25519.PrivateKey
	consensus types.PrivateKey
	guard     guard
}

// Record is the public record of the identity in use.
func (s *Signer) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record
}

// ConsensusKey is the public consensus key of the identity in use.
func (s *Signer) ConsensusKey() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.consensus.Public())
}

// NetworkKey is the identity's secret, for the transport's handshake and what is
// signed with the identity; for nothing else.
func (s *Signer) NetworkKey() ed25519.PrivateKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.network
}

// Match answers this instance's index in an epoch, as genesis or an epoch
// certificate names it, or why it signs nothing there. // rule: instance-match
func (s *Signer) Match(epoch *types.Epoch) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.match(epoch)
}

func (s *Signer) match(epoch *types.Epoch) (int, error) {
	network := [32]byte(s.network.Public().(ed25519.PublicKey))
	index, ok := epoch.IndexOfNetworkKey(network)
	if !ok {
		return 0, fmt.Errorf("%w: epoch %d does not name this identity (%x): it signs once the chain names it", ErrRefused, epoch.Number, network)
	}
	if !bytes.Equal(epoch.Validators[index].ConsensusKey, s.consensus.Public()) {
		return 0, fmt.Errorf("%w: epoch %d pairs this identity (%x) with another consensus key", ErrRefused, epoch.Number, network)
	}
	return index, nil
}

// Recovered tells which chain is signed for and what the vote log held when it
// was opened: once, before anything is signed.
func (s *Signer) Recovered(genesis types.Hash, state types.SafetyState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.guard.recovered(genesis, state)
}

// Recorded tells of a SafetyState that the vote log has synced. One that falls
// back suspends signing for good (Suspended says so). // rule: persist-first
func (s *Signer) Recorded(state types.SafetyState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guard.recorded(state)
}

// Suspend holds signing back for a named reason until Resume lifts it (own-echo,
// disk space, the admin service, a jump of the clock).
func (s *Signer) Suspend(why, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guard.suspended[why] = text
}

// Resume lifts one reason, unless it is one of those that last.
func (s *Signer) Resume(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch why {
	case heldForeign, heldDeleted, heldClosed, heldFellBack:
	default:
		delete(s.guard.suspended, why)
	}
}

// Suspended lists why signing is held back, sorted; empty: it is not.
func (s *Signer) Suspended() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, why := range slices.Sorted(maps.Keys(s.guard.suspended)) {
		list = append(list, why+": "+s.guard.suspended[why])
	}
	return list
}

// Sign fills in the signature of a proposal, vote or timeout of this instance in
// epoch, if the last recorded state accounts for it. ErrRefused, wrapped with the
// reason, otherwise: the message must not be sent then.
func (s *Signer) Sign(epoch *types.Epoch, m types.Message) (types.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	index, err := s.match(epoch)
	if err != nil {
		return types.Message{}, err
	}
	fill, err := unsigned(m)
	if err != nil {
		return types.Message{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if fill.epoch != epoch.Number || int(fill.validator) != index {
		return types.Message{}, fmt.Errorf("%w: message of validator %d in epoch %d, this is validator %d in epoch %d",
			ErrRefused, fill.validator, fill.epoch, index, epoch.Number)
	}
	b, err := s.guard.sign(epoch.Number, fill.signable)
	if err != nil {
		return types.Message{}, fmt.Errorf("%w to sign %T of epoch %d: %w", ErrRefused, fill.signable, epoch.Number, err)
	}
	return fill.with(s.consensus.Sign(b)), nil
}

// form is a message seen as what is signed of it.
type form struct {
	epoch     uint64
	validator uint32
	signable  types.Signable
	with      func(signature []byte) types.Message
}

func unsigned(m types.Message) (form, error) {
	switch {
	case m.Proposal != nil:
		p := *m.Proposal
		return form{p.Epoch, p.Proposer, types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID},
			func(sig []byte) types.Message { p.Signature = sig; return types.Message{Proposal: &p} }}, nil
	case m.Prepare != nil:
		v := *m.Prepare
		return form{v.Epoch, v.Validator, v.Vote,
			func(sig []byte) types.Message { v.Signature = sig; return types.Message{Prepare: &v} }}, nil
	case m.Commit != nil:
		v := *m.Commit
		return form{v.Epoch, v.Validator, v.Vote,
			func(sig []byte) types.Message { v.Signature = sig; return types.Message{Commit: &v} }}, nil
	case m.Timeout != nil:
		v := *m.Timeout
		return form{v.Epoch, v.Validator, v.Vote,
			func(sig []byte) types.Message { v.Signature = sig; return types.Message{Timeout: &v} }}, nil
	}
	return form{}, errors.New("the message is none that a validator signs")
}
