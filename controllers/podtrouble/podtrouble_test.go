package podtrouble_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
)

// What only the cluster can know is a reason, not an error.
func TestTroubleOfPods(t *testing.T) {
	waiting := func(reason, message string) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Image: "img:1", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Message: "genesis hash differs"}}}}}}
	}
	unschedulable := &corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/4 nodes"}}}}
	ended := func(policy corev1.RestartPolicy) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: policy}, Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Message: "no such command"}}}}}}
	}
	before := func(code int32) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending, InitContainerStatuses: []corev1.ContainerStatus{{
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: "cannot start"}}}}}}
	}
	older := waiting("CrashLoopBackOff", "back-off")
	older.Status.ContainerStatuses[0].LastTerminationState.Terminated.Message = "bedrock: unknown flag: --made-for\n"
	for _, tt := range []struct {
		pod          *corev1.Pod
		reason, says string
	}{
		{&corev1.Pod{}, "", ""},
		{waiting("ContainerCreating", ""), "", ""},
		{unschedulable, "Unschedulable", "0/4 nodes"},
		{waiting("ImagePullBackOff", "not found"), "ImageUnavailable", "img:1"},
		{waiting("ErrImagePull", "not found"), "ImageUnavailable", "not found"},
		{waiting("InvalidImageName", "x"), "ImageUnavailable", "x"},
		{waiting("CreateContainerConfigError", `secret "brought" not found`), "ConfigurationMissing", "brought"},
		{waiting("CrashLoopBackOff", "back-off"), "NodeEnds", "genesis hash differs"},
		{older, "NodeEnds", "unknown flag: --made-for (the image is older than the operator"},
		{before(1), "NodeEnds", "code 1: cannot start"},
		{before(0), "", ""},
		{ended(corev1.RestartPolicyAlways), "NodeEnds", "code 2: no such command"},
		{ended(corev1.RestartPolicyNever), "", ""}, // of a Job: its end is its result
		{&corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "disk pressure"}}, "PodFailed", "disk pressure"},
	} {
		reason, message := podtrouble.Of(tt.pod)
		if reason != tt.reason || !strings.Contains(message, tt.says) {
			t.Errorf("%s %q, want %s %q", reason, message, tt.reason, tt.says)
		}
	}
}
