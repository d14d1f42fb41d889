package plan

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// Pod is what was read of an instance's pod, and what it should be.
type Pod struct {
	Live       *corev1.Pod
	Image      string
	ConfigHash string
}

// ToldMark is the mark of the signer volume that a template's node is told; empty: none.
func ToldMark(template *corev1.PodTemplateSpec) string {
	for i := range template.Spec.Containers {
		c := &template.Spec.Containers[i]
		for k := range c.Args {
			if c.Name == build.Container && c.Args[k] == "--mark" && k+1 < len(c.Args) {
				return c.Args[k+1]
			}
		}
	}
	return ""
}

// Running says whether the pod runs the wanted image and configuration.
func Running(p *Pod) verdict.Verdict {
	const kind = v1alpha1.ValidatorRunning
	switch {
	case p.Live == nil:
		return verdict.False(kind, "PodMissing", "its pod is not there yet; if it stays so, the StatefulSet's events say why (kubectl describe statefulset)")
	case p.Live.DeletionTimestamp != nil:
		return verdict.False(kind, "PodEnding", "its pod ends")
	}
	if reason, message := podtrouble.Of(p.Live); reason != "" {
		return verdict.False(kind, reason, message)
	}
	if image, hash := p.running(); image != p.Image || hash != p.ConfigHash {
		return verdict.False(kind, "RolloutPending", fmt.Sprintf("its pod has image %s and configuration %s, wanted are %s and %s: it is replaced under a disruption token", image, hash, p.Image, p.ConfigHash))
	}
	if p.Live.Status.Phase != corev1.PodRunning {
		return verdict.False(kind, "PodStarting", "its pod starts")
	}
	return verdict.True(kind, "Running", "its pod runs the wanted image and configuration")
}

func (p *Pod) running() (image, hash string) {
	for i := range p.Live.Spec.Containers {
		if c := &p.Live.Spec.Containers[i]; c.Name == build.Container {
			image = c.Image
		}
	}
	return image, p.Live.Annotations[v1alpha1.AnnotationConfigHash]
}
