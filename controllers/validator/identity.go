package validator

import (
	"context"
	"errors"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// identities has every instance's identity made, and its public record taken into the
// status once. // rule: identity-born, ceremony
func (s *scope) identities(ctx context.Context) error {
	if !s.facts.known {
		return nil
	}
	for _, in := range s.instances {
		if in.entry.Role == v1alpha1.InstanceSuperseded {
			continue
		}
		v, err := s.identity(ctx, in)
		if taken := new(apply.TakenError); errors.As(err, &taken) {
			v = verdict.False(v1alpha1.ValidatorIdentified, v1alpha1.ReasonNameTaken, taken.Message)
		} else if err != nil {
			return err
		}
		s.note(in, v)
	}
	return s.nameOnChain()
}

// nameOnChain is given by the first identity, or by the handoff.
func (s *scope) nameOnChain() error {
	if s.chainName != "" {
		return nil
	}
	if h := s.validator.Spec.Handoff; h != nil {
		s.chainName = h.Validator
		return nil
	}
	first := s.instances[0].entry
	if first.Number != 1 || first.Identity == "" {
		return nil
	}
	id, err := ledger.ParseID(string(first.Identity))
	if err != nil {
		return fmt.Errorf("identity of instance 1: %w", err)
	}
	s.chainName = v1alpha1.Hash(ledger.ValidatorName(id).String())
	return nil
}

func (s *scope) identity(ctx context.Context, in *instance) (verdict.Verdict, error) {
	const kind = v1alpha1.ValidatorIdentified
	if in.entry.Identity != "" {
		if err := s.joinsAgain(ctx, in); err != nil {
			return verdict.Verdict{}, err
		}
		return verdict.True(kind, "Identified", "its identity is "+string(in.entry.Identity)), s.tidy(ctx, in)
	}
	switch {
	case !in.sound:
		return verdict.False(kind, v1alpha1.ReasonWaiting, "waits for its volumes: see VolumesReady"), nil
	case s.facts.image == "":
		return verdict.False(kind, "ImageMissing", "no image is named: set spec.image"), nil
	case !s.recorded(in):
		// The UIDs are in no status yet: the Job would mark the volume with them.
		return verdict.False(kind, v1alpha1.ReasonWaiting, "waits until its volumes are recorded"), nil
	}
	var job batchv1.Job
	found, err := s.r.find(ctx, client.ObjectKey{Namespace: s.validator.Namespace, Name: names.IdentityJob(s.validator.Name, in.entry.Number)}, &job)
	if err != nil {
		return verdict.Verdict{}, err
	}
	if err := s.r.taken(ctx, &job, found, s.inputs(in), names.IdentityJob(s.validator.Name, in.entry.Number)); err != nil {
		return verdict.Verdict{}, err
	}
	if !found {
		return s.startJob(ctx, in)
	}
	if job.DeletionTimestamp != nil {
		return verdict.False(kind, v1alpha1.ReasonWaiting, "waits for its former identity Job to go"), nil
	}
	if job.Annotations[build.AnnotationSignerClaim] != in.entry.SignerClaimUID {
		return s.dropJob(ctx, &job, "it was made for another volume")
	}
	return s.readJob(ctx, in, &job)
}

// tidy deletes the Job whose record is in the status: its pod, though it has ended,
// would keep the volumes from being deleted.
func (s *scope) tidy(ctx context.Context, in *instance) error {
	var job batchv1.Job
	found, err := s.r.find(ctx, client.ObjectKey{Namespace: s.validator.Namespace, Name: names.IdentityJob(s.validator.Name, in.entry.Number)}, &job)
	if err != nil || !found || job.DeletionTimestamp != nil {
		return err
	}
	_, err = s.dropJob(ctx, &job, "its record is in the status")
	return err
}

// left is the identity on a kept volume that has left the chain; empty: none has.
func left(in *instance) v1alpha1.Ed25519Key {
	if in.signer == nil {
		return ""
	}
	id := in.signer.Annotations[v1alpha1.AnnotationLeft]
	if _, err := ledger.ParseID(id); err != nil {
		return ""
	}
	return v1alpha1.Ed25519Key(id)
}

// joinsAgain takes the mark of one that left off a volume that has another identity now.
func (s *scope) joinsAgain(ctx context.Context, in *instance) error {
	if in.signer == nil {
		return nil
	}
	if mark, there := in.signer.Annotations[v1alpha1.AnnotationLeft]; !there || mark == string(in.entry.Identity) {
		return nil
	}
	return s.r.patchClaim(ctx, "validator/joins-again", in.signer, map[string]any{"metadata": map[string]any{
		"uid": in.signer.UID, "annotations": map[string]any{v1alpha1.AnnotationLeft: nil}}})
}

// recorded says whether the claims' UIDs are in the status as it was read.
func (s *scope) recorded(in *instance) bool {
	for _, e := range s.validator.Status.Instances {
		if e.Number == in.entry.Number {
			return e.SignerClaimUID == in.entry.SignerClaimUID && e.ChainClaimUID == in.entry.ChainClaimUID && e.SignerClaimUID != ""
		}
	}
	return false
}

// startJob makes the Job, where no other one of the network is being placed.
func (s *scope) startJob(ctx context.Context, in *instance) (verdict.Verdict, error) {
	const kind = v1alpha1.ValidatorIdentified
	b := s.inputs(in)
	b.Left = left(in)
	if b.OwnHost && b.Network != "" {
		end, ok := s.r.beginPlacing(types.NamespacedName{Namespace: b.Namespace, Name: b.Network})
		if !ok {
			return verdict.False(kind, v1alpha1.ReasonWaiting, "waits until another one of the network has a host: volumes are bound one after the other, so that no two share one"), nil
		}
		defer end()
		other, err := s.place(ctx, s.r, b) // the cache is good enough to see that it has to wait
		if err == nil && other == "" {
			other, err = s.place(ctx, s.r.live, b)
		}
		if err != nil {
			return verdict.Verdict{}, err
		}
		if other != "" {
			return verdict.False(kind, v1alpha1.ReasonWaiting, "waits until "+other+" has a host: volumes are bound one after the other, so that no two share one"), nil
		}
	}
	if err := s.applyAccount(ctx, b); err != nil {
		return verdict.Verdict{}, err
	}
	want := build.IdentityJob(b)
	err := faults.Do(ctx, "validator/create-identity-job", func() error {
		return s.r.Apply(ctx, want, client.FieldOwner(Manager), client.ForceOwnership)
	})
	if err != nil {
		return verdict.Verdict{}, fmt.Errorf("make the identity Job: %w", err)
	}
	return verdict.False(kind, v1alpha1.ReasonWaiting, "its identity Job runs"), nil
}

// beginPlacing takes the right to place a Job of a network, one after the other; it is
// given back by end. Nobody waits for it: a network must not hold up the others.
func (r *Reconciler) beginPlacing(network types.NamespacedName) (end func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.placing[network] {
		return nil, false
	}
	if r.placing == nil {
		r.placing = map[types.NamespacedName]bool{}
	}
	r.placing[network] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.placing, network)
	}, true
}

