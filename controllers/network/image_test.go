package network_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

const (
	thisRelease = `{"version": "this", "oldest_schema": 1, "newest_schema": 1}`
	nextRelease = `{"version": "next", "oldest_schema": 1, "newest_schema": 2}`
)

// playImageJob is the Job's controller and a kubelet: the image says what it reads.
func (g *rig) playImageJob() {
	g.t.Helper()
	var job batchv1.Job
	err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: names.ImageJob(g.name)}, &job)
	if apierrors.IsNotFound(err) {
		g.dropPods()
		return
	} else if err != nil {
		g.t.Fatal(err)
	}
	if job.DeletionTimestamp != nil { // garbage collection
		job.Finalizers = nil
		if err := g.c.Update(g.ctx(), &job); client.IgnoreNotFound(err) != nil {
			g.t.Fatal(err)
		}
		return
	}
	if g.reads == "refused" { // by a quota
		return
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: job.Name + "-x", Namespace: g.ns, Labels: map[string]string{batchv1.JobNameLabel: job.Name},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(&job, batchv1.SchemeGroupVersion.WithKind("Job"))}}, Spec: job.Spec.Template.Spec}
	if err := g.c.Create(g.ctx(), pod); apierrors.IsAlreadyExists(err) {
		return
	} else if err != nil {
		g.t.Fatal(err)
	}
	said := corev1.ContainerStatus{Name: build.Container, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: g.reads}}}
	pod.Status.Phase = corev1.PodSucceeded
	switch g.reads {
	case "":
		said.State.Terminated.Message = thisRelease
	case "evicted":
		pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, "Evicted", "The node was low on resource: memory."
		said.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "Error"}
	case "absent":
		pod.Status.Phase = corev1.PodPending
		said.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}}
		said.Image = job.Spec.Template.Spec.Containers[0].Image
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{said}
	if err := g.c.Status().Update(g.ctx(), pod); err != nil {
		g.t.Fatal(err)
	}
}

// dropPods removes the pods of a Job that is gone.
func (g *rig) dropPods() {
	g.t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: names.ImageJob(g.name) + "-x", Namespace: g.ns}}
	if err := g.c.Delete(g.ctx(), pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
		g.t.Fatal(err)
	}
}

// playFullNodes is the StatefulSet's controller and the kubelet.
func (g *rig) playFullNodes() {
	g.t.Helper()
	var s appsv1.StatefulSet
	err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: names.FullNodes(g.name)}, &s)
	if apierrors.IsNotFound(err) || g.updated < 0 {
		return
	} else if err != nil {
		g.t.Fatal(err)
	}
	s.Status = appsv1.StatefulSetStatus{ObservedGeneration: s.Generation, Replicas: 2, ReadyReplicas: 2, UpdatedReplicas: g.updated}
	if err := g.c.Status().Update(g.ctx(), &s); err != nil {
		g.t.Fatal(err)
	}
}

// say gives every validator's entry what its node says of its database, and Running.
func (g *rig) say(schema, newest int32) {
	g.t.Helper()
	for _, v := range g.listed() {
		in := v.Status.Instances[0]
		status := v1alpha1ac.ValidatorStatus().WithActiveInstance(1).WithInstances(v1alpha1ac.Instance().
			WithNumber(1).WithRole(v1alpha1.InstanceActive).WithIdentity(in.Identity).WithConsensusKey(in.ConsensusKey).
			WithDatabaseSchema(schema).WithNewestSchema(newest)).
			WithConditions(metav1ac.Condition().WithType(v1alpha1.ValidatorRunning).WithStatus(metav1.ConditionTrue).WithReason("Running").
				WithMessage("of a test").WithObservedGeneration(v.Generation).WithLastTransitionTime(metav1.NewTime(g.clock.Now())))
		if err := g.c.Status().Apply(g.ctx(), v1alpha1ac.Validator(v.Name, g.ns).WithStatus(status), client.FieldOwner("bedrock-operator/validator"), client.ForceOwnership); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *rig) setImage(image string) {
	g.t.Helper()
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.Image = image })
}

func (g *rig) allHave(image string) bool {
	g.t.Helper()
	for _, v := range g.listed() {
		if v.Spec.Image != image {
			return false
		}
	}
	return true
}

