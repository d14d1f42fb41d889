package main

import (
	"reflect"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

func rule(group, resources, verbs string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: strings.Fields(resources), Verbs: strings.Fields(verbs)}
}

func TestEveryRuleComesOutInOnePart(t *testing.T) {
	got := split([]rbacv1.PolicyRule{
		rule("", "namespaces pods nodes pods/eviction", "get list"),
		rule("bedrock.dev", "validators validatorkeyclaims validators/status", "get"),
		rule("storage.k8s.io", "storageclasses", "get"),
	})
	want := parts{
		namespaced: []rbacv1.PolicyRule{rule("", "namespaces pods pods/eviction", "get list"), rule("bedrock.dev", "validators validators/status", "get")},
		claims:     []rbacv1.PolicyRule{rule("bedrock.dev", "validatorkeyclaims", "get")},
		cluster:    []rbacv1.PolicyRule{rule("", "namespaces nodes", "get list"), rule("storage.k8s.io", "storageclasses", "get")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parts are\n%v\nwant\n%v", got, want)
	}
}

func named(r rbacv1.PolicyRule) rbacv1.PolicyRule {
	r.ResourceNames = []string{"one"}
	return r
}

func TestRightsThatAreRefused(t *testing.T) {
	for name, r := range map[string]rbacv1.PolicyRule{
		"wildcard":        rule("", "*", "get"),
		"exec":            rule("", "pods/exec", "create"),
		"any secret":      rule("", "secrets", "get"),
		"made freely":     rule("", "secrets", "create"),
		"list of secrets": named(rule("", "secrets", "list")),
		"watch":           named(rule("", "secrets", "get watch")),
		"escalate":        rule("rbac.authorization.k8s.io", "roles", "escalate"),
	} {
		if check([]rbacv1.PolicyRule{r}) == nil {
			t.Errorf("%s is not refused", name)
		}
	}
	if err := check([]rbacv1.PolicyRule{named(rule("", "secrets", "get create patch delete")), rule("", "pods/eviction", "create")}); err != nil {
		t.Errorf("rights that are needed are refused: %v", err)
	}
}
