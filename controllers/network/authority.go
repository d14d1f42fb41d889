package network

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// maxSigned bounds the half-signed transactions that an annotation gives back.
const maxSigned = 64

// awaitAuthority adds the signatures that people gave back and says how many are still
// needed; with enough it is the transaction, which is stored before a later reconcile
// sends it. // rule: delegate-only
func (p *pass) awaitAuthority(ctx context.Context, s *v1alpha1.Submission, draft *ledger.Draft) ([]byte, ledger.Operation, error) {
	authority, err := p.readAuthority(ctx)
	if err != nil {
		return nil, draft.Body.Operation, nil // said when a node answers
	}
	before := len(draft.Signers())
	p.combine(draft)
	signed := 0
	for _, key := range draft.Signers() {
		if slices.Contains(authority.Keys, key) {
			signed++
		}
	}
	if signed >= int(authority.Threshold) {
		tx, err := draft.Transaction()
		if err != nil {
			return nil, nil, err
		}
		s.Transaction = base64.StdEncoding.EncodeToString(tx)
		p.say(verdict.False(v1alpha1.NetworkAuthority, "Signed", s.Purpose+" is signed and sent"))
		return nil, draft.Body.Operation, nil
	}
	if len(draft.Signers()) > before {
		raw, err := draft.Encode()
		if err != nil {
			return nil, nil, err
		}
		s.Transaction = base64.StdEncoding.EncodeToString(raw)
	}
	p.say(verdict.True(v1alpha1.NetworkAuthority, v1alpha1.ReasonAwaitingAuthority, fmt.Sprintf(
		"%s has %d of the %d signatures that the authority needs: take the half-signed transaction from status.submissions (base64), sign it with `bedrock tx authority sign`, and give it back, base64, in the annotation %s",
		s.Purpose, signed, authority.Threshold, v1alpha1.AnnotationSigned)))
	return nil, draft.Body.Operation, nil
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
