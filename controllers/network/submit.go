package network

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/types"
)

// settle sends what is stored, the same bytes until the chain has an answer. While
// something is on its way nothing else is planned; while something waits for people,
// only what costs no nonce. // rule: delegate-only
func (p *pass) settle(ctx context.Context) error {
	if len(p.status.Submissions) == 0 {
		return nil
	}
	p.wake(soon)
	set := plan.Newest(p.views)
	var kept []v1alpha1.Submission
	var under []string
	for i := range p.status.Submissions {
		s := &p.status.Submissions[i]
		before := s.Transaction
		keep, err := p.settleOne(ctx, s, set)
		if err != nil {
			return err
		}
		if keep {
			kept = append(kept, *s)
		}
		if !keep || s.Transaction != before || !isDraft(s.Transaction) {
			under = append(under, s.Purpose)
		}
	}
	p.status.Submissions = kept
	p.awaiting = len(kept) > 0
	if len(under) == 0 {
		return nil
	}
	if _, said := p.verdicts[v1alpha1.NetworkMembership]; !said {
		p.say(verdict.False(v1alpha1.NetworkMembership, "Submitted", strings.Join(under, ", ")+" is on its way to the chain"))
	}
	return errDone // the next look reads the chain anew
}

// isDraft says whether what is stored still waits for signatures.
func isDraft(stored string) bool {
	raw, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		return false
	}
	_, err = ledger.ParseDraft(raw)
	return err == nil
}

// settleOne says whether a submission stays.
func (p *pass) settleOne(ctx context.Context, s *v1alpha1.Submission, set *chain.Set) (bool, error) {
	raw, err := base64.StdEncoding.DecodeString(s.Transaction)
	if err != nil {
		return false, nil // not ours: planned anew
	}
	if draft, err := ledger.ParseDraft(raw); err == nil { // it waits for signatures: membership looks after it
		return !plan.Met(draft.Body.Operation, set), nil
	}
	tx, err := ledger.Decode(raw)
	if err != nil {
		slog.WarnContext(ctx, "a stored submission is no transaction and is planned anew", "network", p.network.Name, "purpose", s.Purpose, "error", err)
		return false, nil
	}
	met := plan.Met(tx.Body.Operation, set)
	execution, err := p.execution(ctx, types.TxHash(raw))
	if err != nil {
		return true, nil // nobody answers: it is not known, and nothing is lost
	}
	fate, why := plan.FateOf(met, execution)
	if fate == plan.Send {
		if fate, why, err = p.send(ctx, s, raw); err != nil {
			return true, err
		}
	}
	if why != "" {
		p.say(verdict.False(v1alpha1.NetworkMembership, "ChainRefused", fmt.Sprintf("%s: %s", s.Purpose, why)))
	}
	return fate != plan.Drop, nil
}

// send offers the bytes to the nodes that answer, until one has said something.
func (p *pass) send(ctx context.Context, s *v1alpha1.Submission, tx []byte) (plan.Fate, string, error) {
	for _, at := range p.endpoints() {
		var v *chain.Verdict
		err := faults.Do(ctx, "network/submit-"+kindOf(s.Purpose), func() error {
			one, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			var err error
			v, err = p.client.Submit(one, at, tx)
			return err
		})
		if errors.Is(err, faults.ErrInjected) {
			return plan.Hold, "", err
		}
		if err == nil {
			fate, why := plan.Refused(v)
			return fate, why, nil
		}
	}
	return plan.Hold, "", nil // nobody answered
}

// execution asks the nodes that answered what became of a transaction; nil: they know
// none.
func (p *pass) execution(ctx context.Context, hash types.Hash) (*chain.Execution, error) {
	var last error
	var pending *chain.Execution
	none := false
	for _, at := range p.endpoints() {
		one, cancel := context.WithTimeout(ctx, askTimeout)
		e, err := p.client.Transaction(one, at, hash)
		cancel()
		switch {
		case errors.Is(err, chain.ErrNotFound):
			none = true
		case err != nil:
			last = err
		case e.Final:
			return e, nil
		default:
			pending = e
		}
	}
	switch {
	case pending != nil:
		return pending, nil
	case none:
		return nil, nil
	case last == nil:
		last = chain.ErrUnreachable
	}
	return nil, last
}

// store puts signed bytes into the status; a later reconcile, which reads them there,
// sends them. // rule: delegate-only
func (p *pass) store(purpose string, raw []byte) {
	s := v1alpha1.Submission{Purpose: purpose, Transaction: base64.StdEncoding.EncodeToString(raw), Time: metav1.NewTime(p.now)}
	at := slices.IndexFunc(p.status.Submissions, func(o v1alpha1.Submission) bool { return o.Purpose == purpose })
	if at >= 0 {
		p.status.Submissions[at] = s
	} else {
		p.status.Submissions = append(p.status.Submissions, s)
	}
	p.wake(soon)
}

func kindOf(purpose string) string {
	for i := range purpose {
		if purpose[i] == ':' {
			return purpose[:i]
		}
	}
	return purpose
}