// A new image is asked first, goes to the full nodes, and while they do not run it, to
// no validator. rule: schema-after-fleet
func TestImageGoesToFullNodesFirst(t *testing.T) {
	g := newRig(t)
	g.apply(4, withFullNodes)
	g.until("ready", g.isReady)
	g.setImage("bedrock:next")
	for _, g.updated = range []int32{0, 1} {
		for range 6 {
			g.turn()
			if !g.allHave("bedrock:test") {
				t.Fatalf("with %d of 2 full nodes on the new image a validator has it", g.updated)
			}
		}
	}
	var s appsv1.StatefulSet
	if g.get(names.FullNodes(g.name), &s); s.Spec.Template.Spec.Containers[0].Image != "bedrock:next" {
		t.Fatalf("full nodes have %s", s.Spec.Template.Spec.Containers[0].Image)
	}
	g.updated = 2
	g.until("all validators have it", func() bool { return g.allHave("bedrock:next") })
	for range 3 {
		g.turn()
	}
	passed := len(g.script.Passed())
	for range 6 {
		g.turn()
	}
	if more := g.script.Passed()[passed:]; len(more) > 0 {
		t.Errorf("after a rollout it wrote %v", more)
	}
	if err := g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: names.ImageJob(g.name)}, &batchv1.Job{}); !apierrors.IsNotFound(err) {
		t.Errorf("the image Job is left: %v", err)
	}
	var policy networkingv1.NetworkPolicy
	g.get(names.FullNodes(g.name), &policy)
}

// An image that cannot be had, or is no node's, reaches nobody, and is named.
func TestImageThatIsNoneReachesNobody(t *testing.T) {
	for reads, reason := range map[string]string{"absent": "ImageUnavailable", "hello": "ImageInvalid"} {
		g := newRig(t)
		g.apply(4, withFullNodes)
		g.until("ready", g.isReady)
		g.reads, g.updated = reads, 2
		g.setImage("bedrock:bad")
		g.until(reason, func() bool { return g.condition(v1alpha1.NetworkImage).Reason == reason })
		var s appsv1.StatefulSet
		if g.get(names.FullNodes(g.name), &s); s.Spec.Template.Spec.Containers[0].Image != "bedrock:test" || !g.allHave("bedrock:test") {
			t.Error("a node has the image")
		}
		if c := g.condition(v1alpha1.NetworkImage); !strings.Contains(c.Message, "bedrock:bad") {
			t.Errorf("it is not named: %s", c.Message)
		}
		g.setImage("bedrock:test")
		g.until("accepted", func() bool { return g.condition(v1alpha1.NetworkImage).Status == metav1.ConditionTrue })
	}
}

// Another image that somebody writes into a validator of a network is set back, while
// full nodes are not ready too.
func TestImageOfAValidatorIsTheNetworks(t *testing.T) {
	g := newRig(t)
	g.apply(4, withFullNodes)
	g.until("ready", g.isReady)
	for _, g.updated = range []int32{0, 2} {
		v := g.listed()[1]
		v.Spec.Image = "bedrock:by-hand"
		if err := g.c.Update(t.Context(), &v); err != nil {
			t.Fatal(err)
		}
		g.turn()
		if !g.allHave("bedrock:test") {
			t.Fatalf("with %d full nodes updated it stays", g.updated)
		}
	}
}

// rollOutAndMigrate is row 9 without its pods: to the next release, back, forward, and
// then a migration; back is refused before anything is written.
func (g *rig) rollOutAndMigrate() {
	g.t.Helper()
	g.apply(4, withFullNodes)
	g.updated = 2
	g.until("ready", g.isReady)
	g.say(1, 1)
	for _, to := range []struct{ image, reads string }{{"bedrock:next", nextRelease}, {"bedrock:test", thisRelease}, {"bedrock:next", nextRelease}} {
		g.reads = to.reads
		g.setImage(to.image)
		g.until("all validators have "+to.image, func() bool { return g.allHave(to.image) })
	}
	// Nodes say it again of every generation: a pass that was killed may write one more.
	g.until("the migration is offered", func() bool {
		g.say(1, 2)
		return g.condition(v1alpha1.NetworkSchema).Reason == v1alpha1.ReasonMigrationOffered
	})
	two := int32(2)
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.DatabaseSchema = &two })
	g.until("nodes are told to migrate", func() bool {
		g.say(1, 2)
		var m corev1.ConfigMap
		g.get(names.FullNodes(g.name), &m)
		return g.network().Status.DatabaseSchema == 2 && strings.Contains(m.Data["config.yaml"], "schema: 2")
	})
	g.reads = thisRelease // back, before the first node has migrated
	g.setImage("bedrock:test")
	g.until("back is refused", func() bool { return g.condition(v1alpha1.NetworkImage).Reason == v1alpha1.ReasonSchemaOutOfReach })
	for range 3 {
		g.turn()
	}
}

