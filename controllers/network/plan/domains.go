package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// Placement is where a member of the set runs; empty: not known, or not here.
type Placement struct {
	Validator string
	Power     uint64
	Node      string
	Zone      string
}

// DomainRisk is the condition DomainRisk: one node, zone or this cluster holds a third
// of the power, so that its loss halts the chain. total is the set's power, members
// elsewhere included. // rule: domain-risk
func DomainRisk(places []Placement, total uint64) verdict.Verdict {
	if total == 0 || len(places) == 0 {
		return verdict.Unknown(v1alpha1.NetworkDomainRisk, v1alpha1.ReasonWaiting, "no validators of the set run here yet")
	}
	here := uint64(0)
	for _, p := range places {
		here += p.Power
	}
	for _, d := range []struct {
		kind, reason, advice string
		of                   func(Placement) string
	}{
		{"node", "OneNode", "give it more nodes, or set scheduling.hostAntiAffinity to Required", func(p Placement) string { return p.Node }},
		{"zone", "OneZone", "spread the validators over at least four zones with validators.groups", func(p Placement) string { return p.Zone }},
	} {
		if worst := heaviest(places, d.of); worst.power*3 >= total && worst.name != "" {
			return verdict.True(v1alpha1.NetworkDomainRisk, d.reason, fmt.Sprintf("%s %s holds %d of %d power (%s), a third or more: its loss halts the chain; %s",
				d.kind, worst.name, worst.power, total, strings.Join(worst.validators, ", "), d.advice))
		}
	}
	if here*3 >= total {
		return verdict.True(v1alpha1.NetworkDomainRisk, "OneCluster", fmt.Sprintf("this cluster holds %d of %d power, a third or more: while all of it is down the chain halts, and goes on when it is back", here, total))
	}
	return verdict.False(v1alpha1.NetworkDomainRisk, "Spread", "no node, zone or cluster holds a third of the power")
}

type domain struct {
	name       string
	power      uint64
	validators []string
}

// heaviest is the domain with the most power, the first by name among equals.
func heaviest(places []Placement, of func(Placement) string) domain {
	all := map[string]*domain{}
	for _, p := range places {
		name := of(p)
		if name == "" {
			continue
		}
		if all[name] == nil {
			all[name] = &domain{name: name}
		}
		all[name].power += p.Power
		all[name].validators = append(all[name].validators, p.Validator)
	}
	var worst domain
	for _, d := range all {
		if d.power > worst.power || d.power == worst.power && d.name < worst.name {
			worst = *d
		}
	}
	slices.SortFunc(worst.validators, cmp.Compare[string])
	return worst
}

// Class is what is known of a StorageClass.
type Class struct {
	Name    string // empty: the default one
	Deletes bool   // its volumes go with their claims
	Problem string // not empty: it could not be read
}

// ReclaimDelete is the condition ReclaimDelete: volumes that go with their claims go
// with a deleted namespace. // rule: hold
func ReclaimDelete(classes []Class) verdict.Verdict {
	var deletes, unknown []string
	for _, c := range classes {
		name := c.Name
		if name == "" {
			name = "(the default)"
		}
		switch {
		case c.Problem != "":
			unknown = append(unknown, name+": "+c.Problem)
		case c.Deletes:
			deletes = append(deletes, name)
		}
	}
	switch {
	case len(deletes) > 0:
		return verdict.True(v1alpha1.NetworkReclaimDelete, "VolumesGoWithTheirClaims", fmt.Sprintf("StorageClass %s has reclaimPolicy Delete: whoever deletes the namespace or a claim destroys keys and vote logs; use one that retains", strings.Join(deletes, ", ")))
	case len(unknown) > 0:
		return verdict.Unknown(v1alpha1.NetworkReclaimDelete, "ClassNotReadable", "StorageClass "+strings.Join(unknown, "; "))
	}
	return verdict.False(v1alpha1.NetworkReclaimDelete, "VolumesStay", "volumes stay when their claims are deleted")
}

// What is lost for want of rights, as it is in namespaced mode.
const (
	NodesNotRead = "nodes cannot be read: zones are not known (DomainRisk), cordons and taints ask for no token " +
		"(say before a drain `kubectl bedrock disrupt`), and that a volume's node is gone begins no takeover (say `kubectl bedrock takeover`)"
	ClassesNotRead = "StorageClasses cannot be read: whether volumes go with their claims is not known (ReclaimDelete)"
	SystemNotRead  = "the namespace kube-system cannot be read: signer volumes carry the UID of their own namespace for a mark in place of the cluster's"
)

// Rights is the condition RightsComplete: what the operator may not read here, and what
// that costs.
func Rights(lost []string) verdict.Verdict {
	if len(lost) == 0 {
		return verdict.True(v1alpha1.NetworkRights, "Complete", "the operator has all the rights that it uses")
	}
	return verdict.False(v1alpha1.NetworkRights, "Missing", strings.Join(lost, "; "))
}
