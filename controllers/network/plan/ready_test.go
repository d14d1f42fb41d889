package plan

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// A network with a validator that is not Ready is not Ready, and says which and why.
func TestReadyNamesWhoIsNot(t *testing.T) {
	of := func(name string, status metav1.ConditionStatus, reason, message string) *v1alpha1.Validator {
		v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if status != "" {
			v.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ValidatorReady, Status: status, Reason: reason, Message: message}}
		}
		return v
	}
	well := func(i int) *v1alpha1.Validator { return of(fmt.Sprintf("net-%d", i), "True", "Ready", "") }
	var down []*v1alpha1.Validator
	for i := range 9 {
		down = append(down, of(fmt.Sprintf("net-%d", i), "False", "NodeEnds", strings.Repeat("x", 1000)))
	}
	for what, tt := range map[string]struct {
		validators []*v1alpha1.Validator
		reason     string
		says, not  string
	}{
		"all ready":      {[]*v1alpha1.Validator{well(0), well(1)}, "Ready", "4/4", "not Ready"},
		"one crashes":    {[]*v1alpha1.Validator{well(0), of("net-1", "False", "NodeEnds", "Running: again and again")}, "ValidatorsNotReady", "1 of 2 validators are not Ready: net-1 NodeEnds", "net-0"},
		"one is unknown": {[]*v1alpha1.Validator{well(0), of("net-1", "Unknown", "NodeUnreachable", "")}, "ValidatorsNotReady", "net-1 NodeUnreachable", "net-0"},
		"one is new":     {[]*v1alpha1.Validator{of("net-1", "", "", ""), well(0)}, "ValidatorsNotReady", "net-1 NotLookedAt", "net-0"},
		"many":           {down, "ValidatorsNotReady", "and 4 more", "net-5"},
	} {
		v := AllReady("4/4", tt.validators)
		if v.Reason != tt.reason || v.OK() != (tt.reason == "Ready") || !strings.Contains(v.Message, tt.says) || strings.Contains(v.Message, tt.not) {
			t.Errorf("%s: %+v", what, v)
		}
		if len(v.Message) > 500 {
			t.Errorf("%s: a message of %d bytes", what, len(v.Message))
		}
	}
}
