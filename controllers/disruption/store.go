package disruption

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

var _ store = (*pass)(nil)

// annotationCloses counts closes, so that each is a new version. // rule: close-then-read
const annotationCloses = "bedrock.dev/closes"

// spec is a budget in one of its two states. Closed, an unready pod stays as well
// (IfHealthyBudget); open, an unready one may go too (AlwaysAllow). // rule: pdb-two-states
func spec(validator string, open bool) policyv1.PodDisruptionBudgetSpec {
	most, unhealthy := intstr.FromInt32(0), policyv1.IfHealthyBudget
	if open {
		most, unhealthy = intstr.FromInt32(1), policyv1.AlwaysAllow
	}
	return policyv1.PodDisruptionBudgetSpec{
		MaxUnavailable: &most, UnhealthyPodEvictionPolicy: &unhealthy,
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{
			v1alpha1.LabelValidator: validator, v1alpha1.LabelComponent: v1alpha1.ComponentValidator}},
	}
}

func stateOf(b *policyv1.PodDisruptionBudget, v *v1alpha1.Validator) plan.BudgetState {
	switch {
	case equality.Semantic.DeepEqual(b.Spec, spec(v.Name, false)):
		return plan.BudgetClosed
	case equality.Semantic.DeepEqual(b.Spec, spec(v.Name, true)):
		return plan.BudgetOpen
	}
	return plan.BudgetOther
}

func (p *pass) open(ctx context.Context, validator string, at version) error {
	b := p.budgets[validator].DeepCopy()
	if string(at) != b.ResourceVersion {
		return fmt.Errorf("the budget of %s was read at %s, not %s", validator, b.ResourceVersion, at)
	}
	b.Spec = spec(validator, true)
	return p.Update(ctx, b) // at the version that was read
}

func (p *pass) close(ctx context.Context, validator string) (map[string]bool, error) {
	var b policyv1.PodDisruptionBudget
	key := client.ObjectKey{Namespace: p.network.Namespace, Name: names.Disruption(validator)}
	err := p.Reader.Get(ctx, key, &b)
	switch {
	case apierrors.IsNotFound(err):
		if v := p.validators[validator]; v != nil && v.DeletionTimestamp != nil {
			return nil, nil // it went first, and is not made again
		}
		err = p.makeBudget(ctx, validator, &b)
	case err == nil:
		if v := p.validators[validator]; v != nil {
			if err := apply.Taken(&b, v.UID, v1alpha1.LabelValidator, v.Name); err != nil {
				return nil, err
			}
		}
		b.Spec = spec(validator, false)
		n, _ := strconv.ParseUint(b.Annotations[annotationCloses], 10, 64) // what is no number counts from 0
		metav1.SetMetaDataAnnotation(&b.ObjectMeta, annotationCloses, strconv.FormatUint(n+1, 10))
		err = p.Update(ctx, &b)
	}
	if err != nil {
		return nil, err
	}
	disrupted := map[string]bool{}
	for name := range b.Status.DisruptedPods {
		disrupted[name] = true
	}
	return disrupted, nil
}

// makeBudget makes a budget closed, owned by its Validator.
func (p *pass) makeBudget(ctx context.Context, validator string, b *policyv1.PodDisruptionBudget) error {
	v := p.validators[validator]
	if v == nil {
		return fmt.Errorf("validator %s is not there", validator)
	}
	*b = policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: names.Disruption(validator), Namespace: v.Namespace, Labels: p.labels("")}, Spec: spec(validator, false)}
	b.Labels[v1alpha1.LabelValidator] = validator
	if err := controllerutil.SetControllerReference(v, b, p.Scheme()); err != nil {
		return fmt.Errorf("own the budget of %s: %w", validator, err)
	}
	return p.Create(ctx, b)
}

func (p *pass) labels(component string) map[string]string {
	l := map[string]string{v1alpha1.LabelName: "bedrock", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelNetwork: p.network.Name}
	if component != "" {
		l[v1alpha1.LabelComponent] = component
	}
	return l
}

func (p *pass) pod(ctx context.Context, validator string) (string, podNow, error) {
	v := p.validators[validator]
	if v == nil {
		return "", podNow{Gone: true}, nil
	}
	name := podName(v)
	var pod corev1.Pod
	err := p.Reader.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: name}, &pod)
	if apierrors.IsNotFound(err) {
		return name, podNow{Gone: true}, nil
	}
	if err != nil {
		return name, podNow{}, err
	}
	state := stateOfPod(&pod)
	return name, podNow{UID: string(pod.UID), Going: state == plan.PodGoing, Gone: state == plan.PodGone}, nil
}

// write creates the ledger, or updates it at the version that was read. It carries no
// owner reference. // rule: token-ledger, no-owner
func (p *pass) write(ctx context.Context, data string, at version) (version, error) {
	m := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: names.TokenLedger(p.network.Name), Namespace: p.network.Namespace, Labels: p.labels(v1alpha1.ComponentLedger),
			Annotations: map[string]string{v1alpha1.AnnotationOwnerUID: string(p.network.UID)}, ResourceVersion: string(at)},
		Data: map[string]string{plan.Key: data},
	}
	if at == "" {
		err := p.Create(ctx, m)
		return version(m.ResourceVersion), err
	}
	err := p.Update(ctx, m)
	return version(m.ResourceVersion), err
}

// evictTimeout bounds an eviction: the client would try a refused one again for minutes.
const evictTimeout = 3 * time.Second

// evict asks as anybody would. A refusal is looked at again in the next pass.
// rule: one-gate
func (p *pass) evict(ctx context.Context, validator, uid string) error {
	name := podName(p.validators[validator])
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.network.Namespace}}
	id := types.UID(uid)
	ctx, cancel := context.WithTimeout(ctx, evictTimeout)
	defer cancel()
	err := p.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Name: name, Namespace: p.network.Namespace},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &id}},
	})
	if apierrors.IsTooManyRequests(err) || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || ctx.Err() != nil {
		return nil
	}
	return err
}

func (p *pass) sign(ctx context.Context, l plan.Lease) ([]byte, error) {
	key, err := fleet.Key(ctx, p.Reader, p.network)
	if err != nil {
		return nil, err
	}
	op := ledger.Maintain{Validator: l.Member.ID, ExpectedEnd: l.ExpectedEnd, End: l.End}
	return chain.Maintain(key, [32]byte(fleet.ID(string(p.network.Status.Genesis.Hash))), op, 0)
}

// errNobody says that no node took a transaction.
var errNobody = errors.New("no node of the chain takes a transaction")

// send offers a lease to the first node that answers. The chain's refusal is seen in
// the lease that is not there.
func (p *pass) send(ctx context.Context, tx []byte) error {
	for _, n := range p.answered {
		if _, err := p.chain.Submit(ctx, n.At, tx); err == nil {
			return nil
		}
	}
	return errNobody
}
