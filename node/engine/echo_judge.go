package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// judge looks at the messages in an answer. One that verifies and that the own
// SafetyState does not account for proves a disk that was rolled back.
func (ec *echo) judge(answer []byte) error {
	items, err := splitPrefixed(answer, maxEchoMessages)
	if err != nil {
		return err
	}
	for _, encoded := range items {
		message, err := wire.DecodeMessage(encoded)
		if err != nil {
			return err
		}
		reason := ec.unaccounted(&message)
		var unknown, held bool
		if err := ec.e.call(ec.e.ctx, func() { unknown, held = ec.later(&message), ec.held() }); err != nil {
			return err
		}
		switch {
		case !held:
			return errors.New("it came after own-echo had passed")
		case unknown:
			// A signature may prove a disk that was rolled back; the start of a later
			// epoch says that what was heard in this one is gone. Whoever sent it is
			// asked again when that epoch is entered.
			return fmt.Errorf("it is of epoch %d, where this node is not yet", message.Epoch())
		case reason != "":
			ec.setAside(reason)
			return fmt.Errorf("a newer signature of this key: %s", reason)
		}
	}
	return nil
}

func (ec *echo) setAside(reason string) {
	ec.foreign.Do(func() {
		ec.e.log.Error("volume is foreign: peers hold newer signatures of this key than the vote log accounts for",
			"rule", "volume-foreign", "reason", reason,
			"do", "this identity is set aside; let the validator's owner rotate to the new one")
		if ec.e.cfg.OnForeign != nil {
			ec.e.cfg.OnForeign(reason)
		}
		ec.e.fail(fmt.Errorf("volume-foreign: %s: this identity is set aside; start the node again, it follows under a new one, and let the validator's owner rotate to that", reason))
	})
}

// later reports a message of an epoch above the present one whose set is not
// known here, or that its sender is in such an epoch.
func (ec *echo) later(m *types.Message) bool {
	if m.Epoch() <= ec.e.epoch {
		return false
	}
	if m.EpochStart != nil {
		return true
	}
	_, err := ec.e.sets.of(m.Epoch())
	return err != nil
}

// unaccounted reports what in a message of the own key the account
// does not account for; empty if nothing does or if it is not the key's. Nothing
// has been signed since that state, so it is the newest.
func (ec *echo) unaccounted(m *types.Message) string {
	set, err := ec.e.sets.of(m.Epoch())
	if err != nil {
		return "" // an epoch that is not known here cannot be judged
	}
	epoch := &set.Epoch
	index, ok := epoch.IndexOfNetworkKey([32]byte(ec.e.cfg.Consensus.NetworkKey))
	if !ok || string(epoch.Validators[index].ConsensusKey) != string(ec.e.cfg.Consensus.ConsensusKey) {
		return "" // a brought key may be live elsewhere, with another identity
	}
	if signed, validator, signature, ok := signedPart(m); ok {
		if int(validator) != index || !set.VerifyVote(uint32(index), signed, signature) {
			return ""
		}
		return beyond(ec.account.Load(), epoch.Number, m)
	}
	history, err := ec.e.sets.history(epoch.Number)
	if err != nil {
		return ""
	}
	root := types.Root{Height: history.RootOutcome.Height, Block: history.RootOutcome.Block}
	for _, vote := range votesIn(set, root, index, m) {
		if why := beyond(ec.account.Load(), epoch.Number, &vote); why != "" {
			return why + ", inside a certificate"
		}
	}
	return ""
}

// votesIn gives what a validator signed of a valid certificate, whose scheme may
// not keep signatures apart.
func votesIn(set *types.ValidatorSet, root types.Root, index int, m *types.Message) []types.Message {
	in := func(a *types.Aggregate) bool {
		signers, _, err := set.SignersOf(a)
		return err == nil && slices.Contains(signers, index)
	}
	var votes []types.Message
	switch {
	case m.QC != nil && m.QC.Prepares != nil && in(m.QC.Prepares) && set.VerifyQC(m.QC, root) == nil:
		q := m.QC
		votes = append(votes, types.Message{Prepare: &types.SignedPrepare{Epoch: q.Epoch, Vote: types.Prepare{View: q.View, Height: q.Height, Block: q.Block}}})
	case m.CC != nil && in(&m.CC.Commits) && set.VerifyCC(m.CC) == nil:
		c := m.CC
		votes = append(votes, types.Message{Commit: &types.SignedCommit{Epoch: c.Epoch,
			Vote: types.Commit{View: c.View, Height: c.Height, Block: c.Block, Outcome: c.Outcome.Hash()}}})
	case m.TC != nil && set.VerifyTC(m.TC, root) == nil:
		for k := range m.TC.Groups {
			if g := &m.TC.Groups[k]; in(&g.Sigs) {
				votes = append(votes, types.Message{Timeout: &types.SignedTimeout{Epoch: m.TC.Epoch, Vote: types.Timeout{View: m.TC.View, HighView: g.HighView}}})
			}
		}
	}
	return votes
}

// signedPart takes a vote or proposal apart.
func signedPart(m *types.Message) (types.Signable, uint32, []byte, bool) {
	switch {
	case m.Proposal != nil:
		p := m.Proposal
		return types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}, p.Proposer, p.Signature, true
	case m.Prepare != nil:
		return m.Prepare.Vote, m.Prepare.Validator, m.Prepare.Signature, true
	case m.Commit != nil:
		return m.Commit.Vote, m.Commit.Validator, m.Commit.Signature, true
	case m.Timeout != nil:
		return m.Timeout.Vote, m.Timeout.Validator, m.Timeout.Signature, true
	}
	return nil, 0, nil, false
}

// beyond says what a signature shows that state does not account for: a later
// epoch, a higher view of its kind, or the same view with something else in it.
func beyond(state *types.SafetyState, epoch uint64, m *types.Message) string {
	if state == nil {
		state = &types.SafetyState{}
	}
	if epoch != state.Epoch {
		if epoch > state.Epoch {
			return fmt.Sprintf("a signature of epoch %d, the vote log ends in epoch %d", epoch, state.Epoch)
		}
		return ""
	}
	var commitView uint64
	var commit types.Commit
	if state.Commit != nil {
		commitView, commit = state.Commit.View, *state.Commit
	}
	higher := func(kind string, signed, known uint64) string {
		if signed > known {
			return fmt.Sprintf("a %s of view %d, the vote log knows %d", kind, signed, known)
		}
		return ""
	}
	switch {
	case m.Proposal != nil && m.Proposal.Kind == types.KindProposeOptimistic:
		return higher("optimistic proposal", m.Proposal.View, state.OptimisticView)
	case m.Proposal != nil:
		return higher("proposal", m.Proposal.View, state.ProposedView)
	case m.Prepare != nil:
		if v := m.Prepare.Vote; v.View == state.VotedView && v.Block != state.VotedBlock {
			return fmt.Sprintf("a prepare vote of view %d for another block", v.View)
		}
		return higher("prepare vote", m.Prepare.Vote.View, state.VotedView)
	case m.Commit != nil:
		if v := m.Commit.Vote; v.View == commitView && v != commit {
			return fmt.Sprintf("a commit vote of view %d for another block or outcome", v.View)
		}
		return higher("commit vote", m.Commit.Vote.View, commitView)
	case m.Timeout != nil:
		return higher("timeout", m.Timeout.Vote.View, state.TimeoutView)
	}
	return ""
}
