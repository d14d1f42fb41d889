package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

type schema = apiextensionsv1.JSONSchemaProps

// page is the document as it grows.
type page struct{ strings.Builder }

const head = `# Fields of Bedrock's Kubernetes types

Generated from the CRDs by ` + "`make manifests`" + `. Do not edit. API group ` + "`bedrock.dev`" + `, version ` + "`v1alpha1`" + `.

Rules are checked by the API server, which answers with their text. What only the
cluster can know is checked by the operator, and shown as a condition.
`

func newPage() *page {
	p := &page{}
	p.WriteString(head)
	return p
}

func (p *page) kind(crd *apiextensionsv1.CustomResourceDefinition) {
	for _, v := range crd.Spec.Versions {
		if !v.Served {
			continue
		}
		s := v.Schema.OpenAPIV3Schema
		fmt.Fprintf(p, "\n## %s\n\n%s\n\n%s; short names: %s.\n", crd.Spec.Names.Kind, paragraph(s.Description), scope(crd), strings.Join(crd.Spec.Names.ShortNames, ", "))
		p.rules("The whole object:", s.XValidations)
		for _, part := range []string{"spec", "status"} {
			if sub, ok := s.Properties[part]; ok {
				fmt.Fprintf(p, "\n### %s: %s\n", crd.Spec.Names.Kind, part)
				if d := paragraph(sub.Description); d != "" {
					fmt.Fprintf(p, "\n%s\n", d)
				}
				p.rules("The whole "+part+":", sub.XValidations)
				p.WriteString("\n| field | type | when absent | |\n| --- | --- | --- | --- |\n")
				p.fields("", &sub)
			}
		}
	}
}

func scope(crd *apiextensionsv1.CustomResourceDefinition) string {
	if crd.Spec.Scope == apiextensionsv1.NamespaceScoped {
		return "In a namespace"
	}
	return "Belongs to no namespace"
}

func (p *page) rules(title string, rules apiextensionsv1.ValidationRules) {
	if len(rules) == 0 {
		return
	}
	fmt.Fprintf(p, "\n%s\n\n", title)
	for _, r := range rules {
		fmt.Fprintf(p, "- %s\n", r.Message)
	}
}

// foreignTypes are Kubernetes' own, whose fields are documented there.
var foreignTypes = map[string]string{"tolerations": "list of Kubernetes tolerations", "conditions": "list of Kubernetes conditions"}

func (p *page) fields(prefix string, s *schema) {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := s.Properties[name]
		path := prefix + name
		absent := "nothing"
		if slices.Contains(s.Required, name) {
			absent = "**required**"
		} else if f.Default != nil {
			absent = "`" + compact(f.Default.Raw) + "`"
		}
		kind := typeOf(&f)
		foreign := foreignTypes[name]
		if foreign != "" {
			kind = foreign
		}
		fmt.Fprintf(p, "| `%s` | %s | %s | %s |\n", path, kind, absent, text(&f))
		if foreign != "" {
			continue
		}
		p.fields(path+".", &f)
		if f.Items != nil && f.Items.Schema != nil {
			p.fields(path+"[].", f.Items.Schema)
		}
	}
}

func compact(raw []byte) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return strings.Trim(string(b), `"`)
}

func typeOf(s *schema) string {
	switch {
	case len(s.Enum) > 0:
		var values []string
		for _, e := range s.Enum {
			values = append(values, "`"+compact(e.Raw)+"`")
		}
		return strings.Join(values, ", ")
	case s.XIntOrString:
		return "quantity"
	case s.Type == "array" && s.Items != nil && s.Items.Schema != nil:
		return "list of " + typeOf(s.Items.Schema) + bounds(s)
	case s.Type == "object" && s.AdditionalProperties != nil:
		return "map" + bounds(s)
	case s.Format == "date-time":
		return "time"
	}
	return s.Type + bounds(s)
}

// bounds are the limits of a type, in words.
func bounds(s *schema) string {
	var out []string
	between := func(least, most *int64, what string) {
		switch {
		case least != nil && most != nil && *least == *most:
			out = append(out, fmt.Sprintf("%d%s", *least, what))
		case least != nil && most != nil:
			out = append(out, fmt.Sprintf("%d to %d%s", *least, *most, what))
		case most != nil:
			out = append(out, fmt.Sprintf("at most %d%s", *most, what))
		case least != nil:
			out = append(out, fmt.Sprintf("at least %d%s", *least, what))
		}
	}
	between(whole(s.Minimum), whole(s.Maximum), "")
	between(s.MinLength, s.MaxLength, " characters")
	between(s.MinItems, s.MaxItems, " items")
	between(s.MinProperties, s.MaxProperties, " entries")
	if len(out) == 0 {
		return ""
	}
	return ", " + strings.Join(out, ", ")
}

func whole(f *float64) *int64 {
	if f == nil {
		return nil
	}
	n := int64(*f)
	return &n
}

// text is a field's description, its pattern and its rules, in one cell.
func text(s *schema) string {
	parts := []string{}
	if d := paragraph(s.Description); d != "" {
		parts = append(parts, d)
	}
	if s.Pattern != "" && !s.XIntOrString {
		parts = append(parts, "Matches `"+strings.ReplaceAll(s.Pattern, "|", "\\|")+"`.")
	}
	for _, r := range s.XValidations {
		parts = append(parts, "*"+r.Message+".*")
	}
	return strings.Join(parts, " ")
}

// paragraph is a description on one line.
func paragraph(s string) string {
	s, _, _ = strings.Cut(s, " // rule:")
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
}
