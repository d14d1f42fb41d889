package plan

import (
	"fmt"
	"strings"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// Heard is what nodes said of the active instance.
type Heard struct {
	Identity v1alpha1.Ed25519Key // recorded; empty: none yet
	// Own is the word of its own node; nil: it did not answer, and OwnError why.
	Own      *chain.Status
	OwnError string
	// Set is the chain's, by whichever node answered first; nil: none did.
	Set      *chain.Set
	SetError string
	// Others are what nodes other than its own have seen of it. Alone: the set has no
	// other; Unasked: none is known here, so that its own word has to do.
	Others         []chain.Seen
	Alone, Unasked bool
	// FinalHeight is that of the others.
	FinalHeight uint64
}

// seenWithin is how many final heights a vote may be old to count as seen. // rule: seen
const seenWithin = 8

// InSet says whether the chain's set pairs the key with the active instance.
// // rule: chain-over-API
func InSet(h *Heard) verdict.Verdict {
	const kind = v1alpha1.ValidatorInSet
	switch {
	case h.Identity == "":
		return verdict.False(kind, v1alpha1.ReasonWaiting, "it has no identity yet")
	case h.Set == nil:
		return verdict.Unknown(kind, "ChainUnreachable", "no node of the chain answers: "+cut(h.SetError))
	}
	for i := range h.Set.Members {
		if h.Set.Members[i].Identity.String() == string(h.Identity) {
			return verdict.True(kind, "InSet", "the chain's set names its identity")
		}
	}
	for i := range h.Set.Outside {
		if h.Set.Outside[i].Identity.String() == string(h.Identity) {
			return verdict.False(kind, "OutsideSet", "the chain knows its identity and gives it no power: it waits to be weighed, or is jailed")
		}
	}
	return verdict.False(kind, "NotInSet", "the chain's set does not name its identity")
}

// Signing is what the node says of whether it signs.
func Signing(h *Heard) verdict.Verdict {
	const kind = v1alpha1.ValidatorSigning
	switch {
	case h.Identity == "":
		return verdict.False(kind, v1alpha1.ReasonWaiting, "it has no identity yet")
	case h.Own == nil:
		return verdict.Unknown(kind, "NodeUnreachable", "its node does not answer: "+cut(h.OwnError))
	case h.Own.Identity.String() != string(h.Identity): // rule: volume-foreign
		return verdict.False(kind, "VolumeForeign", fmt.Sprintf("its node set the identity %s aside and has %s now: the volume is a copy, or came under other marks. %s; or, if no other copy exists, bedrock identity adopt", h.Identity, h.Own.Identity, takeoverAdvice))
	case !h.Own.Signing && h.Own.Syncing:
		return verdict.False(kind, "Syncing", "its node catches up with the chain")
	case !h.Own.Signing:
		return verdict.False(kind, "NotSigning", "its node does not sign: "+cut(h.Own.WhyNot))
	}
	return verdict.True(kind, "Signing", "its node signs")
}

// Ready puts the others together: in the set, signing, its votes seen.
func Ready(h *Heard, before ...verdict.Verdict) verdict.Verdict {
	const kind = v1alpha1.ValidatorReady
	for _, v := range before {
		if !v.OK() {
			return verdict.Verdict{Type: kind, Status: v.Status, Reason: v.Reason, Message: v.Type + ": " + v.Message}
		}
	}
	if !h.seen() {
		return verdict.False(kind, "VotesNotSeen", fmt.Sprintf("it says that it signs, and no other node has seen a vote of it on the last %d heights: look at its network", seenWithin))
	}
	return verdict.True(kind, v1alpha1.ReasonReady, "in the set, signing, its votes seen")
}

// seen says whether some other node has a recent vote, or, on a chain that makes no
// blocks, a connection.
func (h *Heard) seen() bool {
	if h.Alone || h.Unasked {
		return true
	}
	for _, s := range h.Others {
		if s.VoteHeight > 0 && s.VoteHeight+seenWithin >= h.FinalHeight {
			return true
		}
		// An observer that started on an idle chain has seen no vote of anybody.
		if s.VoteHeight == 0 && s.Connected {
			return true
		}
	}
	return false
}

// maxDetail bounds what is quoted of a node's words.
const maxDetail = 600

func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxDetail)], "") }
