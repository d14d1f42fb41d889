package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
)

func TestOwnHostFromFourValidatorsOn(t *testing.T) {
	count := func(n int32) *v1alpha1.BedrockNetwork {
		return &v1alpha1.BedrockNetwork{Spec: v1alpha1.BedrockNetworkSpec{Validators: v1alpha1.Validators{Count: &n}}}
	}
	groups := &v1alpha1.BedrockNetwork{Spec: v1alpha1.BedrockNetworkSpec{Validators: v1alpha1.Validators{Groups: []v1alpha1.ValidatorGroup{{Count: 2}, {Count: 2}}}}}
	for _, tt := range []struct {
		choice  v1alpha1.HostAntiAffinity
		network *v1alpha1.BedrockNetwork
		want    bool
	}{
		{v1alpha1.HostAntiAffinityAutomatic, count(1), false},
		{v1alpha1.HostAntiAffinityAutomatic, count(3), false},
		{v1alpha1.HostAntiAffinityAutomatic, count(4), true},
		{"", count(7), true},
		{v1alpha1.HostAntiAffinityAutomatic, groups, true},
		{v1alpha1.HostAntiAffinityPreferred, count(7), false},
		{v1alpha1.HostAntiAffinityRequired, count(1), true},
		{v1alpha1.HostAntiAffinityAutomatic, nil, false},
	} {
		if got := plan.OwnHost(tt.choice, plan.Count(tt.network)); got != tt.want {
			t.Errorf("%q with %d validators: %v", tt.choice, plan.Count(tt.network), got)
		}
	}
}

// rule: peers-by-name
func TestPeersByName(t *testing.T) {
	of := func(name, network string, instances ...v1alpha1.Instance) v1alpha1.Validator {
		return v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name},
			Spec:   v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: v1alpha1.Name(network)}},
			Status: v1alpha1.ValidatorStatus{Instances: instances}}
	}
	entry := func(n int32, role v1alpha1.InstanceRole, id string) v1alpha1.Instance {
		return v1alpha1.Instance{Number: n, Role: role, Identity: v1alpha1.Ed25519Key(id)}
	}
	self := of("b", "net", entry(1, "Active", "b1"), entry(2, "Successor", "b2"))
	held := of("e", "net", entry(1, "Active", "e1"))
	now := metav1.Now()
	held.DeletionTimestamp = &now
	all := []v1alpha1.Validator{
		self,
		of("d", "net", entry(1, "Active", "d1")),
		held,
		of("a", "net", entry(1, "Superseded", "a1"), entry(2, "Active", "a2"), entry(3, "Successor", "")),
		of("x", "other", entry(1, "Active", "x1")),
	}
	want := []string{"a2@a-i2.ns.svc:7600", "b2@b-i2.ns.svc:7600", "d1@d-i1.ns.svc:7600", "e1@e-i1.ns.svc:7600"}
	if diff := cmp.Diff(want, plan.Peers(&self, 1, all)); diff != "" {
		t.Error(diff)
	}
	foreign := func(name, hash string) v1alpha1.Validator {
		v := of(name, "", entry(1, "Active", name+"1"))
		v.Spec.Chain = v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: &v1alpha1.ForeignChain{Genesis: v1alpha1.GivenGenesis{Hash: v1alpha1.Hash(hash)}}}
		return v
	}
	guest := foreign("guest", "one")
	others := []v1alpha1.Validator{guest, foreign("same", "one"), foreign("stranger", "two")}
	if diff := cmp.Diff([]string{"same1@same-i1.ns.svc:7600"}, plan.Peers(&guest, 1, others)); diff != "" {
		t.Errorf("of foreign chains: %s", diff)
	}
}

func TestAVolumeKeepsItsHostUntilItsPodRuns(t *testing.T) {
	claim := func(v, node string) corev1.PersistentVolumeClaim {
		return corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: v + "-signer-1", Labels: map[string]string{v1alpha1.LabelValidator: v, v1alpha1.LabelInstance: "1"},
			Annotations: map[string]string{plan.SelectedNode: node}}}
	}
	pod := func(v, node, component string) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.LabelValidator: v, v1alpha1.LabelInstance: "1", v1alpha1.LabelComponent: component}},
			Spec: corev1.PodSpec{NodeName: node}}
	}
	claims := []corev1.PersistentVolumeClaim{claim("a", "n1"), claim("b", "n2"), claim("c", "n3"), claim("self", "n4")}
	pods := []corev1.Pod{pod("a", "n9", v1alpha1.ComponentValidator), pod("b", "n2", v1alpha1.ComponentIdentity)}
	if diff := cmp.Diff([]string{"n2", "n3"}, plan.Held("self", claims, pods)); diff != "" {
		t.Error(diff)
	}
}

func TestAFullNodesVolumeHoldsNoHost(t *testing.T) {
	full := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Name:        "chain-net-full-0",
		Labels:      map[string]string{v1alpha1.LabelNetwork: "net", v1alpha1.LabelComponent: v1alpha1.ComponentFullNode},
		Annotations: map[string]string{plan.SelectedNode: "n1"},
	}}
	if held := plan.Held("self", []corev1.PersistentVolumeClaim{full}, nil); len(held) != 0 {
		t.Errorf("%v is kept from validators: a full node may share its host with one", held)
	}
}

func TestIdentityJobsArePlacedOneAfterTheOther(t *testing.T) {
	bound := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "a-signer-1"}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-1"}}
	open := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "b-signer-1"}}
	for _, tt := range []struct {
		name   string
		claims []corev1.PersistentVolumeClaim
		jobs   []string
		stuck  map[string]bool
		busy   string
	}{
		{"nobody", nil, nil, nil, ""},
		{"itself", []corev1.PersistentVolumeClaim{open}, []string{"self-identity-1"}, nil, ""},
		{"another one has its volume", []corev1.PersistentVolumeClaim{bound}, []string{"a-identity-1"}, nil, ""},
		{"another one is being placed", []corev1.PersistentVolumeClaim{bound, open}, []string{"a-identity-1", "b-identity-1"}, nil, "b-identity-1"},
		{"another one finds no host", []corev1.PersistentVolumeClaim{open}, []string{"b-identity-1"}, map[string]bool{"b-identity-1": true}, ""},
	} {
		if got, busy := plan.Placing("self-identity-1", tt.claims, tt.jobs, tt.stuck); got != tt.busy || busy != (tt.busy != "") {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}
