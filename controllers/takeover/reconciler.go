package takeover

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/takeover/plan"
)

// Manager is the field manager of what this controller applies.
const Manager = v1alpha1.ManagedBy + "/takeover"

const (
	workers = 8
	// soon is when a takeover under way is looked at again; later, a validator at rest.
	soon, later = 3 * time.Second, time.Minute
)

// Deps are what the controller is given.
type Deps struct {
	// Dial gives clients of networks; it must not be nil.
	Dial chain.Dialer
	// Administer gives the administration of nodes by the operator's key; nil: nothing is
	// taken over but by handoff.
	Administer chain.AdminDialer
	// Clock is the time. nil: the real one.
	Clock clock.PassiveClock
	// Events are told to; nil: nobody.
	Events events.EventRecorder
	// Nodes: nodes of the cluster may be read. Without it a volume is out of reach only
	// where its claim is lost.
	Nodes bool
}

// Reconciler is the controller.
//
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks;validators,verbs=list;watch
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumes,verbs=get
// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=bedrock-operator-keys,verbs=get
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
type Reconciler struct {
	Deps
	client.Client               // reads from the cache
	Reader        client.Reader // reads from the API server
}

// New makes a reconciler: cached reads by c, live ones by reader.
func New(c client.Client, reader client.Reader, deps Deps) *Reconciler {
	if deps.Clock == nil {
		deps.Clock = clock.RealClock{}
	}
	return &Reconciler{Deps: deps, Client: c, Reader: reader}
}

