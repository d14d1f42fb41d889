package plan

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// MaxValidators bounds a network's validators: what its status can record.
const MaxValidators = 100

// Wanted is a validator that a spec asks for.
type Wanted struct {
	Name  string
	Zone  string // empty: any
	Power int64
}

// Validators are those that a spec asks for, in the order of groups and numbers.
func Validators(network string, spec *v1alpha1.Validators) ([]Wanted, error) {
	power := max(1, spec.Template.Power)
	zone := spec.Template.Scheduling.Zone
	var out []Wanted
	add := func(group, zone string, count int32, power int64) {
		for i := range min(int(count), MaxValidators+1) {
			out = append(out, Wanted{Name: names.Validator(network, group, i), Zone: zone, Power: power})
		}
	}
	if spec.Count != nil {
		add("", zone, *spec.Count, power)
	}
	for i := range spec.Groups {
		g := &spec.Groups[i]
		z, p := zone, power
		if g.Zone != "" {
			z = g.Zone
		}
		if g.Power != nil {
			p = *g.Power
		}
		add(string(g.Name), z, g.Count, p)
	}
	if len(out) == 0 || len(out) > MaxValidators {
		return nil, fmt.Errorf("the groups ask for %d validators or more: a network has 1 to %d; make some groups smaller", len(out), MaxValidators)
	}
	seen := map[string]bool{}
	for _, w := range out {
		if seen[w.Name] {
			return nil, fmt.Errorf("two groups give a validator the name %s: rename one of them", w.Name)
		}
		seen[w.Name] = true
	}
	return out, nil
}

// NamesOf are the validators' names.
func NamesOf(wanted []Wanted) []string {
	out := make([]string, len(wanted))
	for i := range wanted {
		out[i] = wanted[i].Name
	}
	return out
}
