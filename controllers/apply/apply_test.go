package apply_test

import (
	"testing"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/bedrock-bft/bedrock/controllers/apply"
)

func TestSame(t *testing.T) {
	base := func() *corev1ac.ConfigMapApplyConfiguration {
		return corev1ac.ConfigMap("a", "ns").WithData(map[string]string{"k": "v"})
	}
	tests := []struct {
		name  string
		owned *corev1ac.ConfigMapApplyConfiguration
		want  bool
	}{
		{"nothing there", nil, false},
		{"the same", base(), true},
		{"an empty map more", base().WithLabels(map[string]string{}), true},
		{"another value", base().WithData(map[string]string{"k": "w"}), false},
		{"a key to be removed", base().WithData(map[string]string{"old": "x"}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := apply.Same(base(), tt.owned)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("Same = %v, want %v", got, tt.want)
			}
		})
	}
}
