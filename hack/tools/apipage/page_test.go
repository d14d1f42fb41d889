package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestEveryFieldHasARow over the project's own CRDs.
func TestEveryFieldHasARow(t *testing.T) {
	files, err := filepath.Glob("../../../config/crd/bases/*.yaml")
	if err != nil || len(files) == 0 {
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
		p := newPage()
		p.kind(&crd)
		rows := p.String()
		for name := range crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties {
			if !strings.Contains(rows, "| `"+name+"` |") {
				t.Errorf("%s: spec.%s has no row", crd.Spec.Names.Kind, name)
			}
		}
		for _, line := range strings.Split(rows, "\n") {
			if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, "\\|", ""), "|") != 5 {
				t.Errorf("a row of another shape: %s", line)
			}
			if strings.HasSuffix(line, "|  |") {
				t.Errorf("a field without a word about it: %s", line)
			}
		}
	}
}

func TestWhatARowSays(t *testing.T) {
	most := 9.0
	s := &schema{Properties: map[string]schema{
		"count": {Type: "integer", Maximum: &most, Description: "How\nmany.", XValidations: apiextensionsv1.ValidationRules{{Rule: "self > 0", Message: "give one"}}},
		"mode":  {Type: "string", Enum: []apiextensionsv1.JSON{{Raw: []byte(`"A"`)}, {Raw: []byte(`"B"`)}}, Default: &apiextensionsv1.JSON{Raw: []byte(`"A"`)}},
	}, Required: []string{"count"}}
	p := &page{}
	p.fields("a.", s)
	want := "| `a.count` | integer, at most 9 | **required** | How many. *give one.* |\n| `a.mode` | `A`, `B` | `A` |  |\n"
	if p.String() != want {
		t.Errorf("rows are\n%s\nwant\n%s", p.String(), want)
	}
}