// Setup adds the controller to a manager.
func Setup(mgr ctrl.Manager, deps Deps) error {
	if deps.Events == nil {
		deps.Events = apply.Once(mgr.GetEventRecorder(Manager))
	}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("takeover").
		For(&v1alpha1.Validator{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(New(mgr.GetClient(), mgr.GetAPIReader(), deps))
	if err != nil {
		return fmt.Errorf("set up the takeover controller: %w", err)
	}
	return nil
}

// pass is one look at a validator.
type pass struct {
	*Reconciler
	validator *v1alpha1.Validator
	network   *v1alpha1.BedrockNetwork // nil: a foreign chain
	now       time.Time
	chain     chain.Client
	genesis   [32]byte
	nodes     []fleet.Node // of the chain, this validator's last
	answered  []fleet.Node // of them, when they were asked
	sentBytes []byte       // what follows is about: stored, or the owner's
}

// Reconcile is one pass.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var v v1alpha1.Validator
	if err := r.Get(ctx, req.NamespacedName, &v); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if v.DeletionTimestamp != nil || len(v.Status.Instances) == 0 {
		return ctrl.Result{}, nil
	}
	p := &pass{Reconciler: r, validator: &v, now: r.Clock.Now()}
	in, err := p.gather(ctx)
	var step plan.Step
	switch {
	case errors.Is(err, fleet.ErrNoChain):
		err = p.tell(ctx, plan.Step{Reason: v1alpha1.ReasonWaiting, Message: "there is no chain yet"})
	case apierrors.IsNotFound(err): // the document was deleted: the network makes it anew
		err = p.tell(ctx, plan.Step{Reason: v1alpha1.ReasonWaiting, Message: "the chain cannot be asked: " + err.Error()})
	case err == nil:
		step = plan.Next(in)
		err = p.act(ctx, step)
	}
	switch {
	case apply.NamespaceEnds(err):
		return ctrl.Result{RequeueAfter: later}, nil
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case errors.Is(err, faults.ErrInjected):
		return ctrl.Result{}, err
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("takeover of %s: %w", req, err)
	}
	if step.Act != plan.Rest || v.Status.Takeover != nil || in.Missing || in.Handoff && !in.Chain.InSet {
		return ctrl.Result{RequeueAfter: soon}, nil
	}
	return ctrl.Result{RequeueAfter: later}, nil
}

// key is the operator's key on the chain. // rule: delegate-only
func (p *pass) key(ctx context.Context) (ed25519.PrivateKey, error) {
	if p.network == nil {
		return nil, fmt.Errorf("%w: on a foreign chain only the owner rotates: use spec.handoff", fleet.ErrNoKey)
	}
	return fleet.Key(ctx, p.Reader, p.network)
}

// reach says why a validator's volume cannot be had, and whether its signer volume is
// lost.
func (p *pass) reach(ctx context.Context, in *v1alpha1.Instance) (out string, lost bool, err error) {
	var claim corev1.PersistentVolumeClaim
	// Live: the cache knows labelled claims only, and may be late.
	err = p.Reader.Get(ctx, client.ObjectKey{Namespace: p.validator.Namespace, Name: signerClaim(p.validator, in)}, &claim)
	if apierrors.IsNotFound(err) {
		return "", in.SignerClaimUID != "", nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read the signer volume's claim: %w", err)
	}
	if in.SignerClaimUID != "" && string(claim.UID) != in.SignerClaimUID || claim.Status.Phase == corev1.ClaimLost {
		return "", true, nil
	}
	if !p.Nodes {
		return "", false, nil
	}
	if out, err = p.podsNode(ctx, in); out != "" || err != nil {
		return out, false, err
	}
	out, err = p.volumesNode(ctx, &claim)
	return out, false, err
}

// podsNode says what is wrong with the node that its pod is bound to.
func (p *pass) podsNode(ctx context.Context, in *v1alpha1.Instance) (string, error) {
	var pod corev1.Pod
	err := p.Get(ctx, client.ObjectKey{Namespace: p.validator.Namespace, Name: podName(p.validator, in)}, &pod)
	if err != nil || pod.Spec.NodeName == "" {
		return "", client.IgnoreNotFound(err)
	}
	var n corev1.Node
	if err := p.Get(ctx, client.ObjectKey{Name: pod.Spec.NodeName}, &n); apierrors.IsNotFound(err) {
		return "its node " + pod.Spec.NodeName + " is gone", nil
	} else if err != nil {
		return "", fmt.Errorf("read node %s: %w", pod.Spec.NodeName, err)
	}
	if !ready(&n) {
		return "its node " + n.Name + " is not Ready", nil
	}
	return "", nil
}

// volumesNode says whether every node that its volume can be used on is gone or not Ready.
func (p *pass) volumesNode(ctx context.Context, claim *corev1.PersistentVolumeClaim) (string, error) {
	if claim.Spec.VolumeName == "" {
		return "", nil
	}
	var volume corev1.PersistentVolume
	err := p.Reader.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, &volume)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return "", nil // namespaced mode: it is not known
	}
	if err != nil {
		return "", fmt.Errorf("read volume %s: %w", claim.Spec.VolumeName, err)
	}
	hosts := boundTo(&volume)
	if len(hosts) == 0 {
		return "", nil
	}
	for _, host := range hosts {
		var n corev1.Node
		if err := p.Get(ctx, client.ObjectKey{Name: host}, &n); err == nil && ready(&n) {
			return "", nil
		} else if client.IgnoreNotFound(err) != nil {
			return "", fmt.Errorf("read node %s: %w", host, err)
		}
	}
	return fmt.Sprintf("its volume %s is bound to %s, which is not Ready", volume.Name, hosts[0]), nil
}

// boundTo are the hosts that a local volume's affinity names; none: it is not local.
func boundTo(v *corev1.PersistentVolume) []string {
	var out []string
	if v.Spec.NodeAffinity == nil || v.Spec.NodeAffinity.Required == nil {
		return nil
	}
	for _, term := range v.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, e := range term.MatchExpressions {
			if e.Key == corev1.LabelHostname && e.Operator == corev1.NodeSelectorOpIn {
				out = append(out, e.Values...)
			}
		}
	}
	return out
}

func ready(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