// place reads which hosts are held, and whether another Job of the network is about to
// get one.
func (s *scope) place(ctx context.Context, r client.Reader, b *build.Instance) (string, error) {
	of := []client.ListOption{client.InNamespace(b.Namespace), client.MatchingLabels{v1alpha1.LabelNetwork: b.Network}}
	var claims corev1.PersistentVolumeClaimList
	var jobs batchv1.JobList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&claims, &jobs, &pods} {
		if err := r.List(ctx, list, of...); err != nil {
			return "", fmt.Errorf("list what the network's volumes are bound to: %w", err)
		}
	}
	stuck := map[string]bool{}
	for i := range pods.Items {
		if reason, _ := podtrouble.Of(&pods.Items[i]); reason == "Unschedulable" {
			stuck[pods.Items[i].Labels[batchv1.JobNameLabel]] = true
		}
	}
	var running []string
	for i := range jobs.Items {
		if j := &jobs.Items[i]; !finished(j, batchv1.JobComplete) && !finished(j, batchv1.JobFailed) {
			running = append(running, j.Name)
		}
	}
	if other, busy := plan.Placing(names.IdentityJob(b.Validator, b.Number), claims.Items, running, stuck); busy {
		return other, nil
	}
	b.AvoidHosts = plan.Held(b.Validator, claims.Items, pods.Items)
	return "", nil
}

