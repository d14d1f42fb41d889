package network

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// image brings the spec's image to nodes: asked what it is, accepted if it reads every
// database, given to the full nodes, and then to validators. Each is in the status
// before the next begins, so that a reconcile of any age decides the same.
// rule: schema-after-fleet
func (p *pass) image(ctx context.Context) error {
	want := p.network.Spec.Image
	if p.status.Image == nil {
		p.status.Image = &v1alpha1.NodeImage{Image: p.imageOfLive(want)}
	}
	if p.status.Image.Image == want {
		p.status.Candidate = nil
		p.say(verdict.True(v1alpha1.NetworkImage, "Accepted", want+" is what validators run or are being given"))
		return p.dropImageJob(ctx)
	}
	if c := p.status.Candidate; c == nil || c.Image != want {
		p.status.Candidate = nil
		return p.askImage(ctx, want)
	}
	d := p.databases()
	v := plan.Image(p.status.Candidate, &d)
	p.say(v)
	if err := p.dropImageJob(ctx); err != nil || !v.OK() {
		return err
	}
	p.wake(soon)
	done, err := p.fullNodesRun(ctx, want)
	if err == nil && done && p.candidate() == want {
		p.status.Image, p.status.Candidate = p.status.Candidate, nil
	}
	return err
}

// imageOfLive is the image of a network that ran before images were recorded.
func (p *pass) imageOfLive(otherwise string) string {
	for _, name := range sortedNames(p.live) {
		if v := p.live[name]; p.owned(v) && v.Spec.Image != "" {
			return v.Spec.Image
		}
	}
	return otherwise
}

// validatorImage is what validators are to run: what is in the status as it was read.
func (p *pass) validatorImage() string {
	if recorded := p.network.Status.Image; recorded != nil {
		return recorded.Image
	}
	return p.status.Image.Image
}

// candidate is the accepted image that full nodes get before validators; empty: none.
func (p *pass) candidate() string {
	c, d := p.network.Status.Candidate, p.databases()
	if c == nil || c.Image != p.network.Spec.Image || !plan.Image(c, &d).OK() {
		return ""
	}
	return c.Image
}

// fullNodeImage is what full nodes are to run.
func (p *pass) fullNodeImage() string {
	if c := p.candidate(); c != "" {
		return c
	}
	return p.validatorImage()
}

// fullNodesRun says whether every full node runs an image and is ready; where there are
// none, they do.
func (p *pass) fullNodesRun(ctx context.Context, image string) (bool, error) {
	if !p.wantsFullNodes() {
		return true, nil
	}
	var s appsv1.StatefulSet
	there, err := p.there(ctx, names.FullNodes(p.network.Name), &s)
	return there && runs(&s, image), err
}

// askImage runs the Job that asks the image, and takes down what it says.
func (p *pass) askImage(ctx context.Context, image string) error {
	const kind = v1alpha1.NetworkImage
	p.wake(soon)
	p.say(verdict.False(kind, v1alpha1.ReasonWaiting, image+" is asked which databases it reads; until it has said so every node keeps its image"))
	var job batchv1.Job
	there, err := p.there(ctx, names.ImageJob(p.network.Name), &job)
	if err == nil {
		err = p.taken(ctx, names.ImageJob(p.network.Name), &job, there)
	}
	switch {
	case err != nil:
		return err
	case !there:
		want := build.ImageJob(&build.ImageJobInput{Namespace: p.network.Namespace, Network: p.network.Name, UID: p.network.UID, Image: image,
			Scheduling: p.network.Spec.Validators.Template.Scheduling})
		return faults.Do(ctx, "network/apply-image-job", func() error {
			return p.Client.Apply(ctx, want, client.FieldOwner(Manager), client.ForceOwnership)
		})
	case job.DeletionTimestamp != nil:
		return nil
	case job.Annotations[v1alpha1.AnnotationImage] != image:
		return p.dropImageJob(ctx)
	}
	return p.hearImage(ctx, &job, image)
}

