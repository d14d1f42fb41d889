package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// mutation switches one rule off. Only tests in this package set one: they show
// that the tests would notice.
type mutation string

const (
	sound                mutation = ""
	twoVotesAView        mutation = "vote-once: a second prepare vote in a view"
	forgetVote           mutation = "vote-once: voted_view not durable"
	forgetTimeout        mutation = "timeout: timeout_view not durable"
	forgetLock           mutation = "lock: not durable"
	optimisticOnOlder    mutation = "vote-optimistic: on an older QC"
	fallbackBelowTC      mutation = "vote-fallback: on a QC below the TC's highest"
	fallbackOlderTC      mutation = "vote-fallback: with a TC of an older view"
	weakTC               mutation = "timeout: a TC of a weak quorum"
	commitAfterTimeout   mutation = "commit-vote: after a timeout of its view"
	staleLockReported    mutation = "timeout: reports a stale lock"
	optimisticAfterTC    mutation = "vote-optimistic: after a timeout and a TC of the view before"
	noSettle             mutation = "propose-fallback: does not wait"
	noPassOn             mutation = "enter-view: certificates are not passed on"
	noEntry              mutation = "restart: no entry certificate"
	descendantOwnOutcome mutation = "epoch-end: a descendant has an outcome of its own"
)

// persisted is what a broken protocol would write.
func (m mutation) persisted(c *Core, s types.SafetyState) types.SafetyState {
	switch m {
	case forgetVote:
		s.VotedView, s.VotedBlock, s.VotedHeight = 0, types.Hash{}, 0
	case forgetTimeout:
		s.TimeoutView = 0
	case forgetLock:
		s.Lock = c.rootQC()
	case noEntry:
		s.EntryQC, s.EntryTC = nil, nil
	}
	return s
}
