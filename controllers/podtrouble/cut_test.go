package podtrouble_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
)

// What is quoted of a node is cut between letters: a status holds no half of one.
func TestQuotesAreCutBetweenLetters(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Message: strings.Repeat("é", 2000) + "x"}}}}}}
	if _, message := podtrouble.Of(pod); !utf8.ValidString(message) || !strings.Contains(message, "éx") {
		t.Errorf("%q", message)
	}
}
