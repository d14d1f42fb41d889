package keyclaim

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/keyclaim/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// beat is when to look again where the cache is late.
const beat = 200 * time.Millisecond

// Manager is this controller's field manager.
const Manager = v1alpha1.ManagedBy + "/keyclaim"

// Deps are what the controller is given.
type Deps struct {
	// Clock is the system's where nil.
	Clock clock.PassiveClock
	// Namespaces that the manager watches; empty: all. Claims of others are another
	// operator's.
	Namespaces []string
}

// Reconciler is the keyclaim controller.
//
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators,verbs=get;list;watch
// +kubebuilder:rbac:groups=bedrock.dev,resources=validators/status,verbs=patch
// +kubebuilder:rbac:groups=bedrock.dev,resources=validatorkeyclaims,verbs=get;list;watch;create;delete
type Reconciler struct {
	client.Client
	live client.Reader // past the cache
	deps Deps
}

// New makes the reconciler of a manager.
func New(mgr ctrl.Manager, deps Deps) *Reconciler {
	if deps.Clock == nil {
		deps.Clock = clock.RealClock{}
	}
	return &Reconciler{Client: mgr.GetClient(), live: mgr.GetAPIReader(), deps: deps}
}

// Setup runs the controller in a manager. It needs the cluster role for claims.
func Setup(mgr ctrl.Manager, deps Deps) error {
	r := New(mgr, deps)
	if err := index(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return err
	}
	err := ctrl.NewControllerManagedBy(mgr).Named("keyclaim").
		For(&v1alpha1.Validator{}).
		Watches(&v1alpha1.ValidatorKeyClaim{}, handler.EnqueueRequestsFromMapFunc(r.concerned)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the keyclaim controller: %w", err)
	}
	return nil
}

// byKey is the cache's index of Validators by their consensus keys: an event of one
// claim must not read the whole fleet.
const byKey = "keyclaim/consensus-key"

func index(ctx context.Context, fields client.FieldIndexer) error {
	err := fields.IndexField(ctx, &v1alpha1.Validator{}, byKey, func(o client.Object) []string {
		var keys []string
		if v, ok := o.(*v1alpha1.Validator); ok {
			for _, k := range plan.Wanted(v) {
				keys = append(keys, string(k.Key))
			}
		}
		return keys
	})
	if err != nil {
		return fmt.Errorf("index Validators by their keys: %w", err)
	}
	return nil
}

// concerned are a claim's holder, and who waits for its key.
func (r *Reconciler) concerned(ctx context.Context, o client.Object) []reconcile.Request {
	claim, ok := o.(*v1alpha1.ValidatorKeyClaim)
	if !ok {
		return nil
	}
	holder := types.NamespacedName{Namespace: string(claim.Spec.Validator.Namespace), Name: string(claim.Spec.Validator.Name)}
	var out []reconcile.Request
	if len(r.deps.Namespaces) == 0 || slices.Contains(r.deps.Namespaces, holder.Namespace) {
		out = append(out, reconcile.Request{NamespacedName: holder})
	}
	var all v1alpha1.ValidatorList
	if err := r.List(ctx, &all, client.MatchingFields{byKey: string(claim.Spec.ConsensusKey)}); err != nil {
		return out // the cache is not up: everybody is looked at once it is
	}
	for i := range all.Items {
		if key := client.ObjectKeyFromObject(&all.Items[i]); key != holder {
			out = append(out, reconcile.Request{NamespacedName: key})
		}
	}
	return out
}

// Reconcile claims a Validator's keys, or releases those of one that is gone.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var v v1alpha1.Validator
	if err := r.Get(ctx, req.NamespacedName, &v); apierrors.IsNotFound(err) {
		return ctrl.Result{}, r.releaseAll(ctx, req.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("read Validator: %w", err)
	}
	if v.DeletionTimestamp != nil && len(v.Finalizers) == 0 {
		return ctrl.Result{}, nil
	}
	result, failed := r.claimAll(ctx, &v)
	if err := r.tell(ctx, &v, result); err != nil {
		return ctrl.Result{}, err
	}
	if apierrors.IsConflict(failed) {
		return ctrl.Result{RequeueAfter: beat}, nil // the cache is late
	}
	return ctrl.Result{}, failed
}

// claimAll goes through the Validator's keys; the first that is not had decides.
func (r *Reconciler) claimAll(ctx context.Context, v *v1alpha1.Validator) (verdict.Verdict, error) {
	const kind = v1alpha1.ValidatorKeyClaimed
	out := verdict.False(kind, v1alpha1.ReasonWaiting, "it has no key yet")
	for _, k := range plan.Wanted(v) {
		name, err := k.Name()
		if err != nil {
			return verdict.False(kind, "PossessionUnproven", err.Error()), nil
		}
		step, what, err := r.claim(ctx, v, &k, name)
		if err != nil || step != plan.Keep {
			return what, err
		}
		out = what
	}
	return out, nil
}

