package apicheck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestEveryRuleIsHit: a rule that no case breaks may never fire.
func TestEveryRuleIsHit(t *testing.T) {
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d CRDs, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(raw, &crd); err != nil {
			t.Fatal(err)
		}
		for _, v := range crd.Spec.Versions {
			walk(v.Schema.OpenAPIV3Schema, func(r apiextensionsv1.ValidationRule) {
				if r.Message == "" {
					t.Errorf("%s: the rule %s has no message", crd.Spec.Names.Kind, r.Rule)
				} else if !hit(crd.Spec.Names.Kind, r) {
					t.Errorf("%s: no case breaks the rule %s\n(%s)", crd.Spec.Names.Kind, r.Rule, r.Message)
				}
			})
		}
	}
}

// hit says whether a case of the kind waits for the rule's message: a rule of the old
// and the new object is broken by a transition.
func hit(kind string, r apiextensionsv1.ValidationRule) bool {
	is := func(base string, says []string) bool {
		return strings.Contains(base, "kind: "+kind+"\n") && contained(r.Message, says)
	}
	if strings.Contains(r.Rule, "oldSelf") {
		for _, tc := range transitions {
			if is(tc.base, tc.says) {
				return true
			}
		}
		return false
	}
	for _, tc := range refusals {
		if is(tc.base, tc.says) {
			return true
		}
	}
	return false
}

func contained(message string, says []string) bool {
	for _, s := range says {
		if strings.Contains(message, s) {
			return true
		}
	}
	return false
}

func walk(s *apiextensionsv1.JSONSchemaProps, f func(apiextensionsv1.ValidationRule)) {
	for _, r := range s.XValidations {
		f(r)
	}
	for name := range s.Properties {
		p := s.Properties[name]
		walk(&p, f)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(s.Items.Schema, f)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		walk(s.AdditionalProperties.Schema, f)
	}
}