// rule: schema-after-fleet
func TestSchemaAfterFleet(t *testing.T) {
	g := newRig(t)
	g.rollOutAndMigrate()
	g.holdsNext()
	g.say(2, 2)
	g.setImage("bedrock:next")
	g.until("all are migrated", func() bool { return g.condition(v1alpha1.NetworkSchema).Reason == "Current" })
}

// One edit asks for an image that cannot migrate and for the migration: no pass takes what
// still runs for what is wanted. rule: schema-after-fleet
func TestNoMigrationBySomeoneElsesImage(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.say(1, 1)
	g.reads = nextRelease
	g.setImage("bedrock:next")
	g.until("all validators have the next image", func() bool { return g.allHave("bedrock:next") })
	g.say(1, 2)
	g.reads = thisRelease
	two := int32(2)
	g.apply(4, func(n *v1alpha1.BedrockNetwork) { n.Spec.Image, n.Spec.DatabaseSchema = "bedrock:test", &two })
	for range 20 {
		g.say(1, 2)
		g.turn()
		if n := g.network().Status; n.DatabaseSchema >= 2 {
			t.Fatalf("a migration to schema %d begins with image %+v", n.DatabaseSchema, n.Image)
		}
	}
	if !g.allHave("bedrock:test") {
		t.Fatal("the image does not reach the validators")
	}
	g.say(1, 2) // they run it, and what their nodes said last is of the one before
	g.reconcile()
	if c := g.condition(v1alpha1.NetworkSchema); c.Reason != "ImageTooOld" || !strings.Contains(c.Message, "bedrock:test") {
		t.Errorf("%s: %s", c.Reason, c.Message)
	}
}

// What the pod of a former Job said is not the word of the image that is asked now.
// rule: schema-after-fleet
func TestALeftOverPodSaysNothingOfTheNextImage(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	left := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "left-over", Namespace: g.ns, Labels: map[string]string{batchv1.JobNameLabel: names.ImageJob(g.name)},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: names.ImageJob(g.name), UID: "of-before", Controller: new(true)}}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: build.Container, Image: "bedrock:before", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), RunAsNonRoot: new(true), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}}}}}
	if err := g.c.Create(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	left.Status = corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: nextRelease}}}}}
	if err := g.c.Status().Update(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	g.reads = "absent"
	g.setImage("bedrock:next")
	g.until("ImageUnavailable", func() bool { return g.condition(v1alpha1.NetworkImage).Reason == "ImageUnavailable" })
	if c := g.network().Status.Candidate; c != nil || !g.allHave("bedrock:test") {
		t.Errorf("candidate %+v by the word of another image", c)
	}
}

// holdsNext holds the end of rollOutAndMigrate.
func (g *rig) holdsNext() {
	g.t.Helper()
	var s appsv1.StatefulSet
	g.get(names.FullNodes(g.name), &s)
	n := g.network()
	if !g.allHave("bedrock:next") || s.Spec.Template.Spec.Containers[0].Image != "bedrock:next" || n.Status.Image.Image != "bedrock:next" || n.Status.DatabaseSchema != 2 {
		g.t.Errorf("full nodes %s, status %+v, schema %d: want the next image everywhere", s.Spec.Template.Spec.Containers[0].Image, n.Status.Image, n.Status.DatabaseSchema)
	}
	if c := g.condition(v1alpha1.NetworkImage); !strings.Contains(c.Message, "migrated to 2") || !strings.Contains(c.Message, "bedrock:test") {
		g.t.Errorf("the refusal says %s", c.Message)
	}
}

// Killed before and after every write of a rollout there, back, there again and a
// migration it comes to the same end; each image is asked, and no validator has another
// than full nodes ran.
func TestRolloutConvergesWhenKilledAnywhere(t *testing.T) {
	g := newRig(t)
	g.rollOutAndMigrate()
	g.holdsNext()
	places := chosen(g.script.Passed())
	if len(places) < 12 {
		t.Fatalf("only %d fault points in a rollout: %v", len(places), places)
	}
	for _, at := range places {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.script.At = &at
			g.rollOutAndMigrate()
			if !g.script.Fired() {
				t.Fatalf("%s was never passed", at)
			}
			g.holdsNext()
		})
	}
}

// chosen are the fault points that are tried: every one, or of each kind the one in the
// middle of the run.
func chosen(passed []faults.Place) []faults.Place {
	var of []faults.Place
	for _, p := range passed {
		if strings.Contains(p.Name, "image") || strings.Contains(p.Name, "full") || p.Name == "network/status" || p.Name == "network/apply-validator" {
			of = append(of, p)
		}
	}
	if *allFlag {
		return of
	}
	return faults.Middles(of)
}
