package plan

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// maxDetail bounds what is quoted of a node's last words.
const maxDetail = 600

// Pod is what was read of an instance's pod, and what it should be.
type Pod struct {
	Live       *corev1.Pod
	Image      string
	ConfigHash string
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
	if reason, message := Trouble(p.Live); reason != "" {
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

// Trouble is why a pod does not come up, in a word and for people; empty if it does,
// or nothing is known against it yet. What only the cluster can know shows here: no
// node fits, an image or a Secret is missing, the program ends.
func Trouble(p *corev1.Pod) (reason, message string) {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return "Unschedulable", "no node takes its pod: " + cut(c.Message)
		}
	}
	for i := range p.Status.ContainerStatuses {
		s := &p.Status.ContainerStatuses[i]
		w := s.State.Waiting
		if w == nil {
			continue
		}
		switch w.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError":
			return "ImageUnavailable", fmt.Sprintf("image %s cannot be had: %s", s.Image, cut(w.Message))
		case "CreateContainerConfigError":
			return "ConfigurationMissing", "its container cannot be made: " + cut(w.Message)
		case "CreateContainerError", "RunContainerError":
			return "ContainerFailed", "its container cannot be started: " + cut(w.Message)
		case "CrashLoopBackOff":
			return "NodeEnds", "the node ends again and again: " + lastWords(s)
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		return "PodFailed", "its pod failed: " + cut(p.Status.Reason+" "+p.Status.Message)
	}
	return "", ""
}

// lastWords are what the container's last end said.
func lastWords(s *corev1.ContainerStatus) string {
	if t := s.LastTerminationState.Terminated; t != nil {
		return fmt.Sprintf("code %d: %s", t.ExitCode, tail(t.Message))
	}
	return "it left no message"
}

func cut(s string) string { return s[:min(len(s), maxDetail)] }

// tail is the end of a log: the error is there.
func tail(s string) string { return s[max(0, len(s)-maxDetail):] }
