package podtrouble

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// ByAge sorts a Job's pods, the oldest first: what is said of the newest is said last. A
// cache lists them in no order, and a condition that changed with it would be written
// again and again.
func ByAge(pods []corev1.Pod) {
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
}

// podSoon is when a Job has its first pod, where the API server takes one.
const podSoon = 30 * time.Second

// killed are the exit codes of a program that a signal ended: SIGKILL and SIGTERM.
var killed = map[int32]bool{128 + 9: true, 128 + 15: true}

// Interrupted is why the cluster, and not its own program, ended a pod's container: it was
// evicted, out of memory, or its node went; empty: the program ended, or nothing did.
// What such a pod says of its program is nothing.
func Interrupted(p *corev1.Pod, container string) string {
	ended := Ended(p, container)
	if p.Status.Phase != corev1.PodFailed && (ended == nil || ended.ExitCode == 0) {
		return ""
	}
	if p.Status.Reason != "" { // of the whole pod: a program's end leaves it empty
		return cut(p.Status.Reason + " " + p.Status.Message)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return cut(c.Reason + " " + c.Message)
		}
	}
	switch {
	case ended == nil:
		return "its container never ran"
	case ended.Reason == "OOMKilled":
		return "out of memory"
	case ended.Reason == "ContainerStatusUnknown" || killed[ended.ExitCode]:
		return fmt.Sprintf("it was killed: code %d %s", ended.ExitCode, cut(ended.Message))
	}
	return ""
}

// WithoutPod says that a Job has no pod though it should have one by now, and where to
// look: why the API server refuses it is told in events alone. Empty: not yet.
func WithoutPod(job *batchv1.Job, now time.Time) string {
	since := job.CreationTimestamp.Time
	if now.Sub(since) < podSoon {
		return ""
	}
	return fmt.Sprintf("Job %s has had no pod since %s: most likely a ResourceQuota, a LimitRange or an admission policy of the namespace takes none; `kubectl describe job %s` says why",
		job.Name, since.UTC().Format("15:04"), job.Name)
}
