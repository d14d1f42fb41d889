//go:build e2e

package operator

import (
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 13: an operator with Roles in one namespace and no cluster role but the key claims'
// runs a network under restricted Pod Security, says what it loses, and does by request
// what it cannot see. That its rights are used and enough is compared with the API
// server's audit log after every run.
func TestRow13InOneNamespace(t *testing.T) {
	ns := shared.namespace(t)
	(&network{T: t, cluster: shared}).operatorOnlyFor("bedrock-system") // it leaves ns alone
	shared.operatorIn(t, ns)
	noClusterRoleButClaims(t, ns)
	n := shared.deployIn(t, ns, func(b *v1alpha1.BedrockNetwork) { b.Spec.FullNodes = nil })
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })

	n.waitCondition(v1alpha1.NetworkRights, "False", "Missing", time.Minute, "zones", "cordons and taints", "takeover", "StorageClasses", "kube-system")
	n.waitCondition(v1alpha1.NetworkReclaimDelete, "Unknown", "ClassNotReadable", time.Minute)
	n.waitCondition(v1alpha1.NetworkDisruptable, "True", v1alpha1.ReasonDrainsNotSeen, time.Minute)
	for _, kind := range []string{v1alpha1.NetworkRights, v1alpha1.NetworkReclaimDelete, v1alpha1.NetworkDisruptable} {
		t.Log(n.story(n.get().Status.Conditions, kind))
	}

	// A cordon is not seen: nothing goes until a person says so.
	victim := n.validators()[1].Name
	was, host := n.running(victim), n.host(victim)
	n.cordon(host)
	ended := n.drain(host, victim)
	n.stays(l, victim, was, 100)
	n.bedrock("disrupt", victim, "--reason", "a new disk")
	n.goes(victim, was)
	n.kubectl(t, "uncordon", host)
	if err := <-ended; err != nil {
		t.Errorf("drain of %s: %v", host, err)
	}
	n.bedrock("disrupt", victim, "--cancel")
	n.quiet(4)
}

// noClusterRoleButClaims holds what the API server grants the operator of a namespace
// beyond it.
func noClusterRoleButClaims(t *testing.T, ns string) {
	t.Helper()
	account := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: "bedrock-operator", Namespace: ns}
	var bindings rbacv1.ClusterRoleBindingList
	must(t, shared.List(t.Context(), &bindings))
	var roles []string
	for _, b := range bindings.Items {
		if slices.Contains(b.Subjects, account) {
			roles = append(roles, b.RoleRef.Name)
		}
	}
	if len(roles) != 1 || !strings.HasPrefix(roles[0], "bedrock-operator-claims") {
		t.Fatalf("the operator of %s has the cluster roles %v, want that of the claims alone", ns, roles)
	}
	var role rbacv1.ClusterRole
	must(t, shared.Get(t.Context(), kube.ObjectKey{Name: roles[0]}, &role))
	for _, rule := range role.Rules {
		if !slices.Equal(rule.APIGroups, []string{"bedrock.dev"}) || !slices.Equal(rule.Resources, []string{"validatorkeyclaims"}) {
			t.Errorf("its cluster role grants %v of %v/%v", rule.Verbs, rule.APIGroups, rule.Resources)
		}
	}
	as := "--as=system:serviceaccount:" + ns + ":bedrock-operator"
	for _, question := range [][]string{
		{"list", "nodes"}, {"list", "pods", "-A"}, {"get", "secrets", "-n", ns}, {"list", "secrets", "-n", ns},
		{"create", "pods", "--subresource=exec", "-n", ns}, {"get", "namespaces"}, {"get", "secrets", "-n", "kube-system"},
	} {
		if out, err := shared.tryKubectl(append([]string{"auth", "can-i", as}, question...)...); err == nil {
			t.Errorf("the operator of %s may %s: %s", ns, strings.Join(question, " "), strings.TrimSpace(out))
		}
	}
}
