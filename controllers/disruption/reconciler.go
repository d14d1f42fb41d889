package disruption

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
)

// Manager is the field manager of what this controller applies.
const Manager = v1alpha1.ManagedBy + "/disruption"

const (
	workers = 8
	// hot is how often a chain is asked while an unused token is out, warm while one is
	// used or asked for, cold otherwise.
	hot, warm, cold = 2 * time.Second, 5 * time.Second, 30 * time.Second
)

// Deps are what the controller is given.
type Deps struct {
	// Dial gives clients of networks; it must not be nil.
	Dial chain.Dialer
	// Clock is the time. nil: the real one.
	Clock clock.PassiveClock
	// Events are told to; nil: nobody.
	Events events.EventRecorder
	// Nodes: cordons and taints may be read. Without it DrainsNotSeen is said.
	Nodes bool
}

// Reconciler is the controller.
//
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks,verbs=get;list;watch
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators,verbs=list;watch
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks/status;validators/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods/eviction,verbs=create
// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=bedrock-operator-keys,verbs=get
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;update
type Reconciler struct {
	Deps
	client.Client               // reads from the cache
	Reader        client.Reader // reads from the API server
	heard         heard
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
	r := New(mgr.GetClient(), mgr.GetAPIReader(), deps)
	wakes := handler.EnqueueRequestsFromMapFunc(fleet.OfNetwork)
	b := ctrl.NewControllerManagedBy(mgr).
		Named("disruption").
		For(&v1alpha1.BedrockNetwork{}).
		Watches(&v1alpha1.Validator{}, wakes).
		Watches(&corev1.Pod{}, wakes).
		Watches(&policyv1.PodDisruptionBudget{}, wakes).
		Watches(&appsv1.StatefulSet{}, wakes)
	if deps.Nodes {
		b = b.Watches(&corev1.Node{}, handler.EnqueueRequestsFromMapFunc(r.onNode), builder.WithPredicates(nodeChanged))
	}
	if err := b.WithOptions(controller.Options{MaxConcurrentReconciles: workers}).Complete(r); err != nil {
		return fmt.Errorf("set up the disruption controller: %w", err)
	}
	return setupForeign(mgr, r)
}

// nodeChanged lets through what a drain shows in: kubelets write their nodes' status all
// the time, and each event reads the pods of every network. // rule: token-request
var nodeChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok1 := e.ObjectOld.(*corev1.Node)
	after, ok2 := e.ObjectNew.(*corev1.Node)
	return !ok1 || !ok2 || before.Spec.Unschedulable != after.Spec.Unschedulable || !equality.Semantic.DeepEqual(before.Spec.Taints, after.Spec.Taints)
}}

// onNode wakes the networks with pods on a node.
func (r *Reconciler) onNode(ctx context.Context, o client.Object) []reconcile.Request {
	var pods corev1.PodList
	if err := r.List(ctx, &pods, client.MatchingLabels{v1alpha1.LabelComponent: v1alpha1.ComponentValidator}); err != nil {
		return nil
	}
	seen := map[types.NamespacedName]bool{}
	var out []reconcile.Request
	for i := range pods.Items {
		p := &pods.Items[i]
		key := types.NamespacedName{Namespace: p.Namespace, Name: p.Labels[v1alpha1.LabelNetwork]}
		if p.Spec.NodeName == o.GetName() && key.Name != "" && !seen[key] {
			seen[key] = true
			out = append(out, reconcile.Request{NamespacedName: key})
		}
	}
	return out
}

// Reconcile is one pass for a network.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var network v1alpha1.BedrockNetwork
	if err := r.Get(ctx, req.NamespacedName, &network); err != nil {
		forget(req.Namespace, req.Name)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	return r.turn(ctx, req, &pass{Reconciler: r, network: &network, now: r.Clock.Now()})
}

// turn runs a pass, and says when the next one is.
func (r *Reconciler) turn(ctx context.Context, req ctrl.Request, p *pass) (ctrl.Result, error) {
	step, err := p.run(ctx)
	switch {
	case outdatedRead(err):
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case apply.NamespaceEnds(err):
		return ctrl.Result{RequeueAfter: cold}, nil
	case errors.Is(err, faults.ErrInjected):
		return ctrl.Result{}, err
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("disruption of %s: %w", req, err)
	}
	return ctrl.Result{RequeueAfter: pace(step)}, nil
}

// outdatedRead says that something older was read than there is: it is read again.
func outdatedRead(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || errors.Is(err, errSetChanges)
}

// pace is when to look again.
func pace(s plan.Step) time.Duration {
	if len(s.Ends) > 0 || len(s.Open)+len(s.Evict) > 0 {
		return time.Second
	}
	after := cold
	if len(s.Ledger.Requests) > 0 {
		after = warm
	}
	for _, t := range s.Ledger.Tokens {
		if t.State == plan.Granted {
			return hot
		}
		after = warm
	}
	return after
}
