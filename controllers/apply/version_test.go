package apply_test

import (
	"context"
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
)

// reader is a cache with one Validator in it.
type reader struct {
	client.Reader
	now *v1alpha1.Validator
	err error
}

func (r *reader) Get(_ context.Context, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	if r.err == nil {
		r.now.DeepCopyInto(o.(*v1alpha1.Validator))
	}
	return r.err
}

// What was decided is written over a word that nobody decided from, and over nothing else.
func TestVersion(t *testing.T) {
	says := func(kind, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason}
	}
	read := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: "v", UID: "1", ResourceVersion: "5"}, Status: v1alpha1.ValidatorStatus{
		Instances: []v1alpha1.Instance{{Number: 1}}, Conditions: []metav1.Condition{says(v1alpha1.ValidatorReady, "Waiting"), says(v1alpha1.ValidatorMissing, "VotesSeen")}}}
	for _, tt := range []struct {
		name   string
		change func(*v1alpha1.Validator)
		want   string
	}{
		{"nothing is newer", nil, "6"},
		{"another's word", func(v *v1alpha1.Validator) { v.Status.Conditions[1].Reason = "NotInSet" }, "6"},
		{"another's first word", func(v *v1alpha1.Validator) {
			v.Status.Conditions = append([]metav1.Condition{says(v1alpha1.ValidatorTakeover, "NotNeeded")}, v.Status.Conditions...)
		}, "6"},
		{"who owns what", func(v *v1alpha1.Validator) { v.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "other"}} }, "6"},
		{"its own word", func(v *v1alpha1.Validator) { v.Status.Conditions[0].Reason = "Ready" }, "5"},
		{"a word that was read", func(v *v1alpha1.Validator) {
			v.Status.Conditions = append(v.Status.Conditions, says(v1alpha1.ValidatorKeyClaimed, "Claimed"))
		}, "5"},
		{"an instance", func(v *v1alpha1.Validator) { v.Status.Instances[0].SignerClaimUID = "x" }, "5"},
		{"a role", func(v *v1alpha1.Validator) { v.Status.Instances[0].Role = v1alpha1.InstanceSuperseded }, "5"},
		{"the spec", func(v *v1alpha1.Validator) { v.Generation++ }, "5"},
		{"an annotation", func(v *v1alpha1.Validator) { v.Annotations = map[string]string{"a": "b"} }, "5"},
		{"its deletion", func(v *v1alpha1.Validator) { v.DeletionTimestamp = &metav1.Time{} }, "5"},
		{"another Validator", func(v *v1alpha1.Validator) { v.UID = "2" }, "5"},
	} {
		now := read.DeepCopy()
		now.ResourceVersion = "6"
		if tt.change != nil {
			tt.change(now)
		}
		got, err := apply.Version(t.Context(), &reader{now: now}, read, v1alpha1.ValidatorMissing, v1alpha1.ValidatorTakeover)
		if err != nil || got != tt.want {
			t.Errorf("%s: version %s, want %s (%v)", tt.name, got, tt.want, err)
		}
	}
	gone := apierrors.NewNotFound(v1alpha1.SchemeGroupVersion.WithResource("validators").GroupResource(), "v")
	if got, err := apply.Version(t.Context(), &reader{err: gone}, read); got != "5" || err != nil {
		t.Errorf("it is gone: %s, %v", got, err)
	}
	if _, err := apply.Version(t.Context(), &reader{err: errors.New("no API server")}, read); err == nil {
		t.Error("a failed read says nothing")
	}
}