// readJob takes the record from the Job's pod, or says why there is none.
func (s *scope) readJob(ctx context.Context, in *instance, job *batchv1.Job) (verdict.Verdict, error) {
	const kind = v1alpha1.ValidatorIdentified
	var pods corev1.PodList
	if err := s.r.List(ctx, &pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}); err != nil {
		return verdict.Verdict{}, fmt.Errorf("list pods of %s: %w", job.Name, err)
	}
	trouble := verdict.False(kind, v1alpha1.ReasonWaiting, "its identity Job runs")
	own := 0
	podtrouble.ByAge(pods.Items)
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !metav1.IsControlledBy(pod, job) {
			continue // of a former Job of this name, whose volume was another
		}
		own++
		ended := podtrouble.Ended(pod, build.Container)
		if ended != nil && ended.ExitCode == 0 {
			return s.takeRecord(in, ended.Message), nil
		}
		if reason, message := podtrouble.Of(pod); reason != "" {
			trouble = verdict.False(kind, reason, "identity Job: "+message)
		}
		if ended != nil {
			trouble = verdict.False(kind, "IdentityFailed", fmt.Sprintf("the identity Job ended with code %d: %.600s", ended.ExitCode, ended.Message))
		}
	}
	switch {
	case finished(job, batchv1.JobComplete):
		// The pod is gone before its record was read: another Job finds the same identity.
		return s.dropJob(ctx, job, "its record was lost")
	case own == 0 && !finished(job, batchv1.JobFailed):
		if why := podtrouble.WithoutPod(job, s.r.now()); why != "" {
			trouble = verdict.False(kind, "PodRefused", why)
		}
	case finished(job, batchv1.JobFailed):
		if own == 0 {
			trouble = verdict.False(kind, "IdentityFailed", "the identity Job failed, and its pods are gone")
		}
		trouble.Message += "; it is tried again when the Job is gone: mend the cause, then delete Job " + job.Name + " or wait 10 minutes"
	}
	return trouble, nil
}

// takeRecord reads a record into the entry; the status patch writes it.
func (s *scope) takeRecord(in *instance, message string) verdict.Verdict {
	const kind = v1alpha1.ValidatorIdentified
	if err := plan.TakeRecord(&in.entry, message, s.facts.scheme); err != nil {
		return verdict.False(kind, "RecordInvalid", err.Error())
	}
	s.log.Info("took an identity's record", "instance", in.entry.Number, "identity", in.entry.Identity)
	return verdict.True(kind, "Identified", "its identity is "+string(in.entry.Identity))
}

func (s *scope) dropJob(ctx context.Context, job *batchv1.Job, why string) (verdict.Verdict, error) {
	s.log.Info("drops an identity Job", "job", job.Name, "why", why)
	err := faults.Do(ctx, "validator/delete-identity-job", func() error {
		return client.IgnoreNotFound(s.r.Delete(ctx, job, client.Preconditions{UID: &job.UID}, client.PropagationPolicy("Background")))
	})
	if err != nil {
		return verdict.Verdict{}, fmt.Errorf("delete identity Job %s: %w", job.Name, err)
	}
	return verdict.False(v1alpha1.ValidatorIdentified, v1alpha1.ReasonWaiting, "its identity Job is made again: "+why), nil
}

func finished(job *batchv1.Job, how batchv1.JobConditionType) bool {
	for _, c := range job.Status.Conditions {
		if c.Type == how && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}
