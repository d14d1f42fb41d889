//go:build e2e

package operator

import (
	"context"
	"encoding/hex"
	"time"

	"connectrpc.com/connect"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	rpcclient "github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/names"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// goes waits until a validator's pod is evicted.
func (n *network) goes(validator string, was types.UID) {
	n.Helper()
	wait(n.T, "the pod of "+validator+" to be evicted", 2*time.Minute, func() (bool, string) {
		return n.running(validator) != was, n.story(n.validator(validator).Status.Conditions, v1alpha1.ValidatorDisruption)
	})
}

// stays holds that a validator's pod is not evicted while so many transfers become final.
func (n *network) stays(l *load, validator string, was types.UID, transfers int) {
	n.Helper()
	done := l.progress()
	wait(n.T, "transfers final while "+validator+" stays", 2*time.Minute, func() (bool, string) {
		if n.running(validator) != was {
			n.Fatalf("%s was evicted: %s", validator, n.story(n.validator(validator).Status.Conditions, v1alpha1.ValidatorDisruption))
		}
		return l.progress() >= done+transfers, ""
	})
}

func (n *network) finals(l *load, transfers int, when string) {
	n.Helper()
	done := l.progress()
	wait(n.T, "transfers final "+when, 2*time.Minute, func() (bool, string) { return l.progress() >= done+transfers, "" })
}

// evict asks the API server once to evict a validator's pod.
func (n *network) evict(validator string) error {
	n.Helper()
	pod, err := n.pod(validator, 1)
	if err != nil {
		n.Fatalf("the pod of %s: %v", validator, err)
	}
	// The client tries a refused one again until its context ends.
	ctx, cancel := context.WithTimeout(n.Context(), 3*time.Second)
	defer cancel()
	return n.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}})
}

func podReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (n *network) budget(validator string) *policyv1.PodDisruptionBudget {
	n.Helper()
	var b policyv1.PodDisruptionBudget
	if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: names.Disruption(validator)}, &b); err != nil {
		n.Fatalf("read the budget of %s: %v", validator, err)
	}
	return &b
}

func (n *network) budgetOpen(validator string) bool {
	n.Helper()
	return n.budget(validator).Spec.MaxUnavailable.IntValue() > 0
}

// token is the state of a validator's token in the ledger; empty: it has none.
func (n *network) token(validator string) plan.State {
	n.Helper()
	var m corev1.ConfigMap
	if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: names.TokenLedger(n.name)}, &m); err != nil {
		n.Fatalf("read the token ledger: %v", err)
	}
	l, err := plan.Parse(m.Data[plan.Key])
	if err != nil {
		n.Fatal(err)
	}
	if t := l.Token(validator); t != nil {
		return t.State
	}
	return ""
}

// refuseOpening lets the API server refuse to open the budgets of the network's namespace,
// from when it returns until allow is called or the test ends.
func (n *network) refuseOpening(validator string) (allow func()) {
	n.Helper()
	name := "closed-" + n.ns
	fail := admissionv1.Fail
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: admissionv1.ValidatingAdmissionPolicySpec{
		FailurePolicy: &fail,
		MatchConstraints: &admissionv1.MatchResources{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: n.ns}},
			ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{"policy"}, APIVersions: []string{"v1"}, Resources: []string{"poddisruptionbudgets"}}}}},
		},
		Validations: []admissionv1.Validation{{Expression: "object.spec.maxUnavailable == 0", Message: "a test keeps budgets closed"}},
	}}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}}}
	for _, o := range []client.Object{policy, binding} {
		if err := n.Create(n.Context(), o); err != nil {
			n.Fatalf("make the admission policy: %v", err)
		}
	}
	drop := func(ctx context.Context) {
		for _, o := range []client.Object{binding, policy} {
			if err := client.IgnoreNotFound(n.Delete(ctx, o)); err != nil {
				n.Errorf("delete the admission policy: %v", err)
			}
		}
	}
	n.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		drop(ctx)
	})
	wait(n.T, "the API server to refuse an open budget", time.Minute, func() (bool, string) {
		b := n.budget(validator)
		open := *b.Spec.MaxUnavailable
		open.IntVal = 1
		b.Spec.MaxUnavailable = &open
		err := n.Update(n.Context(), b, client.DryRunAll)
		return err != nil, "it takes one"
	})
	return func() { drop(n.Context()) }
}

// chainNodes asks every running validator's node for the present set as it sees it.
func (n *network) chainNodes() map[string][]*nodev1.ValidatorStatus {
	n.Helper()
	out := map[string][]*nodev1.ValidatorStatus{}
	for pod, address := range n.endpoints(n.Context()) {
		rpc, err := rpcclient.Connect(address, nil)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(n.Context(), 5*time.Second)
		res, err := rpc.ListValidators(ctx, connect.NewRequest(&nodev1.ListValidatorsRequest{}))
		cancel()
		if err == nil {
			out[pod] = res.Msg.Validators
		}
	}
	return out
}

// powers are those of the chain's present set, by moniker.
func (n *network) powers() map[string]uint64 {
	n.Helper()
	identities := map[string]string{}
	for _, v := range n.validators() {
		for _, in := range v.Status.Instances {
			identities[string(in.Identity)] = v.Name
		}
	}
	for _, set := range n.chainNodes() {
		out := map[string]uint64{}
		for _, v := range set {
			out[identities[hex.EncodeToString(v.Validator.NetworkKey)]] = v.Validator.Power
		}
		return out
	}
	return nil
}

// newestVote is the highest height of which two nodes other than its own saw a vote of a
// validator: the second highest that any of them tells.
func (n *network) newestVote(validator string) uint64 {
	n.Helper()
	own := string(n.validator(validator).Status.Instances[0].Identity)
	var first, second uint64
	for pod, set := range n.chainNodes() {
		if pod == names.Pod(validator, 1) {
			continue
		}
		for _, m := range set {
			if hex.EncodeToString(m.Validator.NetworkKey) != own {
				continue
			}
			if h := m.LastVoteHeight; h > first {
				first, second = h, first
			} else if h > second {
				second = h
			}
		}
	}
	return second
}
