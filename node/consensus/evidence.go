package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// fault names misbehaviour that was reported already.
type fault struct {
	kind      types.EvidenceKind
	validator uint32
}

// accuse gives evidence of two conflicting messages, both verified: once a
// validator and kind in an epoch, since one jails.
func (c *Core) accuse(kind types.EvidenceKind, validator uint32, view uint64, a, b types.EvidenceMessage) {
	f := fault{kind, validator}
	if c.faults[f] {
		return
	}
	e := types.NewEvidence(kind, c.set.Epoch.Number, validator, a, b)
	if c.set.VerifyEvidence(&e) != nil {
		return // unlike, but not what an honest validator never signs
	}
	c.faults[f] = true
	c.eff.emit(EvidenceFound{Evidence: e})
}

// checkAmnesia looks for a commit vote of view v and a timeout of a view >= v that
// reports a view below v, by one validator.
func (c *Core) checkAmnesia(validator uint32) {
	if c.faults[fault{types.EvidenceAmnesia, validator}] {
		return
	}
	for i := range c.commits[validator].slots {
		s := &c.commits[validator].slots[i]
		if s.vote == nil {
			continue
		}
		for k := range c.timeouts[validator].slots {
			t := &c.timeouts[validator].slots[k]
			if t.vote == nil || t.view < s.view || t.vote.Vote.HighView >= s.view {
				continue
			}
			if !c.verifySlot(validator, s.vote.Vote, s.vote.Signature, &s.verified) {
				s.vote = nil
				break
			}
			if !c.verifySlot(validator, t.vote.Vote, t.vote.Signature, &t.verified) {
				t.vote = nil
				continue
			}
			c.accuse(types.EvidenceAmnesia, validator, t.view,
				types.EvidenceMessage{Commit: &s.vote.Vote, Signature: s.vote.Signature},
				types.EvidenceMessage{Timeout: &t.vote.Vote, Signature: t.vote.Signature})
			return
		}
	}
}

func (c *Core) verifySlot(validator uint32, m types.Signable, sig []byte, verified *bool) bool {
	if !*verified {
		*verified = c.set.VerifyVote(validator, m, sig)
	}
	if !*verified {
		c.reportValidator(int(validator), "invalid signature of a vote")
	}
	return *verified
}