// hearImage reads what the Job's pods say.
func (p *pass) hearImage(ctx context.Context, job *batchv1.Job, image string) error {
	const kind = v1alpha1.NetworkImage
	var pods corev1.PodList
	if err := p.List(ctx, &pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}); err != nil {
		return fmt.Errorf("list pods of %s: %w", job.Name, err)
	}
	podtrouble.ByAge(pods.Items)
	own := 0
	for i := range pods.Items {
		if !metav1.IsControlledBy(&pods.Items[i], job) {
			continue // of a former Job of this name, which asked another image
		}
		own++
		ended := podtrouble.Ended(&pods.Items[i], build.Container)
		why := podtrouble.Interrupted(&pods.Items[i], build.Container)
		switch {
		case why != "":
			p.say(verdict.False(kind, "NotAnswered", fmt.Sprintf("%s was asked, and the cluster ended its pod: %s; every node keeps its image. %s", image, why, askedAgain(job))))
			continue
		case ended == nil:
			if reason, message := podtrouble.Of(&pods.Items[i]); reason != "" {
				p.say(verdict.False(kind, reason, message+"; every node keeps its image"))
			}
			continue
		case ended.ExitCode != 0:
			p.say(verdict.False(kind, "ImageInvalid", fmt.Sprintf("%s ended with code %d when it was asked for its version: %.600s; every node keeps its image. %s", image, ended.ExitCode, ended.Message, askedAgain(job))))
			continue
		}
		said, err := plan.ReadImage(image, ended.Message)
		if err != nil {
			p.say(verdict.False(kind, "ImageInvalid", image+": "+err.Error()))
			return nil
		}
		p.status.Candidate = said
		return nil
	}
	switch {
	case own == 0 && finished(job):
		return p.dropImageJob(ctx) // its pods are gone: it is asked again
	case own == 0:
		if why := podtrouble.WithoutPod(job, p.now); why != "" {
			p.say(verdict.False(kind, "PodRefused", image+" cannot be asked: "+why+". Every node keeps its image"))
		}
	}
	return nil
}

// askedAgain says when an image that did not answer is asked once more.
func askedAgain(job *batchv1.Job) string {
	return fmt.Sprintf("It is asked again 10 minutes after Job %s has failed, or once you delete that", job.Name)
}

func finished(job *batchv1.Job) bool {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// dropImageJob deletes the Job whose word is in the status, or that is of no use.
func (p *pass) dropImageJob(ctx context.Context) error {
	var job batchv1.Job
	there, err := p.there(ctx, names.ImageJob(p.network.Name), &job)
	if err != nil || !there || job.DeletionTimestamp != nil || apply.Taken(&job, p.network.UID, v1alpha1.LabelNetwork, p.network.Name) != nil {
		return err
	}
	if c := p.status.Candidate; c != nil && (p.network.Status.Candidate == nil || *p.network.Status.Candidate != *c) {
		return nil // not in the status yet
	}
	return faults.Do(ctx, "network/delete-image-job", func() error {
		return client.IgnoreNotFound(p.Client.Delete(ctx, &job, client.Preconditions{UID: &job.UID}, client.PropagationPolicy("Background")))
	})
}

// databases is what validators' nodes said last of theirs.
func (p *pass) databases() plan.Databases {
	d := plan.Databases{Recorded: p.network.Status.DatabaseSchema, FullNodes: true}
	if w := p.network.Spec.DatabaseSchema; w != nil {
		d.Wanted = *w
	}
	given := p.validatorImage()
	if given != p.network.Spec.Image {
		d.Rolling = p.network.Spec.Image
	}
	if recorded := p.network.Status.Image; recorded != nil {
		d.Given = *recorded
	}
	for _, name := range sortedNames(p.live) {
		v := p.live[name]
		in := activeInstance(v)
		if in == nil {
			continue
		}
		running := apimeta.FindStatusCondition(v.Status.Conditions, v1alpha1.ValidatorRunning)
		d.All = append(d.All, plan.Database{Validator: name, Schema: in.DatabaseSchema, Newest: in.NewestSchema,
			Current: running != nil && running.Status == metav1.ConditionTrue && running.ObservedGeneration == v.Generation &&
				(!p.owned(v) || v.Spec.Image == given)}) // what this reconcile has written since is not in it
	}
	return d
}

// schema begins a migration that is asked for once every node can do it. What it decides
// is recorded with this reconcile's status, and nodes are told by a later one.
// rule: schema-after-fleet
func (p *pass) schema(ctx context.Context) error {
	d := p.databases()
	var err error
	if d.FullNodes, err = p.fullNodesRun(ctx, p.validatorImage()); err != nil {
		return err
	}
	begin, v := plan.Migration(&d)
	if begin > 0 {
		p.status.DatabaseSchema = begin
		p.wake(soon)
	}
	p.say(v)
	return nil
}
