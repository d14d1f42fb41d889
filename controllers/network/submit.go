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
	disruption "github.com/bedrock-bft/bedrock/controllers/disruption/plan"
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
		became, err := p.settleOne(ctx, s, set)
		if err != nil {
			return err
		}
		if became != done {
			kept = append(kept, *s)
		}
		if became != waits {
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

// settled is what becomes of a submission in a reconcile.
type settled int

const (
	done     settled = iota // it is given up, or has done what it was for
	onItsWay                // to the chain
	waits                   // for people, or until it may be sent: others go on
)

func (p *pass) settleOne(ctx context.Context, s *v1alpha1.Submission, set *chain.Set) (settled, error) {
	raw, err := base64.StdEncoding.DecodeString(s.Transaction)
	if err != nil {
		return done, nil // not ours: planned anew
	}
	if draft, err := ledger.ParseDraft(raw); err == nil { // it waits for signatures: membership looks after it
		if plan.Met(draft.Body.Operation, set) {
			return done, nil
		}
		return waits, nil
	}
	tx, err := ledger.Decode(raw)
	if err != nil {
		slog.WarnContext(ctx, "a stored submission is no transaction and is planned anew", "network", p.network.Name, "purpose", s.Purpose, "error", err)
		return done, nil
	}
	met := plan.Met(tx.Body.Operation, set)
	execution, err := p.execution(ctx, types.TxHash(raw))
	if err != nil {
		return onItsWay, nil // nobody answers: it is not known, and nothing is lost
	}
	fate, why := plan.FateOf(met, execution)
	if fate == plan.Send {
		if ok, became, err := p.mayBeSent(ctx, s, tx.Body.Operation, set); !ok {
			return became, err
		}
		if fate, why, err = p.send(ctx, s, raw); err != nil {
			return onItsWay, err
		}
	}
	if why != "" {
		p.say(verdict.False(v1alpha1.NetworkMembership, "ChainRefused", fmt.Sprintf("%s: %s", s.Purpose, why)))
	}
	if fate == plan.Drop {
		return done, nil
	}
	return onItsWay, nil
}

// mayBeSent looks once more at a change of the set that no node knows, and says what
// becomes of one that may not be sent. Tokens are read live, once the change is stored: who
// grants one reads what is stored before a budget opens, so that of the two at least one
// sees the other. One that leaves is planned anew, since another may go first; a weight,
// which people may have signed, waits. // rule: leave-only-by-scale
func (p *pass) mayBeSent(ctx context.Context, s *v1alpha1.Submission, op ledger.Operation, set *chain.Set) (ok bool, became settled, err error) {
	became = waits
	switch op.(type) {
	case ledger.Leave:
		became = done
	case ledger.Weigh:
	default:
		return true, onItsWay, nil
	}
	if set == nil {
		return false, onItsWay, nil // not known: it stays stored
	}
	tokens, err := p.tokens(ctx, p.Reader)
	if errors.Is(err, disruption.ErrGarbled) {
		p.say(verdict.False(v1alpha1.NetworkMembership, v1alpha1.ReasonLedgerUnreadable, fmt.Sprintf("%s was signed and is not sent: %v", s.Purpose, err)))
		return false, onItsWay, nil
	}
	if err != nil {
		return false, onItsWay, err
	}
	why := plan.Unsafe(&plan.MembershipInput{Set: set, Live: p.alive(set, tokens), Final: p.verdicts[v1alpha1.NetworkFinalizing].OK()}, op)
	if why == "" {
		return true, onItsWay, nil
	}
	p.say(verdict.False(v1alpha1.NetworkMembership, "NotNow", fmt.Sprintf("%s was signed and is not sent: %s", s.Purpose, why)))
	return false, became, nil
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
