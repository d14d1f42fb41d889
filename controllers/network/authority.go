package network

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// maxSigned bounds the half-signed transactions that an annotation gives back.
const maxSigned = 64

// drafts looks after what waits for people's signatures: what is asked for no more goes,
// and what has enough is sent only while the plan would have it done now. Days may lie
// between. // rule: delegate-only, leave-only-by-scale
func (p *pass) drafts(ctx context.Context, in *plan.MembershipInput, next *plan.Action) error {
	var kept []v1alpha1.Submission
	for i := range p.status.Submissions {
		s := p.status.Submissions[i]
		raw, err := base64.StdEncoding.DecodeString(s.Transaction)
		if err != nil {
			continue
		}
		draft, err := ledger.ParseDraft(raw)
		op := operation(raw, draft)
		if op != nil && !plan.StillWanted(in, op) {
			slog.InfoContext(ctx, "a signed change is asked for no more", "network", p.network.Name, "purpose", s.Purpose)
			p.wake(soon)
			continue
		}
		if err != nil { // signed by all: settle sends it once it may
			kept = append(kept, s)
			continue
		}
		if err := p.awaitAuthority(ctx, &s, draft, next); err != nil {
			return err
		}
		kept = append(kept, s)
	}
	p.status.Submissions, p.awaiting = kept, len(kept) > 0
	return nil
}

// operation is that of a draft, or without one of signed bytes; nil: they are neither.
func operation(raw []byte, draft *ledger.Draft) ledger.Operation {
	if draft != nil {
		return draft.Body.Operation
	}
	if tx, err := ledger.Decode(raw); err == nil {
		return tx.Body.Operation
	}
	return nil
}

// awaitAuthority adds the signatures that people gave back and says how many are still
// needed; with enough it is the transaction, which is stored before a later reconcile
// sends it, if it is what the plan would have done now. // rule: delegate-only
func (p *pass) awaitAuthority(ctx context.Context, s *v1alpha1.Submission, draft *ledger.Draft, next *plan.Action) error {
	authority, err := p.readAuthority(ctx)
	if err != nil {
		return nil // said when a node answers
	}
	before := len(draft.Signers())
	p.combine(draft)
	signed := 0
	for _, key := range draft.Signers() {
		if slices.Contains(authority.Keys, key) {
			signed++
		}
	}
	enough := signed >= int(authority.Threshold)
	if enough && next.Does(draft.Body.Operation) {
		tx, err := draft.Transaction()
		if err != nil {
			return fmt.Errorf("%s: %w", s.Purpose, err)
		}
		s.Transaction = base64.StdEncoding.EncodeToString(tx)
		p.say(verdict.False(v1alpha1.NetworkAuthority, "Signed", s.Purpose+" is signed and sent"))
		return nil
	}
	if len(draft.Signers()) > before {
		raw, err := draft.Encode()
		if err != nil {
			return fmt.Errorf("%s: %w", s.Purpose, err)
		}
		s.Transaction = base64.StdEncoding.EncodeToString(raw)
	}
	if enough {
		p.say(verdict.False(v1alpha1.NetworkAuthority, "SignedAndHeld", fmt.Sprintf("%s is signed, and waits: %s", s.Purpose, next.Verdict.Message)))
		return nil
	}
	p.say(verdict.True(v1alpha1.NetworkAuthority, v1alpha1.ReasonAwaitingAuthority, fmt.Sprintf(
		"%s has %d of the %d signatures that the authority needs: take the half-signed transaction from status.submissions (base64), sign it with `bedrock tx authority sign`, and give it back, base64, in the annotation %s",
		s.Purpose, signed, authority.Threshold, v1alpha1.AnnotationSigned)))
	return nil
}

// combine adds what the annotation gives back for this draft; what is for another one,
// or damaged, is left aside.
func (p *pass) combine(draft *ledger.Draft) {
	count := 0
	for part := range strings.SplitSeq(p.network.Annotations[v1alpha1.AnnotationSigned], ",") {
		if count++; count > maxSigned {
			return
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		other, err := ledger.ParseDraft(raw)
		if err != nil || draft.Combine(other) != nil {
			continue
		}
	}
}

// readAuthority is the chain's authority, from a node that answers.
func (p *pass) readAuthority(ctx context.Context) (ledger.Authority, error) {
	var last error = errNobody
	for _, at := range p.endpoints() {
		one, cancel := context.WithTimeout(ctx, askTimeout)
		a, err := p.client.Authority(one, at)
		cancel()
		if err == nil {
			return a, nil
		}
		last = err
	}
	return ledger.Authority{}, last
}
