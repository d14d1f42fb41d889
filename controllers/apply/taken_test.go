package apply_test

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
)

// What belongs to others is named and not written over; what was orphaned is taken up.
func TestTaken(t *testing.T) {
	ours := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelValidator: "mine"}
	by := func(kind, name string, uid types.UID) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: kind, Name: name, UID: uid, Controller: new(true)}}
	}
	for _, tt := range []struct {
		name   string
		labels map[string]string
		owners []metav1.OwnerReference
		says   string // empty: it is ours
	}{
		{"ours", ours, by("Validator", "mine", "1"), ""},
		{"ours, whatever its labels", nil, by("Validator", "mine", "1"), ""},
		{"orphaned", ours, nil, ""},
		{"of one of this name before", ours, by("Validator", "mine", "0"), ""},
		{"of another", ours, by("Deployment", "web", "9"), "belongs to Deployment web"},
		{"of nobody", nil, nil, "not this operator's"},
		{"of another of the operator's", map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelValidator: "other"}, nil, "not this operator's"},
	} {
		o := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "mine", Labels: tt.labels, OwnerReferences: tt.owners}}
		err := apply.Taken(o, "1", v1alpha1.LabelValidator, "mine")
		if as := new(apply.TakenError); errors.As(err, &as) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
