package podtrouble_test

import (
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
)

// What the cluster ended is told from what a program says by its end.
func TestInterrupted(t *testing.T) {
	failed := func(ended *corev1.ContainerStateTerminated, change func(*corev1.PodStatus)) *corev1.Pod {
		p := &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed}}
		if ended != nil {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "node", State: corev1.ContainerState{Terminated: ended}}}
		}
		if change != nil {
			change(&p.Status)
		}
		return p
	}
	for name, tt := range map[string]struct {
		pod  *corev1.Pod
		says string // empty: the cluster did nothing
	}{
		"pending":          {&corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}}, ""},
		"it answered":      {&corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{Name: "node", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}}}, ""},
		"it cannot answer": {failed(&corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error", Message: "no such command"}, nil), ""},
		"out of memory":    {failed(&corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}, nil), "out of memory"},
		"killed":           {failed(&corev1.ContainerStateTerminated{ExitCode: 143, Reason: "Error"}, nil), "code 143"},
		"its node is gone": {failed(&corev1.ContainerStateTerminated{ExitCode: 137, Reason: "ContainerStatusUnknown", Message: "could not be located"}, nil), "could not be located"},
		"it never ran":     {failed(nil, nil), "never ran"},
		"evicted":          {failed(nil, func(s *corev1.PodStatus) { s.Reason, s.Message = "Evicted", "low on memory" }), "Evicted low on memory"},
		"evicted by a call": {failed(&corev1.ContainerStateTerminated{ExitCode: 2}, func(s *corev1.PodStatus) {
			s.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI"}}
		}), "EvictionByEvictionAPI"},
	} {
		if why := podtrouble.Interrupted(tt.pod, "node"); (why == "") != (tt.says == "") || !strings.Contains(why, tt.says) {
			t.Errorf("%s: %q, want %q", name, why, tt.says)
		}
	}
}

// What is said last is said of the newest, in whatever order a cache lists them.
func TestByAge(t *testing.T) {
	pod := func(name string, age int) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.Unix(int64(100-age), 0)}}
	}
	pods := []corev1.Pod{pod("a", 1), pod("d", 5), pod("c", 5), pod("b", 9)}
	podtrouble.ByAge(pods)
	var order string
	for i := range pods {
		order += pods[i].Name
	}
	if order != "bcda" {
		t.Errorf("they are sorted %s", order)
	}
}

func TestWithoutPod(t *testing.T) {
	made := time.Date(2026, 1, 2, 12, 3, 0, 0, time.UTC)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "net-image", CreationTimestamp: metav1.NewTime(made)}}
	if why := podtrouble.WithoutPod(job, made.Add(29*time.Second)); why != "" {
		t.Errorf("at once: %s", why)
	}
	if why := podtrouble.WithoutPod(job, made.Add(30*time.Second)); !strings.Contains(why, "12:03") || !strings.Contains(why, "describe job net-image") {
		t.Errorf("after half a minute: %q", why)
	}
}
