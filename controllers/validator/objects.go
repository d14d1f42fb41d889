package validator

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// objects makes what an instance needs to run, and its StatefulSet once it may start.
func (s *scope) objects(ctx context.Context) error {
	if !s.facts.known {
		return nil
	}
	for _, in := range s.instances {
		err := s.objectsOf(ctx, in)
		if taken := new(apply.TakenError); errors.As(err, &taken) {
			s.note(in, verdict.False(v1alpha1.ValidatorRunning, v1alpha1.ReasonNameTaken, taken.Message))
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) objectsOf(ctx context.Context, in *instance) error {
	if len(in.marks) == 0 {
		s.note(in, verdict.False(v1alpha1.ValidatorExposed, v1alpha1.ReasonWaiting, "waits for its volumes: see VolumesReady"))
		s.note(in, verdict.False(v1alpha1.ValidatorRunning, v1alpha1.ReasonWaiting, "waits for its volumes: see VolumesReady"))
		return s.stopLost(ctx, in)
	}
	b := s.inputs(in)
	if err := s.applyAccount(ctx, b); err != nil {
		return err
	}
	if err := s.policy(ctx, b); err != nil {
		return err
	}
	if err := ensure(ctx, s.r, "validator/apply-node-service", &corev1.Service{}, build.NodeService(b), b, names.Instance(b.Validator, b.Number), corev1ac.ExtractService); err != nil {
		return err
	}
	refused, err := s.expose(ctx, in, b)
	if err != nil {
		return err
	}
	if err := ensure(ctx, s.r, "validator/apply-config", &corev1.ConfigMap{}, build.ConfigMap(b), b, names.Instance(b.Validator, b.Number), corev1ac.ExtractConfigMap); err != nil {
		return err
	}
	return s.run(ctx, in, b, refused)
}

// policy makes the validator's NetworkPolicy, or takes away the one that it made where
// none is wanted any more.
func (s *scope) policy(ctx context.Context, b *build.Instance) error {
	var live networkingv1.NetworkPolicy
	if s.facts.policy {
		return ensure(ctx, s.r, "validator/apply-policy", &live, build.NetworkPolicy(b), b, b.Validator, networkingv1ac.ExtractNetworkPolicy)
	}
	found, err := s.r.find(ctx, client.ObjectKey{Namespace: b.Namespace, Name: b.Validator}, &live)
	if err != nil || !found || live.DeletionTimestamp != nil || !metav1.IsControlledBy(&live, &s.validator) {
		return err
	}
	err = faults.Do(ctx, "validator/delete-policy", func() error {
		return client.IgnoreNotFound(s.r.Delete(ctx, &live, client.Preconditions{UID: &live.UID}))
	})
	if err != nil {
		return fmt.Errorf("delete NetworkPolicy %s: %w", live.Name, err)
	}
	return nil
}

// expose makes the p2p Service and finds the announced addresses. // rule: exposure
func (s *scope) expose(ctx context.Context, in *instance, b *build.Instance) (refused string, err error) {
	e := &plan.Exposure{Want: b.Exposure, Namespace: b.Namespace, Validator: b.Validator, Number: b.Number}
	if e.Want.Type == v1alpha1.ExposureHostPort {
		if e.PodSecurity, e.PodSecurityUnread, err = s.r.podSecurity(ctx, b.Namespace); err != nil {
			return "", err
		}
	}
	if err := ensure(ctx, s.r, "validator/apply-p2p-service", &corev1.Service{}, build.P2PService(b), b, names.P2PService(b.Validator, b.Number), corev1ac.ExtractService); err != nil {
		return "", err
	}
	var service corev1.Service
	found, err := s.r.find(ctx, client.ObjectKey{Namespace: b.Namespace, Name: names.P2PService(b.Validator, b.Number)}, &service)
	if err != nil {
		return "", err
	}
	if found {
		e.Service = &service
	}
	if in.pod != nil {
		e.HostIP = in.pod.Status.HostIP
	}
	addresses, v := plan.Expose(e)
	b.Announce = addresses
	s.note(in, v)
	return plan.HostPortRefused(e), nil
}

// podSecurity is the level that the namespace enforces; unread: it may not be read.
func (r *Reconciler) podSecurity(ctx context.Context, namespace string) (level string, unread bool, err error) {
	const forbidden = "may not be read"
	level, err = r.once("pod security of "+namespace, func() (string, error) {
		ns := namespaceOnly(namespace)
		err := r.live.Get(ctx, client.ObjectKeyFromObject(ns), ns)
		if apierrors.IsForbidden(err) {
			return forbidden, nil
		}
		return ns.Labels[plan.PodSecurityLabel], err
	})
	if err != nil {
		return "", false, fmt.Errorf("read the Pod Security label of namespace %s: %w", namespace, err)
	}
	return level, level == forbidden, nil
}

// run makes or changes the StatefulSet.
func (s *scope) run(ctx context.Context, in *instance, b *build.Instance, refused string) error {
	if in.entry.Role == v1alpha1.InstanceSuperseded {
		return s.runSuperseded(ctx, in, b)
	}
	if in.lost {
		return s.stopLost(ctx, in)
	}
	start := &plan.Start{Volumes: in.sound, Identified: in.entry.Identity != "", Claim: s.keyClaim(), ClaimsOff: s.r.deps.WithoutClaims,
		Genesis: b.Genesis, Image: b.Image, Exposure: refused, Budget: in.set != nil}
	if in.entry.Number != s.active().entry.Number {
		start.ClaimsOff = start.ClaimsOff || in.set != nil // a running successor is not stopped by its claim
	}
	if !start.Budget {
		var err error
		var budget policyv1.PodDisruptionBudget
		if start.Budget, err = s.r.find(ctx, client.ObjectKey{Namespace: b.Namespace, Name: names.Disruption(b.Validator)}, &budget); err != nil {
			return err
		}
		start.Budget = start.Budget && apply.Taken(&budget, b.UID, v1alpha1.LabelValidator, b.Validator) == nil
	}
	ok, v := plan.MayStart(start)
	if !ok {
		if in.pod != nil && in.set != nil { // it runs, and nothing is changed
			v = verdict.False(v.Type, v.Reason, "its pod runs on unchanged: "+v.Message)
		}
		s.note(in, v)
		return nil
	}
	if err := s.noteGenesis(ctx, in); err != nil {
		return err
	}
	if err := s.applySet(ctx, b); err != nil {
		return err
	}
	s.note(in, plan.Running(&plan.Pod{Live: in.pod, Image: b.Image, ConfigHash: build.ConfigHash(b)}))
	return nil
}

// noteGenesis writes on the signer's claim, before a node uses it, of which chain it is:
// the volumes outlive everything else that says so. // rule: ceremony, no-owner
func (s *scope) noteGenesis(ctx context.Context, in *instance) error {
	if in.signer == nil || in.signer.Annotations[v1alpha1.AnnotationGenesisHash] == string(s.facts.genesis) {
		return nil
	}
	return s.r.patchClaim(ctx, "validator/note-genesis", in.signer, map[string]any{"metadata": map[string]any{
		"uid": in.signer.UID, "annotations": map[string]string{v1alpha1.AnnotationGenesisHash: string(s.facts.genesis)}}})
}

// keyClaim is the keyclaim controller's condition.
func (s *scope) keyClaim() *verdict.Verdict {
	for _, c := range s.validator.Status.Conditions {
		if c.Type == v1alpha1.ValidatorKeyClaimed {
			return &verdict.Verdict{Type: c.Type, Status: c.Status, Reason: c.Reason, Message: c.Message}
		}
	}
	return nil
}

func (s *scope) applySet(ctx context.Context, b *build.Instance) error {
	return ensure(ctx, s.r, "validator/apply-statefulset", &appsv1.StatefulSet{}, build.StatefulSet(b), b, names.Instance(b.Validator, b.Number), appsv1ac.ExtractStatefulSet)
}

// runSuperseded keeps a superseded instance running until it has deleted its key; then
// it has no pod, and its volumes stay. // rule: key-deleted
func (s *scope) runSuperseded(ctx context.Context, in *instance, b *build.Instance) error {
	if in.set == nil {
		return nil
	}
	state := &plan.Superseded{Stopped: in.set.Spec.Replicas != nil && *in.set.Spec.Replicas == 0, Recorded: in.entry.Identity}
	if !state.Stopped && b.Genesis != "" {
		if own, err := s.askOne(ctx, in.entry.Number); err == nil {
			state.Answers, state.Identity, state.WhyNot = true, v1alpha1.Ed25519Key(own.Identity.String()), own.WhyNot
		}
	}
	if !state.Stop() || state.Stopped {
		return nil
	}
	s.log.Info("stops a superseded instance: its key is deleted, its volumes stay", "rule", "key-deleted", "instance", in.entry.Number)
	b.Stopped = true
	return s.applySet(ctx, b)
}

// stopLost takes the pod of an instance whose signer volume is gone: it could only
// start again and again on another one. A process that runs has its volume still, and is
// left alone: claims taken away by force must not become a halted chain, and while it
// votes it can be taken over.
func (s *scope) stopLost(ctx context.Context, in *instance) error {
	if !in.lost || in.set == nil {
		return nil
	}
	if runs(in.pod) {
		s.note(in, verdict.False(v1alpha1.ValidatorRunning, v1alpha1.ReasonKeyMissing, "the claim of its signer volume is gone, and its process runs on: take it over before its pod ends (kubectl bedrock takeover)"))
		return nil
	}
	s.note(in, verdict.False(v1alpha1.ValidatorRunning, v1alpha1.ReasonKeyMissing, "its signer volume is gone: it has no pod until a takeover"))
	if in.set.Spec.Replicas != nil && *in.set.Spec.Replicas == 0 {
		return nil
	}
	owned, err := appsv1ac.ExtractStatefulSet(in.set, Manager)
	if err != nil {
		return fmt.Errorf("read what is owned of %s: %w", in.set.Name, err)
	}
	if owned.Spec == nil {
		return nil // another one made it
	}
	owned.Spec.WithReplicas(0)
	return faults.Do(ctx, "validator/stop-lost", func() error {
		return s.r.Apply(ctx, owned, client.FieldOwner(Manager), client.ForceOwnership)
	})
}

// taken says whether an object is somebody else's. The cache knows labelled ones only:
// what it lacks is looked for past it, as often as answers are asked anew.
func (r *Reconciler) taken(ctx context.Context, live client.Object, found bool, b *build.Instance, name string) error {
	if found {
		return apply.Taken(live, b.UID, v1alpha1.LabelValidator, b.Validator)
	}
	other := live.DeepCopyObject().(client.Object)
	err := r.live.Get(ctx, client.ObjectKey{Namespace: b.Namespace, Name: name}, other)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for %T %s: %w", live, name, err)
	}
	return apply.Taken(other, b.UID, v1alpha1.LabelValidator, b.Validator)
}

// runs says whether a pod's process is up as far as is known.
func runs(pod *corev1.Pod) bool {
	if pod == nil || pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
		return false
	}
	reason, _ := podtrouble.Of(pod)
	return reason == ""
}

func (s *scope) applyAccount(ctx context.Context, b *build.Instance) error {
	return ensure(ctx, s.r, "validator/apply-account", &corev1.ServiceAccount{}, build.ServiceAccount(b), b, b.Validator, corev1ac.ExtractServiceAccount)
}

// ensure applies an object where what is owned of the live one differs. What is somebody
// else's is left alone, and is an apply.TakenError.
func ensure[O client.Object, C runtime.ApplyConfiguration](ctx context.Context, r *Reconciler, point string, live O, want C, b *build.Instance, name string, extract func(O, string) (C, error)) error {
	found, err := r.find(ctx, client.ObjectKey{Namespace: b.Namespace, Name: name}, live)
	if err != nil {
		return err
	}
	if err := r.taken(ctx, live, found, b, name); err != nil {
		return err
	}
	var owned C
	if found {
		if owned, err = extract(live, Manager); err != nil {
			return fmt.Errorf("read what is owned of %s: %w", name, err)
		}
		if same, err := apply.Same(want, owned); same || err != nil {
			return err
		}
	}
	return faults.Do(ctx, point, func() error {
		_, err := apply.Object(ctx, r.Client, Manager, want, owned)
		return err
	})
}
