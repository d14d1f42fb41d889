package validator

import (
	"testing"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
)

// Four controllers write one status: what a pass found out is written by it, though others
// said meanwhile what is not read here, and though the pass itself wrote the finalizer. What
// was read, and is otherwise now, has it decide anew.
func TestAPassWritesWhatItFound(t *testing.T) {
	for _, tt := range []struct {
		name      string
		says      string // a condition's type
		protected v1alpha1.Switch
		writes    bool
	}{
		{"nobody says anything", "", v1alpha1.Disabled, true},
		{"it wrote its finalizer", "", v1alpha1.Enabled, true},
		{"whether it is missing", v1alpha1.ValidatorMissing, v1alpha1.Disabled, true},
		{"both", v1alpha1.ValidatorDisruption, v1alpha1.Enabled, true},
		{"that its key is claimed", v1alpha1.ValidatorKeyClaimed, v1alpha1.Disabled, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.network()
			w.validator(0, func(v *v1alpha1.Validator) { v.Spec.DeletionProtection = tt.protected })
			if tt.says != "" {
				w.r.Client = apitest.Meanwhile(w.c, func() {
					var v v1alpha1.Validator
					w.must(&v, "net-0")
					v.Status.Conditions = append(v.Status.Conditions, metav1.Condition{Type: tt.says, Status: metav1.ConditionUnknown, Reason: "ChainUnknown", LastTransitionTime: metav1.NewTime(w.clock.Now())})
					w.status(&v)
				})
			}
			if err := w.reconcileOnce(t.Context(), "net-0"); err != nil {
				t.Fatal(err)
			}
			var v v1alpha1.Validator
			w.must(&v, "net-0")
			if wrote := apimeta.FindStatusCondition(v.Status.Conditions, v1alpha1.ValidatorReady) != nil; wrote != tt.writes {
				t.Errorf("its status is written: %v", wrote)
			}
			if tt.says != "" && apimeta.FindStatusCondition(v.Status.Conditions, tt.says) == nil {
				t.Errorf("%s is lost", tt.says)
			}
			w.reconcile("net-0")
			w.must(&v, "net-0")
			if apimeta.FindStatusCondition(v.Status.Conditions, v1alpha1.ValidatorReady) == nil {
				t.Error("its status is never written")
			}
		})
	}
}
