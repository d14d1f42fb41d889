package main

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// parts are the operator's rules by what they are bound to.
type parts struct {
	namespaced, claims, cluster []rbacv1.PolicyRule
}

// clusterScoped are resources that belong to no namespace, as group/resource.
var clusterScoped = map[string]bool{
	"/nodes": true, "/namespaces": true, "/persistentvolumes": true,
	"storage.k8s.io/storageclasses": true, "storage.k8s.io/csidrivers": true,
	"storage.k8s.io/volumeattachments": true, "scheduling.k8s.io/priorityclasses": true,
	"apiextensions.k8s.io/customresourcedefinitions": true,
}

// split gives each resource of each rule to its part.
func split(rules []rbacv1.PolicyRule) parts {
	p := parts{namespaced: []rbacv1.PolicyRule{}, claims: []rbacv1.PolicyRule{}, cluster: []rbacv1.PolicyRule{}}
	for _, r := range rules {
		for _, group := range r.APIGroups {
			kept := map[*[]rbacv1.PolicyRule][]string{}
			for _, resource := range r.Resources {
				to := p.of(group, resource)
				kept[to] = append(kept[to], resource)
				if group == "" && resource == "namespaces" {
					kept[&p.namespaced] = append(kept[&p.namespaced], resource)
				}
			}
			for _, to := range []*[]rbacv1.PolicyRule{&p.namespaced, &p.claims, &p.cluster} {
				if len(kept[to]) == 0 {
					continue
				}
				part := *r.DeepCopy()
				part.APIGroups, part.Resources = []string{group}, kept[to]
				*to = append(*to, part)
			}
		}
	}
	return p
}

func (p *parts) of(group, resource string) *[]rbacv1.PolicyRule {
	name, _, _ := strings.Cut(resource, "/")
	switch {
	case group == "bedrock.dev" && name == "validatorkeyclaims":
		return &p.claims
	case clusterScoped[group+"/"+name]:
		return &p.cluster
	}
	return &p.namespaced
}

// check refuses rights that the operator must not have.
func check(rules []rbacv1.PolicyRule) error {
	for _, r := range rules {
		for _, list := range [][]string{r.APIGroups, r.Resources, r.Verbs} {
			if slices.Contains(list, "*") {
				return fmt.Errorf("a rule of %v has a wildcard: name each", r.Resources)
			}
		}
		if len(r.NonResourceURLs) > 0 {
			return fmt.Errorf("a rule names URLs %v: the operator needs none", r.NonResourceURLs)
		}
		for _, resource := range r.Resources {
			if slices.Contains([]string{"pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"}, resource) {
				return fmt.Errorf("a rule grants %s: the operator must not enter pods", resource)
			}
			if resource != "secrets" {
				continue
			}
			if len(r.ResourceNames) == 0 {
				return fmt.Errorf("a rule grants %v of any Secret: name the operator's own", r.Verbs)
			}
			for _, verb := range r.Verbs {
				if !slices.Contains([]string{"get", "create", "patch", "delete"}, verb) {
					return fmt.Errorf("a rule grants %s of Secrets: only get, create, patch and delete of the operator's own, by name", verb)
				}
			}
		}
		for _, verb := range r.Verbs {
			if slices.Contains([]string{"escalate", "bind", "impersonate"}, verb) {
				return fmt.Errorf("a rule of %v grants %s", r.Resources, verb)
			}
		}
	}
	return nil
}
