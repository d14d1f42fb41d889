package apicheck_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

func TestDefaults(t *testing.T) {
	c := api.Client(t)
	for _, tc := range []struct {
		name, base string
		want       map[string]any
	}{
		{"a network", network, map[string]any{
			"spec.genesis": map[string]any{"type": "Ceremony"}, "spec.takeover": "Automatic", "spec.deletionProtection": "Enabled", "spec.deletionPolicy": "Retain",
			"spec.reconciliation": "Active", "spec.networkPolicy": "Enabled", "spec.disruption": map[string]any{"halt": "Forbidden", "reserve": "Enabled"},
			"spec.validators.template.power": int64(1), "spec.validators.template.compute": map[string]any{"cpu": "1", "memory": "2Gi"},
			"spec.validators.template.storage":    map[string]any{"chain": map[string]any{"size": "20Gi"}, "signer": map[string]any{"size": "1Gi"}},
			"spec.validators.template.exposure":   map[string]any{"type": "ClusterIP"},
			"spec.validators.template.scheduling": map[string]any{"hostAntiAffinity": "Automatic"},
		}},
		{"a Validator", validator, map[string]any{
			"spec.keys": map[string]any{"source": "Volume"}, "spec.bootstrap": map[string]any{"type": "Peers"}, "spec.power": int64(1),
			"spec.reconciliation": "Active", "spec.deletionProtection": "Disabled", "spec.deletionPolicy": "Retain", "spec.exposure": map[string]any{"type": "ClusterIP"},
			"spec.storage": map[string]any{"chain": map[string]any{"size": "20Gi"}, "signer": map[string]any{"size": "1Gi"}},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := object(t, api.Namespace(t), tc.base)
			if err := c.Create(context.Background(), o); err != nil {
				t.Fatal(err)
			}
			for path, want := range tc.want {
				got, _, err := unstructured.NestedFieldNoCopy(o.Object, strings.Split(path, ".")...)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s (-want +got):\n%s", path, d)
				}
			}
		})
	}
}

// TestSamplesAreAccepted, with no field that the types do not have.
func TestSamplesAreAccepted(t *testing.T) {
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	c := api.Client(t)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		namespace := api.Namespace(t)
		for _, part := range bytes.Split(raw, []byte("\n---\n")) {
			o := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(part, &o.Object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if o.GroupVersionKind().Group != "bedrock.dev" {
				continue
			}
			o.SetNamespace(namespace)
			if err := c.Create(context.Background(), o, client.FieldValidation("Strict")); err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
		}
	}
}
