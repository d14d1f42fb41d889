package plan_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/controllers/network/plan"
)

// rule: domain-risk
func TestDomainRisk(t *testing.T) {
	at := func(v string, power uint64, node, zone string) plan.Placement {
		return plan.Placement{Validator: v, Power: power, Node: node, Zone: zone}
	}
	for _, tt := range []struct {
		name   string
		places []plan.Placement
		total  uint64
		reason string
		names  string
	}{
		{"nothing runs", nil, 4, "Waiting", ""},
		{"two of four on a node", []plan.Placement{at("a", 1, "n1", ""), at("b", 1, "n1", ""), at("c", 1, "n2", ""), at("d", 1, "n3", "")}, 4, "OneNode", "n1"},
		{"two of four in a zone", []plan.Placement{at("a", 1, "n1", "z1"), at("b", 1, "n2", "z1"), at("c", 1, "n3", "z2"), at("d", 1, "n4", "z3")}, 4, "OneZone", "a, b"},
		{"one of three", []plan.Placement{at("a", 1, "n1", "z1"), at("b", 1, "n2", "z2"), at("c", 1, "n3", "z3")}, 3, "OneNode", "n1"},
		{"spread in one cluster", []plan.Placement{at("a", 1, "n1", "z1"), at("b", 1, "n2", "z2"), at("c", 1, "n3", "z3"), at("d", 1, "n4", "z4")}, 4, "OneCluster", "4 of 4"},
		{"a part of a wider network", []plan.Placement{at("a", 1, "n1", "z1")}, 4, "Spread", ""},
		{"power counts, not heads", []plan.Placement{at("a", 12, "n1", "z1"), at("b", 7, "n2", "z2"), at("c", 7, "n3", "z3")}, 36, "OneNode", "12 of 36"},
		{"an unknown node is no node", []plan.Placement{at("a", 1, "", ""), at("b", 1, "", "")}, 8, "Spread", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := plan.DomainRisk(tt.places, tt.total)
			if v.Reason != tt.reason || !strings.Contains(v.Message, tt.names) {
				t.Errorf("%s: %s, want %s naming %q", v.Reason, v.Message, tt.reason, tt.names)
			}
		})
	}
}

func TestReclaimDelete(t *testing.T) {
	for _, tt := range []struct {
		name    string
		classes []plan.Class
		want    metav1.ConditionStatus
	}{
		{"retain", []plan.Class{{Name: "a"}}, metav1.ConditionFalse},
		{"one deletes", []plan.Class{{Name: "a"}, {Name: "b", Deletes: true}}, metav1.ConditionTrue},
		{"unknown", []plan.Class{{Name: "a", Problem: "the operator may not read it"}}, metav1.ConditionUnknown},
		{"unknown and deletes", []plan.Class{{Problem: "it was not found"}, {Name: "b", Deletes: true}}, metav1.ConditionTrue},
	} {
		if v := plan.ReclaimDelete(tt.classes); v.Status != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, v.Status, tt.want)
		}
	}
}
