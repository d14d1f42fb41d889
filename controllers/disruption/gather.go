package disruption

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
)

// explicitly begins an annotation that lets the chain halt. // rule: undrainable
const explicitly = "halt:"

// drainTaints are what clouds and autoscalers put on a node that will go. The taint that
// mirrors a cordon is none of them: it goes later than the cordon, and not at all while
// kube-controller-manager is away.
var drainTaints = []string{
	"ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption",
	"node.cloudprovider.kubernetes.io/shutdown", "cloud.google.com/impending-node-termination",
	"aws-node-termination-handler/spot-itn", "aws-node-termination-handler/scheduled-maintenance",
	"aws-node-termination-handler/asg-lifecycle-termination", "aws-node-termination-handler/rebalance-recommendation",
}

// gather reads the fleet from the cache: budgets among it, before the ledger is read.
func (p *pass) gather(ctx context.Context, in *plan.Input) error {
	var validators []v1alpha1.Validator
	var budgets policyv1.PodDisruptionBudgetList
	var pods corev1.PodList
	var sets appsv1.StatefulSetList
	here := client.InNamespace(p.network.Namespace)
	of, network := client.MatchingLabels{v1alpha1.LabelNetwork: p.network.Name}, p.network.Name
	if p.alone != nil {
		of, network = client.MatchingLabels{v1alpha1.LabelValidator: p.alone.Name}, ""
	}
	for _, read := range []func() error{
		func() error { return p.List(ctx, &budgets, here) },
		func() (err error) {
			validators, err = fleet.Validators(ctx, p, p.network.Namespace, network)
			return err
		},
		func() error { return p.List(ctx, &pods, here, of) },
		func() error { return p.List(ctx, &sets, here, of) },
	} {
		if err := read(); err != nil {
			return fmt.Errorf("read what the network has: %w", err)
		}
	}
	p.validators, p.budgets = map[string]*v1alpha1.Validator{}, map[string]*policyv1.PodDisruptionBudget{}
	var ours []v1alpha1.Validator
	for i := range validators {
		v := &validators[i]
		if p.ours(v) { // also one whose deletion is held: it runs, and may be drained. rule: hold
			ours = append(ours, *v)
			p.validators[v.Name] = v
		}
	}
	p.nodes = append(p.nodes, fleet.Nodes(ours)...)
	cordons := cordoned{p: p, ctx: ctx, known: map[string]string{}}
	var err error
	for i := range ours {
		var f plan.Validator
		if f, err = p.describe(&ours[i], budgets.Items, pods.Items, sets.Items, &cordons); err != nil {
			return err
		}
		in.Fleet = append(in.Fleet, f)
	}
	in.FullNodesWait, err = p.fullNodesWait(ctx, sets.Items, pods.Items)
	return err
}

// ours are the network's validators; of a foreign chain, the one.
func (p *pass) ours(v *v1alpha1.Validator) bool {
	if p.alone != nil {
		return v.Name == p.alone.Name
	}
	return string(v.Spec.Chain.Network) == p.network.Name
}

// describe is one validator as the plan sees it.
func (p *pass) describe(v *v1alpha1.Validator, budgets []policyv1.PodDisruptionBudget, pods []corev1.Pod, sets []appsv1.StatefulSet, cordons *cordoned) (plan.Validator, error) {
	f := plan.Validator{Name: v.Name, ID: fleet.ChainName(v), PodState: plan.PodGone, Told: p.heard.told(v, p.now)}
	for _, in := range v.Status.Instances {
		if id := fleet.ID(string(in.Identity)); id != (ledger.ID{}) {
			f.Identities = append(f.Identities, id)
		}
	}
	name := podName(v)
	var pod *corev1.Pod
	for i := range pods {
		if pods[i].Name == name {
			pod = &pods[i]
		}
	}
	for i := range budgets {
		b := &budgets[i]
		if b.Name == names.Disruption(v.Name) && apply.Taken(b, v.UID, v1alpha1.LabelValidator, v.Name) != nil {
			f.Budget = plan.BudgetTaken
		} else if b.Name == names.Disruption(v.Name) {
			p.budgets[v.Name], f.Budget = b, stateOf(b, v)
			at, let := b.Status.DisruptedPods[name]
			f.Disrupted = let && (pod == nil || !at.Before(&pod.CreationTimestamp)) // else it was a pod before
		} else if selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector); err == nil && pod != nil && selector.Matches(labels.Set(pod.Labels)) {
			f.Foreign = b.Name
		}
	}
	if pod == nil {
		return f, nil
	}
	f.PodUID, f.PodState = string(pod.UID), stateOfPod(pod)
	if _, why := podtrouble.Of(pod); f.PodState != plan.PodGoing {
		f.Trouble = why
	}
	for i := range sets {
		if sets[i].Name+"-0" == name {
			f.Outdated = outdated(&sets[i].Spec.Template, pod)
		}
	}
	var err error
	f.Ask, err = p.asked(cordons.ctx, v, pod, f.Outdated, cordons)
	return f, err
}

