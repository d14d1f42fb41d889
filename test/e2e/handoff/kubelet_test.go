//go:build e2e

package handoff

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/controllers/build"
)

// lookEvery is how often the stand-in looks at what the operator wrote.
const lookEvery = 200 * time.Millisecond

// kubelet stands in for what an API server alone has not: kubelet, DNS, and the Job and
// StatefulSet controllers.
type kubelet struct {
	c   *cluster
	dir string // volumes and files

	mu   sync.Mutex
	pods map[string]*node // running, by the pod's name
	done map[string]bool  // identity Jobs, by UID
}

// run looks at everything until ctx ends, then ends all processes.
func (k *kubelet) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := k.look(ctx); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
			k.c.t.Errorf("%s: the stand-in for its kubelet: %v", k.c.name, err)
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (k *kubelet) look(ctx context.Context) error {
	var jobs batchv1.JobList
	if err := k.c.List(ctx, &jobs, client.InNamespace(k.c.ns)); err != nil {
		return err
	}
	for i := range jobs.Items {
		if err := k.job(ctx, &jobs.Items[i]); err != nil {
			return fmt.Errorf("Job %s: %w", jobs.Items[i].Name, err)
		}
	}
	var sets appsv1.StatefulSetList
	if err := k.c.List(ctx, &sets, client.InNamespace(k.c.ns)); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for i := range sets.Items {
		s := &sets.Items[i]
		if s.Spec.Replicas != nil && *s.Spec.Replicas == 0 || s.DeletionTimestamp != nil {
			continue
		}
		wanted[s.Name+"-0"] = true
		if err := k.keep(ctx, s); err != nil {
			return fmt.Errorf("StatefulSet %s: %w", s.Name, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, n := range k.pods {
		if wanted[name] {
			continue
		}
		if err := n.end(); err != nil {
			return err
		}
		delete(k.pods, name)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: k.c.ns, Name: name}}
		if err := k.c.Delete(ctx, pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// job runs an identity Job to its end, and tells its pod's termination message.
func (k *kubelet) job(ctx context.Context, j *batchv1.Job) error {
	if k.done[string(j.UID)] || j.DeletionTimestamp != nil {
		return nil
	}
	place, err := k.mount(ctx, j.Name, &j.Spec.Template.Spec)
	if err != nil || place == nil {
		return err
	}
	message := filepath.Join(k.dir, j.Name+".message")
	container := &j.Spec.Template.Spec.Containers[0]
	env, err := k.environment(container)
	if err != nil {
		return err
	}
	args := append(place.args(container, env, corev1.TerminationMessagePathDefault, message), "--allow-unsafe-file-system")
	if out, err := exec.CommandContext(ctx, bedrock, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("bedrock %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	record, err := os.ReadFile(message)
	if err != nil {
		return err
	}
	pod := podOf(k.c.ns, j.Name+"-x1", &j.Spec.Template)
	pod.Labels[batchv1.JobNameLabel] = j.Name
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(j, batchv1.SchemeGroupVersion.WithKind("Job"))}
	if err := k.create(ctx, pod, corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: string(record)}}}}}); err != nil {
		return err
	}
	k.done[string(j.UID)] = true
	now, before := metav1.Now(), j.DeepCopy()
	j.Status = batchv1.JobStatus{Succeeded: 1, StartTime: &now, CompletionTime: &now, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now}, {Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now}}}
	return client.IgnoreNotFound(k.c.Status().Patch(ctx, j, client.MergeFrom(before))) // the operator has its record, and tidied up
}

// create makes a pod that is in this state.
func (k *kubelet) create(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if err := k.c.Create(ctx, pod); err != nil {
		return err
	}
	before := pod.DeepCopy()
	pod.Status = status
	return k.c.Status().Patch(ctx, pod, client.MergeFrom(before))
}

// environment are a container's variables, those that tell it of its pod included.
func (k *kubelet) environment(c *corev1.Container) (map[string]string, error) {
	vars := map[string]string{}
	for _, e := range c.Env {
		if from := e.ValueFrom; from != nil {
			if from.FieldRef == nil || from.FieldRef.FieldPath != "metadata.namespace" {
				return nil, fmt.Errorf("the variable %s comes from where the stand-in has nothing: %+v", e.Name, from)
			}
			e.Value = k.c.ns
		}
		vars[e.Name] = e.Value
	}
	return vars, nil
}

