package network

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Manager is the field manager of what this controller applies.
const Manager = v1alpha1.ManagedBy + "/network"

const (
	// workers reconcile networks at the same time.
	workers = 8
	// soon is when a network that changes is looked at again; later, one that does not.
	soon, later = 3 * time.Second, 30 * time.Second
	// asleep is the same of one that waits for people or for other controllers, whose
	// writes wake it.
	asleep = 10 * time.Minute
)

// Deps are what the controller is given.
type Deps struct {
	// Dial gives clients of networks; it must not be nil.
	Dial chain.Dialer
	// Administer gives the administration of nodes. Without it newcomers cannot join.
	Administer chain.AdminDialer
	// Clock is the time. nil: the real one.
	Clock clock.PassiveClock
	// OperatorNamespace is where the operator's own pods run: policies let it in. Empty:
	// no policy does.
	OperatorNamespace string
	// Executor is the SHA-256 of the module that chains start with.
	Executor types.Hash
}

// Reconciler is the controller.
//
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks,verbs=list;watch;patch
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks/status,verbs=patch
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks/finalizers,verbs=update
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=bedrock-operator-keys,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get;list
type Reconciler struct {
	Deps
	client.Client               // reads from the cache
	Reader        client.Reader // reads from the API server
	documents     documents
	facts         remembered
}

// Setup adds the controller to a manager.
func Setup(mgr ctrl.Manager, deps Deps) error {
	r := New(mgr.GetClient(), mgr.GetAPIReader(), deps)
	wakes := handler.EnqueueRequestsFromMapFunc(fleet.OfNetwork)
	err := ctrl.NewControllerManagedBy(mgr).
		Named("network").
		For(&v1alpha1.BedrockNetwork{}).
		Watches(&v1alpha1.Validator{}, wakes).
		Watches(&corev1.ConfigMap{}, wakes).
		Watches(&corev1.Service{}, wakes).
		Watches(&appsv1.StatefulSet{}, wakes).
		Watches(&batchv1.Job{}, wakes, builder.WithPredicates(ofImages)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the network controller: %w", err)
	}
	return nil
}

// ofImages lets the Jobs through that ask an image what it is.
var ofImages = predicate.NewPredicateFuncs(func(o client.Object) bool {
	return o.GetLabels()[v1alpha1.LabelComponent] == v1alpha1.ComponentImage
})

// New makes a reconciler: cached reads by c, live ones by reader.
func New(c client.Client, reader client.Reader, deps Deps) *Reconciler {
	if deps.Clock == nil {
		deps.Clock = clock.RealClock{}
	}
	return &Reconciler{Deps: deps, Client: c, Reader: reader}
}

// step is one part of a reconcile. It ends the reconcile by errDone, or by an error.
type step struct {
	name string
	do   func(*pass, context.Context) error
}

// errDone ends a reconcile without an error: what follows must wait.
var errDone = errors.New("nothing more to do now")

// steps is the order of a reconcile.
var steps = []step{
	{"deletion", (*pass).deletion},     // rule: hold
	{"paused", (*pass).paused},         // closed tokens are the disruption controller's
	{"wanted", (*pass).readWanted},     // what the spec asks for, and what is there
	{"key", (*pass).operatorKey},       // rule: delegate-only
	{"genesis", (*pass).genesis},       // rule: ceremony
	{"image", (*pass).image},           // rule: schema-after-fleet
	{"validators", (*pass).validators}, // apply, by count and groups
	{"document", (*pass).document},     // create what is recorded. rule: no-owner
	{"services", (*pass).services},     // full nodes and RPC
	{"schema", (*pass).schema},         // rule: schema-after-fleet
	{"chain", (*pass).observe},         // rule: chain-over-API
	{"domains", (*pass).domains},       // rule: domain-risk
	{"submissions", (*pass).settle},    // the same bytes again, or the next ones
	{"membership", (*pass).membership}, // rule: leave-only-by-scale
}

// Reconcile brings one network nearer to its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var network v1alpha1.BedrockNetwork
	if err := r.Get(ctx, req.NamespacedName, &network); err != nil {
		if apierrors.IsNotFound(err) {
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("read network %s: %w", req, err)
	}
	p := newPass(r, &network)
	var failed error
	for _, s := range steps {
		if err := s.do(p, ctx); errors.Is(err, errDone) {
			break
		} else if err != nil {
			failed = fmt.Errorf("%s of network %s: %w", s.name, req, err)
			break
		}
	}
	if p.gone || errors.Is(failed, faults.ErrInjected) {
		return ctrl.Result{}, failed
	}
	if apierrors.IsConflict(failed) { // something older was read: it is read again
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	err := p.writeStatus(ctx, failed)
	if apply.NamespaceEnds(failed) {
		failed, p.again = nil, asleep
	}
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: time.Second}, failed
	} else if err != nil {
		return ctrl.Result{}, errors.Join(failed, err)
	}
	return ctrl.Result{RequeueAfter: p.again}, failed
}