// claim brings one key's claim up to the point where it is held, or somebody else's.
func (r *Reconciler) claim(ctx context.Context, v *v1alpha1.Validator, k *plan.Keys, name string) (plan.Step, verdict.Verdict, error) {
	claim, err := r.find(ctx, r.Client, name)
	if err != nil {
		return plan.Wait, verdict.Verdict{}, err
	}
	for range 3 { // released, made, kept
		holder := plan.HolderThere
		if claim != nil {
			if holder, err = r.holder(ctx, claim, v); err != nil {
				return plan.Wait, verdict.Verdict{}, err
			}
		}
		step, what := plan.Judge(v, k, claim, holder)
		switch step {
		case plan.Create:
			claim, err = r.create(ctx, v, k, name)
		case plan.Release:
			claim, err = nil, r.release(ctx, claim)
		default:
			return step, what, nil
		}
		if err != nil {
			return plan.Wait, what, err
		}
	}
	return plan.Wait, verdict.False(v1alpha1.ValidatorKeyClaimed, v1alpha1.ReasonWaiting, "its claim changes hands"), nil
}

// holder reads past the cache whether a claim's holder exists.
func (r *Reconciler) holder(ctx context.Context, claim *v1alpha1.ValidatorKeyClaim, self *v1alpha1.Validator) (plan.Holder, error) {
	at := claim.Spec.Validator
	if at.UID == string(self.UID) {
		return plan.HolderThere, nil
	}
	var v v1alpha1.Validator
	err := r.live.Get(ctx, client.ObjectKey{Namespace: string(at.Namespace), Name: string(at.Name)}, &v)
	switch {
	case apierrors.IsNotFound(err):
		return plan.HolderGone, nil
	case apierrors.IsForbidden(err):
		return plan.HolderThere, nil
	case err != nil:
		return plan.HolderThere, fmt.Errorf("look for the holder of claim %s: %w", claim.Name, err)
	case string(v.UID) != at.UID:
		return plan.HolderGone, nil
	}
	return plan.HolderThere, nil
}

func (r *Reconciler) find(ctx context.Context, from client.Reader, name string) (*v1alpha1.ValidatorKeyClaim, error) {
	var claim v1alpha1.ValidatorKeyClaim
	err := from.Get(ctx, client.ObjectKey{Name: name}, &claim)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read claim %s: %w", name, err)
	}
	return &claim, nil
}

// create makes a claim, or answers the one that was there first.
func (r *Reconciler) create(ctx context.Context, v *v1alpha1.Validator, k *plan.Keys, name string) (*v1alpha1.ValidatorKeyClaim, error) {
	claim := &v1alpha1.ValidatorKeyClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			v1alpha1.LabelName: "bedrock", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy,
		}},
		Spec: v1alpha1.ValidatorKeyClaimSpec{ConsensusKey: k.Key, Validator: v1alpha1.ClaimHolder{
			Namespace: v1alpha1.Name(v.Namespace), Name: v1alpha1.Name(v.Name), UID: string(v.UID),
		}},
	}
	err := faults.Do(ctx, "keyclaim/create", func() error { return r.Create(ctx, claim, client.FieldOwner(Manager)) })
	if apierrors.IsAlreadyExists(err) {
		return r.find(ctx, r.live, name)
	}
	if err != nil {
		return nil, fmt.Errorf("make claim %s: %w", name, err)
	}
	return claim, nil
}

func (r *Reconciler) release(ctx context.Context, claim *v1alpha1.ValidatorKeyClaim) error {
	slog.Info("releases a key claim: its Validator is gone", "claim", claim.Name, "namespace", claim.Spec.Validator.Namespace, "validator", claim.Spec.Validator.Name)
	err := faults.Do(ctx, "keyclaim/delete", func() error {
		return client.IgnoreNotFound(r.Delete(ctx, claim, client.Preconditions{UID: &claim.UID}))
	})
	if err != nil {
		return fmt.Errorf("release claim %s: %w", claim.Name, err)
	}
	return nil
}

// releaseAll releases the claims of a Validator that is gone.
func (r *Reconciler) releaseAll(ctx context.Context, of types.NamespacedName) error {
	var claims v1alpha1.ValidatorKeyClaimList
	if err := r.List(ctx, &claims); err != nil {
		return fmt.Errorf("list claims: %w", err)
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if string(claim.Spec.Validator.Namespace) != of.Namespace || string(claim.Spec.Validator.Name) != of.Name {
			continue
		}
		holder, err := r.holder(ctx, claim, &v1alpha1.Validator{})
		if err != nil {
			return err
		}
		if holder == plan.HolderGone {
			if err := r.release(ctx, claim); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reconciler) tell(ctx context.Context, v *v1alpha1.Validator, what verdict.Verdict) error {
	if what.Type == "" {
		return nil // it is not known, and the error that follows says why
	}
	status := v1alpha1ac.ValidatorStatus().WithConditions(verdict.Conditions(v.Status.Conditions, v.Generation, r.deps.Clock.Now(), what)...)
	owned, err := v1alpha1ac.ExtractValidatorStatus(v, Manager)
	if err != nil {
		return fmt.Errorf("read what is owned of the status: %w", err)
	}
	want := v1alpha1ac.Validator(v.Name, v.Namespace).WithStatus(status)
	if same, err := apply.Same(want, owned); same || err != nil {
		return err
	}
	return faults.Do(ctx, "keyclaim/patch-status", func() error {
		_, err := apply.Status(ctx, r.Client, Manager, want, owned)
		return client.IgnoreNotFound(err) // deleted meanwhile
	})
}