// keep has a StatefulSet's pod run, and its files be those of its ConfigMaps.
func (k *kubelet) keep(ctx context.Context, s *appsv1.StatefulSet) error {
	name := s.Name + "-0"
	place, err := k.mount(ctx, name, &s.Spec.Template.Spec)
	if err != nil || place == nil {
		return err
	}
	k.mu.Lock()
	n := k.pods[name]
	k.mu.Unlock()
	if n != nil {
		return n.died()
	}
	container := &s.Spec.Template.Spec.Containers[0]
	env, err := k.environment(container)
	if err != nil {
		return err
	}
	n, err = start(k.c.host(s.Name), place.volume("signer"), filepath.Join(k.dir, name+".log"), place.args(container, env), env)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.pods[name] = n
	k.mu.Unlock()
	return k.create(ctx, podOf(k.c.ns, name, &s.Spec.Template), corev1.PodStatus{Phase: corev1.PodRunning, PodIP: n.host, PodIPs: []corev1.PodIP{{IP: n.host}},
		HostIP: "192.0.2.10", HostIPs: []corev1.HostIP{{IP: "192.0.2.10"}},
		Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: build.Container, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}}}})
}

// podOf is a pod of a template.
func podOf(ns, name string, template *corev1.PodTemplateSpec) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{}, Annotations: template.Annotations}, Spec: *template.Spec.DeepCopy()}
	for k, v := range template.Labels {
		pod.Labels[k] = v
	}
	pod.Spec.ServiceAccountName = "" // no controller makes tokens here
	return pod
}

// place is where a pod's mounts are on this machine.
type place struct {
	folders map[string]string // volume -> folder
	paths   []string          // pairs: mount path, folder
}

func (p *place) volume(name string) string { return p.folders[name] }

// args are a container's, with its variables, and its mounts' paths (and further pairs)
// as they are here.
func (p *place) args(c *corev1.Container, env map[string]string, pairs ...string) []string {
	for name, value := range env {
		pairs = append(pairs, "$("+name+")", value)
	}
	here := strings.NewReplacer(append(pairs, p.paths...)...)
	var out []string
	for _, a := range c.Args {
		out = append(out, here.Replace(a))
	}
	return out
}

// mount makes a pod's volumes: claims are folders that stay, ConfigMaps are files that
// follow them. nil: a ConfigMap is not there yet.
func (k *kubelet) mount(ctx context.Context, pod string, spec *corev1.PodSpec) (*place, error) {
	p := &place{folders: map[string]string{}}
	maps := map[string]*corev1.ConfigMap{}
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		switch {
		case v.PersistentVolumeClaim != nil:
			p.folders[v.Name] = filepath.Join(k.dir, "volumes", v.PersistentVolumeClaim.ClaimName)
		case v.ConfigMap != nil:
			m := &corev1.ConfigMap{}
			err := k.c.Get(ctx, client.ObjectKey{Namespace: k.c.ns, Name: v.ConfigMap.Name}, m)
			if apierrors.IsNotFound(err) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			p.folders[v.Name], maps[v.Name] = filepath.Join(k.dir, "files", pod, v.Name), m
		default:
			continue // an emptyDir: the machine's own
		}
		if err := os.MkdirAll(p.folders[v.Name], 0o700); err != nil {
			return nil, err
		}
	}
	for _, m := range spec.Containers[0].VolumeMounts {
		if folder := p.folders[m.Name]; folder != "" {
			p.paths = append(p.paths, m.MountPath, folder)
		}
	}
	for name, m := range maps {
		for file, text := range m.Data {
			if err := k.write(filepath.Join(p.folders[name], file), strings.NewReplacer(p.paths...).Replace(text)); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// write brings a file up to what it should hold, names of the cluster being addresses
// here, in one step, as a kubelet does.
func (k *kubelet) write(path, text string) error {
	want := []byte(k.c.resolve(text))
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, want) {
		return nil
	}
	if err := os.WriteFile(path+".new", want, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
