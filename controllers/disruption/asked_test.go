package disruption

import (
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// What an annotation says is kept within bounds, each value as one of its own: three of
// the API server's longest would make a ledger that nobody can read. rule: token-ledger
func TestALongAnnotationIsKeptShort(t *testing.T) {
	p := &pass{Reconciler: &Reconciler{}}
	kept := func(value string) string {
		t.Helper()
		v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationDisrupt: value}}}
		ask, err := p.asked(t.Context(), v, &corev1.Pod{}, "", nil)
		if err != nil || ask == nil {
			t.Fatalf("%.40q asks for nothing: %v", value, err)
		}
		if len(ask.Annotation) > maxReason || len(ask.Reason) > maxReason || !utf8.ValidString(ask.Reason) {
			t.Errorf("of %.40q %d and %d bytes are kept, as text %v", value, len(ask.Annotation), len(ask.Reason), utf8.ValidString(ask.Reason))
		}
		if ask.Explicit != strings.HasPrefix(value, explicitly) {
			t.Errorf("%.40q: explicit %v", value, ask.Explicit)
		}
		return ask.Annotation
	}
	if got := kept("new disk"); got != "new disk" {
		t.Errorf("a short one is changed: %q", got)
	}
	long := strings.Repeat("a", 200_000)
	if kept(long) == kept(long+"b") {
		t.Error("two long values are one: the second is never done")
	}
	kept("halt:" + long)
	kept("a" + strings.Repeat("\u00e9", maxReason)) // cut in the midst of a letter
}
