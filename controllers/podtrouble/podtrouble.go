package podtrouble

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// maxDetail bounds what is quoted of a node's last words.
const maxDetail = 600

// Of is why a pod does not come up, in a word and for people; empty if it does,
// or nothing is known against it yet. What only the cluster can know shows here: no
// node fits, an image or a Secret is missing, the program ends.
func Of(p *corev1.Pod) (reason, message string) {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return "Unschedulable", "no node takes its pod: " + cut(c.Message)
		}
	}
	// What comes before the node's container may fail as well.
	for i := range p.Status.InitContainerStatuses {
		s := &p.Status.InitContainerStatuses[i]
		if t := s.State.Terminated; t != nil && t.ExitCode == 0 {
			continue
		}
		if reason, message = troubleOf(s, p.Spec.RestartPolicy); reason != "" {
			return reason, message
		}
	}
	for i := range p.Status.ContainerStatuses {
		if reason, message = troubleOf(&p.Status.ContainerStatuses[i], p.Spec.RestartPolicy); reason != "" {
			return reason, message
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		return "PodFailed", "its pod failed: " + cut(p.Status.Reason+" "+p.Status.Message)
	}
	return "", ""
}

// troubleOf is why one container does not run.
func troubleOf(s *corev1.ContainerStatus, policy corev1.RestartPolicy) (reason, message string) {
	// Between an end and the next start nothing waits yet.
	if t := s.State.Terminated; t != nil && policy != corev1.RestartPolicyNever {
		return "NodeEnds", fmt.Sprintf("image %s: the node ended: code %d: %s", s.Image, t.ExitCode, words(t.Message))
	}
	w := s.State.Waiting
	if w == nil {
		return "", ""
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
	return "", ""
}

// lastWords are what the container's last end said.
func lastWords(s *corev1.ContainerStatus) string {
	if t := s.LastTerminationState.Terminated; t != nil {
		return fmt.Sprintf("code %d: %s", t.ExitCode, words(t.Message))
	}
	return "it left no message"
}

func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxDetail)], "") }

// unknownFlag is how a node of a release that lacks one of the operator's arguments ends.
const unknownFlag = "unknown flag: --"

// words are the end of a program's message, and what to do where that is known.
func words(message string) string {
	out := tail(message)
	if strings.Contains(out, unknownFlag) {
		out = strings.TrimSpace(out) + " (the image is older than the operator, which starts it with that: name an image of the operator's release, or run the operator of the image's)"
	}
	return out
}

// tail is the end of a log: the error is there.
func tail(s string) string { return strings.ToValidUTF8(s[max(0, len(s)-maxDetail):], "") }

// Ended is how a pod's container ended; nil: it did not.
func Ended(p *corev1.Pod, container string) *corev1.ContainerStateTerminated {
	for i := range p.Status.ContainerStatuses {
		if s := &p.Status.ContainerStatuses[i]; s.Name == container {
			return s.State.Terminated
		}
	}
	return nil
}
