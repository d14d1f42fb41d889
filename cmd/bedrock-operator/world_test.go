//go:build scale

package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// world plays what stands around the operator: scheduler and volumes (claims are bound
// as soon as their Job is there), Job controller, StatefulSet controller, kubelets, the
// garbage collector of pods of Jobs, and the nodes themselves, as chains in memory. It
// keeps no copy of the API server's objects.
type world struct {
	t *testing.T
	c client.WithWatch

	mu     sync.Mutex
	chains map[string]*chaintest.Chain // by chain id
	groups sync.WaitGroup
}

// players handle the events of one kind each at once.
const players = 8

func newWorld(t *testing.T, c client.WithWatch) *world {
	w := &world{t: t, c: c, chains: map[string]*chaintest.Chain{}}
	t.Cleanup(w.groups.Wait) // the context that run has got is over then
	return w
}

// run plays until ctx ends.
func (w *world) run(ctx context.Context) {
	w.play(ctx, &batchv1.JobList{}, func(e watch.Event) error { return w.job(ctx, e.Type, e.Object.(*batchv1.Job)) })
	w.play(ctx, &appsv1.StatefulSetList{}, func(e watch.Event) error { return w.set(ctx, e.Type, e.Object.(*appsv1.StatefulSet)) })
	w.groups.Go(func() { w.blocks(ctx) })
}

// play has one kind's events answered.
func (w *world) play(ctx context.Context, list client.ObjectList, answer func(watch.Event) error) {
	events := make(chan watch.Event)
	w.groups.Go(func() {
		defer close(events)
		w.follow(ctx, list, events)
	})
	for range players {
		w.groups.Go(func() {
			for e := range events {
				w.patiently(ctx, e, answer)
			}
		})
	}
}

const (
	// tries of a move that fails, tryAgain apart: what it needs may not be there yet,
	// as the genesis document for a pod that is to mount it.
	tries    = 240
	tryAgain = 500 * time.Millisecond
)

func (w *world) patiently(ctx context.Context, e watch.Event, answer func(watch.Event) error) {
	var err error
	for range tries {
		if err = answer(e); err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(tryAgain):
		case <-ctx.Done():
			return
		}
	}
	w.t.Errorf("play %s %T %s, %d times: %v", e.Type, e.Object, e.Object.(client.Object).GetName(), tries, err)
}

// follow hands on what happens. A watch that the server ends is begun anew.
func (w *world) follow(ctx context.Context, list client.ObjectList, to chan<- watch.Event) {
	for ctx.Err() == nil {
		events, err := w.c.Watch(ctx, list)
		if err != nil {
			if ctx.Err() == nil {
				w.t.Errorf("watch %T: %v", list, err)
			}
			return
		}
		for e := range events.ResultChan() {
			if _, ok := e.Object.(client.Object); ok {
				to <- e
			}
		}
	}
}

// blockEvery is how often every chain makes its blocks.
const blockEvery = 5 * time.Second

// blocks makes blocks: heights, votes and ages change all the time.
func (w *world) blocks(ctx context.Context) {
	tick := time.NewTicker(blockEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.mu.Lock()
			for _, c := range w.chains {
				c.Advance(int(blockEvery / time.Second))
			}
			w.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// volumeOf is the name of an instance's signer volume, which decides its keys.
func volumeOf(namespace, validator string) string { return namespace + "/" + validator }

// job ends an identity Job with the record of its volume, whose claims it binds.
func (w *world) job(ctx context.Context, what watch.EventType, job *batchv1.Job) error {
	if what == watch.Deleted {
		return w.sweep(ctx, job)
	}
	if job.DeletionTimestamp != nil || job.Status.Succeeded > 0 {
		return nil
	}
	pod := podOf(job.Name+"-x", job.Namespace, &job.Spec.Template)
	pod.Labels[batchv1.JobNameLabel] = job.Name
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		patch := fmt.Appendf(nil, `{"spec":{"volumeName":"pv-%s-%s"}}`, job.Namespace, v.PersistentVolumeClaim.ClaimName)
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: v.PersistentVolumeClaim.ClaimName}}
		if err := w.c.Patch(ctx, claim, client.RawPatch("application/merge-patch+json", patch)); err != nil {
			return err
		}
		claim.Status.Phase = corev1.ClaimBound
		if err := w.c.Status().Update(ctx, claim); err != nil && !apierrors.IsConflict(err) {
			return err
		}
	}
	record := chaintest.Record(volumeOf(job.Namespace, job.Labels[v1alpha1.LabelValidator]), 1)
	if err := w.start(ctx, pod, corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: record}}}}}); err != nil {
		return err
	}
	now := metav1.Now()
	job.Status = batchv1.JobStatus{Succeeded: 1, StartTime: &now, CompletionTime: &now, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now}, {Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now}}}
	err := w.c.Status().Update(ctx, job)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// sweep deletes a deleted Job's pod, as the garbage collector does.
func (w *world) sweep(ctx context.Context, job *batchv1.Job) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name + "-x"}}
	return client.IgnoreNotFound(w.c.Delete(ctx, pod, client.GracePeriodSeconds(0)))
}

