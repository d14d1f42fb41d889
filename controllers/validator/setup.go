package validator

import (
	"context"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
)

// defaultWorkers is how many Validators are reconciled at once: each may wait for
// nodes that do not answer.
const defaultWorkers = 8

// New makes the reconciler of a manager.
func New(mgr ctrl.Manager, deps Deps) *Reconciler {
	if deps.Dial == nil {
		deps.Dial = chain.NewDialer(chain.Options{Timeout: askTimeout})
	}
	return &Reconciler{
		Client: mgr.GetClient(), live: mgr.GetAPIReader(), deps: deps,
		chains: map[v1alpha1.Hash]chain.Client{}, schemes: map[v1alpha1.Hash]v1alpha1.Scheme{},
		namespaces: map[string]string{}, asked: map[string]answer{},
	}
}

// Setup runs the controller in a manager.
func Setup(mgr ctrl.Manager, deps Deps) error {
	r := New(mgr, deps)
	workers := deps.Workers
	if workers <= 0 {
		workers = defaultWorkers
	}
	ours := handler.EnqueueRequestsFromMapFunc(byLabel)
	err := ctrl.NewControllerManagedBy(mgr).Named("validator").
		For(&v1alpha1.Validator{}).
		Owns(&appsv1.StatefulSet{}).
		Owns(&batchv1.Job{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ConfigMap{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Watches(&corev1.PersistentVolumeClaim{}, ours).
		Watches(&corev1.Pod{}, ours).
		Watches(&policyv1.PodDisruptionBudget{}, ours, builder.WithPredicates(comesOrGoes)).
		Watches(&v1alpha1.BedrockNetwork{}, handler.EnqueueRequestsFromMapFunc(r.ofNetwork), builder.WithPredicates(networkChanged)).
		Watches(&v1alpha1.Validator{}, handler.EnqueueRequestsFromMapFunc(r.siblingsOf), builder.WithPredicates(identitiesChanged)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the validator controller: %w", err)
	}
	return nil
}

// byLabel is the Validator that an object is labelled with: claims have no owner.
func byLabel(_ context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[v1alpha1.LabelValidator]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
}

func (r *Reconciler) ofNetwork(ctx context.Context, o client.Object) []reconcile.Request {
	return r.validatorsOf(ctx, o.GetNamespace(), o.GetName(), "")
}

// siblingsOf are those that dial a validator by name: its identity is in their
// configuration.
func (r *Reconciler) siblingsOf(ctx context.Context, o client.Object) []reconcile.Request {
	v, ok := o.(*v1alpha1.Validator)
	if !ok || v.Spec.Chain.Network == "" {
		return nil
	}
	return r.validatorsOf(ctx, v.Namespace, string(v.Spec.Chain.Network), v.Name)
}

func (r *Reconciler) validatorsOf(ctx context.Context, namespace, network, but string) []reconcile.Request {
	all, err := fleet.Validators(ctx, r, namespace, network)
	if err != nil {
		return nil // the cache is not up: everything is looked at once it is
	}
	var out []reconcile.Request
	for i := range all {
		if all[i].Name != but {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all[i])})
		}
	}
	return out
}

var comesOrGoes = predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}

// networkChanged lets through what validators are made from.
var networkChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok1 := e.ObjectOld.(*v1alpha1.BedrockNetwork)
	after, ok2 := e.ObjectNew.(*v1alpha1.BedrockNetwork)
	return !ok1 || !ok2 || before.Generation != after.Generation || before.Status.OperatorKey != after.Status.OperatorKey ||
		!reflect.DeepEqual(before.Status.Image, after.Status.Image) || before.Status.DatabaseSchema != after.Status.DatabaseSchema ||
		!reflect.DeepEqual(before.Status.Genesis, after.Status.Genesis) || len(before.Status.Records) != len(after.Status.Records)
}}

// identitiesChanged lets through what other validators' configuration is made from.
var identitiesChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok1 := e.ObjectOld.(*v1alpha1.Validator)
	after, ok2 := e.ObjectNew.(*v1alpha1.Validator)
	return !ok1 || !ok2 || !reflect.DeepEqual(before.Status.Instances, after.Status.Instances) ||
		(before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil)
}}
