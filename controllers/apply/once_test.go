package apply_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bedrock-bft/bedrock/controllers/apply"
)

type heard []string

func (h *heard) Eventf(regarding, _ runtime.Object, _, reason, action, _ string, _ ...any) {
	*h = append(*h, string(regarding.(*corev1.Pod).UID)+" "+action+" "+reason)
}

// What a late cache repeats is told once; what changes and changes back is told each time.
func TestOnce(t *testing.T) {
	var h heard
	r := apply.Once(&h)
	for _, e := range [][3]string{{"1", "Granted", "Waiting"}, {"1", "Granted", "Waiting"}, {"2", "Granted", "Waiting"}, {"1", "Missing", "Waiting"},
		{"1", "Granted", "Done"}, {"1", "Granted", "Done"}, {"1", "Granted", "Waiting"}} {
		r.Eventf(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(e[0])}}, nil, corev1.EventTypeNormal, e[2], e[1], "%s", "text")
	}
	want := heard{"1 Granted Waiting", "2 Granted Waiting", "1 Missing Waiting", "1 Granted Done", "1 Granted Waiting"}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
