package disruption

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/metrics"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// pass is one look at a network.
type pass struct {
	*Reconciler
	network    *v1alpha1.BedrockNetwork
	alone      *v1alpha1.Validator // of a foreign chain; network then stands in for it
	now        time.Time
	validators map[string]*v1alpha1.Validator
	budgets    map[string]*policyv1.PodDisruptionBudget
	chain      chain.Client
	nodes      []fleet.Node
	answered   []fleet.Node // of them, when they were asked
}

// run reads budgets and pods, the chain, then the ledger; decides; acts; tells.
func (p *pass) run(ctx context.Context) (plan.Step, error) {
	in := plan.Input{Now: p.now, Paused: p.paused(), DrainsNotSeen: !p.Nodes, NoLeases: p.alone != nil,
		Policy: plan.Policy{Halt: p.network.Spec.Disruption.Halt == v1alpha1.HaltAllowed, Reserve: p.network.Spec.Disruption.Reserve != v1alpha1.Disabled}}
	in.Leaving = onItsWay(p.network.Status.Submissions)
	if err := p.gather(ctx, &in); err != nil {
		return plan.Step{}, err
	}
	if p.network.DeletionTimestamp != nil && len(in.Fleet) == 0 {
		return plan.Step{}, nil // a ledger that is made now would outlive the network
	}
	o := observed{budgets: map[string]version{}}
	for name, b := range p.budgets {
		o.budgets[name] = version(b.ResourceVersion)
	}
	p.askChain(ctx, &in)
	// The cache is good enough to see that there is nothing to do.
	step, err := p.decide(ctx, p.Client, &in, &o)
	if err == nil && step.Idle() && o.ledger != "" {
		p.measure(&in, &step)
		return step, p.tell(ctx, step.Verdicts)
	}
	if _, err = p.decide(ctx, p.Reader, &in, &o); errors.Is(err, plan.ErrGarbled) {
		return plan.Step{}, p.garbled(ctx, &in, err)
	} else if err != nil {
		return plan.Step{}, err
	}
	if step, err = act(ctx, p, o, plan.Next); err != nil {
		return step, p.failed(ctx, &step, err)
	}
	p.measure(&in, &step)
	return step, p.tell(ctx, step.Verdicts)
}

// decide reads the ledger and decides from it.
func (p *pass) decide(ctx context.Context, r client.Reader, in *plan.Input, o *observed) (plan.Step, error) {
	var err error
	if in.Ledger, o.ledger, err = p.readLedger(ctx, r, in.Fleet); err != nil {
		return plan.Step{}, err
	}
	o.in = *in
	return plan.Next(*in), nil
}

// failed says why nothing opens, where the API server refuses it for good: a pass that
// read something older, or that ended, says nothing.
func (p *pass) failed(ctx context.Context, step *plan.Step, err error) error {
	if outdatedRead(err) || errors.Is(err, faults.ErrInjected) {
		return err
	}
	return errors.Join(err, p.tell(ctx, step.Verdicts.Failed(err)))
}

func (p *pass) paused() bool {
	return p.network.Spec.Reconciliation == v1alpha1.ReconciliationPaused
}

// readLedger reads the ledger. Where there is none though the chain runs, everybody
// counts as down until their votes are seen. // rule: token-ledger
func (p *pass) readLedger(ctx context.Context, r client.Reader, all []plan.Validator) (plan.Ledger, version, error) {
	var m corev1.ConfigMap
	err := r.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: names.TokenLedger(p.network.Name)}, &m)
	if apierrors.IsNotFound(err) {
		if p.network.Status.Genesis == nil {
			return plan.Empty(), "", nil
		}
		return plan.Recovered(all, p.now), "", nil
	}
	if err != nil {
		return plan.Ledger{}, "", fmt.Errorf("read the token ledger: %w", err)
	}
	l, err := plan.Parse(m.Data[plan.Key])
	if err != nil {
		return plan.Ledger{}, "", fmt.Errorf("ConfigMap %s: %w", m.Name, err)
	}
	return l, version(m.ResourceVersion), nil
}

// garbled closes every budget and says so: nothing is granted. // rule: token-ledger
func (p *pass) garbled(ctx context.Context, in *plan.Input, why error) error {
	for _, f := range in.Fleet {
		if f.Budget != plan.BudgetClosed && f.Budget != plan.BudgetTaken {
			if _, err := p.close(ctx, f.Name); err != nil {
				return err
			}
		}
	}
	metrics.LedgerUnreadable.WithLabelValues(p.network.Namespace, p.network.Name).Set(1)
	return p.tell(ctx, plan.Unreadable(in, why))
}

// askChain asks nodes; who cannot be asked tells nothing, and everything counts as down.
func (p *pass) askChain(ctx context.Context, in *plan.Input) {
	document, err := fleet.Document(ctx, p.Client, p.network)
	if apierrors.IsNotFound(err) { // a given one is not in the cache
		document, err = fleet.Document(ctx, p.Reader, p.network)
	}
	if err != nil {
		return
	}
	if p.chain, err = p.Dial(document); err != nil {
		return
	}
	var answers []plan.Answer
	answers, p.answered = fleet.Ask(ctx, p.chain, p.nodes)
	in.View, in.Asked = plan.NewView(answers), p.Clock.Now()
}