// asked is the strongest wish for a token: a node that is drained, a person's, a new
// template. // rule: token-request
func (p *pass) asked(ctx context.Context, v *v1alpha1.Validator, pod *corev1.Pod, outdated string, cordons *cordoned) (*plan.Ask, error) {
	value := v.Annotations[v1alpha1.AnnotationDisrupt]
	act := strings.HasPrefix(value, explicitly)
	if pod.Spec.NodeName != "" && p.Nodes {
		why, err := cordons.why(pod.Spec.NodeName)
		if err != nil {
			return nil, err
		}
		if why != "" {
			return &plan.Ask{Kind: plan.Drain, Reason: "drain:" + pod.Spec.NodeName, Drained: true, Annotation: token(value), Explicit: act}, nil
		}
	}
	if value != "" {
		ask := &plan.Ask{Kind: plan.Drain, Reason: limit(value), Annotation: token(value), Explicit: act}
		if strings.HasPrefix(value, "rollout:") {
			ask.Kind = plan.Rollout
		}
		return ask, nil
	}
	if outdated != "" {
		return &plan.Ask{Kind: plan.Rollout, Reason: "rollout:" + outdated}, nil
	}
	if p.holdsOldGenesis(ctx, pod) {
		return &plan.Ask{Kind: plan.Rollout, Reason: "genesis:" + limit(string(p.network.Status.Genesis.Hash)), Repair: true}, nil
	}
	return nil, nil
}

// maxReason bounds what of an annotation is kept.
const maxReason = 128

func limit(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxReason)], "")
}

// token stands for a value in the ledger, which is bounded: the value, or its hash.
func token(value string) string {
	if len(value) <= maxReason && utf8.ValidString(value) {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// cordoned reads each node once a pass.
type cordoned struct {
	p     *pass
	ctx   context.Context
	known map[string]string
}

func (c *cordoned) why(name string) (string, error) {
	if why, ok := c.known[name]; ok {
		return why, nil
	}
	var n corev1.Node
	if err := c.p.Get(c.ctx, client.ObjectKey{Name: name}, &n); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	why := ""
	if n.Spec.Unschedulable {
		why = corev1.TaintNodeUnschedulable
	}
	for _, t := range n.Spec.Taints {
		if slices.Contains(drainTaints, t.Key) {
			why = t.Key
		}
	}
	c.known[name] = why
	return why, nil
}

// outdated names the template that a pod is not of; empty: it is.
func outdated(template *corev1.PodTemplateSpec, pod *corev1.Pod) string {
	hash := template.Annotations[v1alpha1.AnnotationConfigHash]
	if hash != pod.Annotations[v1alpha1.AnnotationConfigHash] {
		return limit(hash)
	}
	for _, want := range template.Spec.Containers {
		for _, have := range pod.Spec.Containers {
			if have.Name == want.Name && have.Image != want.Image {
				return limit(want.Image)
			}
		}
	}
	return ""
}

func stateOfPod(pod *corev1.Pod) plan.PodState {
	switch {
	case pod.DeletionTimestamp != nil:
		return plan.PodGoing
	case pod.Status.Phase == corev1.PodRunning:
		return plan.PodRunning
	case pod.Status.Phase == corev1.PodPending || pod.Status.Phase == "":
		return plan.PodPending
	}
	return plan.PodGone // Failed or Succeeded: no process runs
}

// podName is that of the active instance's pod; of the first's, before there is one.
func podName(v *v1alpha1.Validator) string {
	if in := fleet.Active(v); in != nil {
		return names.Pod(v.Name, in.Number)
	}
	return names.Pod(v.Name, 1)
}