// set runs the one pod of a validator's StatefulSet, and its node.
func (w *world) set(ctx context.Context, what watch.EventType, set *appsv1.StatefulSet) error {
	validator := set.Labels[v1alpha1.LabelValidator]
	if what == watch.Deleted || set.DeletionTimestamp != nil || validator == "" {
		return nil
	}
	if set.Status.ObservedGeneration < set.Generation {
		set.Status.ObservedGeneration, set.Status.Replicas, set.Status.ReadyReplicas, set.Status.UpdatedReplicas = set.Generation, 1, 1, 1
		if err := w.c.Status().Update(ctx, set); err != nil && !apierrors.IsConflict(err) {
			return err
		}
	}
	c, err := w.chainOf(ctx, set.Namespace, set.Labels[v1alpha1.LabelNetwork])
	if err != nil {
		return err
	}
	if at := chain.EndpointOf(set.Namespace, validator, 1); c.Node(at) == nil {
		c.AddNode(at, volumeOf(set.Namespace, validator))
	}
	pod := podOf(set.Name+"-0", set.Namespace, &set.Spec.Template)
	pod.Spec.NodeName = "node-" + validator[strings.LastIndex(validator, "-")+1:]
	return w.start(ctx, pod, corev1.PodStatus{Phase: corev1.PodRunning, HostIP: "192.0.2.10", HostIPs: []corev1.HostIP{{IP: "192.0.2.10"}},
		Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}})
}

func podOf(name, namespace string, template *corev1.PodTemplateSpec) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{}, Annotations: template.Annotations}, Spec: *template.Spec.DeepCopy()}
	for k, v := range template.Labels {
		pod.Labels[k] = v
	}
	pod.Spec.ServiceAccountName = "" // no controller makes tokens here
	return pod
}

// start makes a pod with a status; one that has it stays as it is, whatever its template
// became: rollouts are other tests' subject.
func (w *world) start(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	err := w.c.Create(ctx, pod)
	if apierrors.IsAlreadyExists(err) {
		err = w.c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
	}
	if err != nil || pod.Status.Phase == status.Phase {
		return err
	}
	pod.Status = status
	return w.c.Status().Update(ctx, pod)
}

// chainIDOf is the chain id of a network of this world.
func chainIDOf(namespace, network string) string { return namespace + "-" + network }

// chainOf is the chain of a network, by the genesis document that its pods mount.
func (w *world) chainOf(ctx context.Context, namespace, network string) (*chaintest.Chain, error) {
	if c := w.chain(chainIDOf(namespace, network)); c != nil {
		return c, nil
	}
	var list corev1.ConfigMapList
	if err := w.c.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelNetwork: network, v1alpha1.LabelComponent: v1alpha1.ComponentGenesis}); err != nil {
		return nil, err
	}
	if len(list.Items) != 1 {
		return nil, fmt.Errorf("network %s in %s has %d genesis documents", network, namespace, len(list.Items))
	}
	doc, err := genesis.Parse([]byte(list.Items[0].Data[build.GenesisKey]))
	if err != nil {
		return nil, err
	}
	return w.begin(ctx, doc)
}

func (w *world) chain(id string) *chaintest.Chain {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chains[id]
}

// begin makes a chain of its genesis document, without nodes: those are the pods'.
func (w *world) begin(ctx context.Context, doc *genesis.Genesis) (*chaintest.Chain, error) {
	cut := strings.LastIndexByte(doc.ChainID, '-')
	if cut < 0 {
		return nil, fmt.Errorf("chain %q is of no network of this world", doc.ChainID)
	}
	namespace, network := doc.ChainID[:cut], doc.ChainID[cut+1:]
	var keys corev1.Secret
	if err := w.c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: names.OperatorKeys}, &keys); err != nil {
		return nil, err
	}
	opt := chaintest.Options{ChainID: doc.ChainID, Genesis: doc.Hash(), Operator: ed25519.NewKeyFromSeed(keys.Data[network]),
		Validators: len(doc.Validators), Volumes: volumeOf(namespace, network+"-")}
	for i := range doc.Validators {
		opt.Powers = append(opt.Powers, doc.Validators[i].Power)
	}
	c := chaintest.New(opt)
	for _, at := range c.Endpoints() {
		c.RemoveNode(at)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if there := w.chains[doc.ChainID]; there != nil {
		return there, nil
	}
	w.chains[doc.ChainID] = c
	return c, nil
}

// dialLimit bounds the reading of a chain's operator key from the API server.
const dialLimit = time.Minute

// dial gives the operator its chains.
func (w *world) dial(document []byte) (chain.Client, error) {
	doc, err := genesis.Parse(document)
	if err != nil {
		return nil, err
	}
	if c := w.chain(doc.ChainID); c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	return w.begin(ctx, doc)
}

// errNoAdmin says that nobody administers these nodes: nothing here needs it.
var errNoAdmin = errors.New("nodes of this world have no administration")

func (w *world) nodes() nodes {
	return nodes{dial: w.dial, administer: func(ed25519.PrivateKey) (chain.Admin, error) { return nil, errNoAdmin }}
}
