package validator

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// Manager is this controller's field manager.
const Manager = v1alpha1.ManagedBy + "/validator"

// Deps are what the controller is given.
type Deps struct {
	// Clock is the system's where nil.
	Clock clock.PassiveClock
	// Dial gives the client of a chain by its genesis document; over the nodes' RPC
	// where nil.
	Dial chain.Dialer
	// OperatorNamespace is where the operator's own pods run: policies let it in.
	// Empty: no policy does.
	OperatorNamespace string
	// WithoutClaims: nobody makes ValidatorKeyClaims (no cluster role for them).
	WithoutClaims bool
	// Workers is how many Validators are reconciled at once [8].
	Workers int
}

// Reconciler is the validator controller.
//
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators,verbs=list;watch;patch
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators/status,verbs=patch
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators/finalizers,verbs=update
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks,verbs=list;watch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get;list
// +kubebuilder:rbac:groups=storage.k8s.io,resources=csidrivers,verbs=get
type Reconciler struct {
	client.Client
	live client.Reader // past the cache
	deps Deps

	mu         sync.Mutex
	placing    map[types.NamespacedName]bool // networks of which an identity Job is being placed
	chains     map[v1alpha1.Hash]chain.Client
	schemes    map[v1alpha1.Hash]v1alpha1.Scheme
	clusterUID string
	namespaces map[string]string // UID of a signer claim -> that of its namespace
	asked      map[string]answer // of what is read past the cache
}

// How long until a Validator is looked at again where nothing changed.
const (
	soon   = 5 * time.Second  // while something is not as wanted
	seldom = 60 * time.Second // to ask its nodes
	beat   = 200 * time.Millisecond
)

// Reconcile brings one Validator nearer to its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	s := &scope{r: r, log: slog.With("namespace", req.Namespace, "validator", req.Name)}
	if err := r.Get(ctx, req.NamespacedName, &s.validator); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if done, err := s.hold(ctx); done || err != nil {
		return retry(err)
	}
	if err := s.gather(ctx); err != nil {
		return retry(err)
	}
	if s.paused() {
		s.setAll(verdict.Unknown(v1alpha1.ValidatorReady, v1alpha1.ReasonPaused, "reconciliation is paused: the node runs on, and nothing is changed"))
		return retry(s.patchStatus(ctx))
	}
	var failed error
	for _, step := range []func(context.Context) error{s.volumes, s.identities, s.objects, s.observe} {
		if failed = step(ctx); failed != nil {
			break
		}
	}
	if apply.NamespaceEnds(failed) {
		failed = nil
		s.set(verdict.False(v1alpha1.ValidatorReady, v1alpha1.ReasonNamespaceEnds, "its namespace is being deleted, and takes nothing new"))
	}
	// What was found out is written also where a step failed.
	if err := s.patchStatus(ctx); err != nil {
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return retry(failed)
	}
	return ctrl.Result{RequeueAfter: s.again()}, nil
}

// retry tells a failure from having been too early: where somebody else was faster, or
// the cache is late, everything is read again.
func retry(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return ctrl.Result{RequeueAfter: beat}, nil
	}
	return ctrl.Result{}, err
}

// again is when to look again: soon while something is awaited that sends no event and
// can still come.
func (s *scope) again() time.Duration {
	if s.ready() || s.verdicts[v1alpha1.ValidatorReady].Reason == v1alpha1.ReasonNamespaceEnds {
		return seldom
	}
	return soon
}

func (r *Reconciler) now() time.Time {
	if r.deps.Clock == nil {
		return clock.RealClock{}.Now()
	}
	return r.deps.Clock.Now()
}
