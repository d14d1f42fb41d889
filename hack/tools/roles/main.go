package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

const header = "# Generated from the controllers' markers by 'make manifests'. Do not edit.\n"

func main() {
	root := flag.String("C", ".", "root of the tree")
	in := flag.String("in", "", "the ClusterRole that controller-gen wrote")
	flag.Parse()
	if err := run(*root, *in); err != nil {
		fmt.Fprintln(os.Stderr, "roles:", err)
		os.Exit(1)
	}
}

func run(root, in string) error {
	raw, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(raw, &role); err != nil {
		return fmt.Errorf("read %s: %w", in, err)
	}
	if err := check(role.Rules); err != nil {
		return err
	}
	parts := split(role.Rules)
	for _, f := range []struct {
		path string
		body any
	}{
		{"config/rbac/operator/role.yaml", clusterRole("bedrock-operator", parts.namespaced)},
		{"config/rbac/claims/role.yaml", clusterRole("bedrock-operator-claims", parts.claims)},
		{"config/rbac/nodes/role.yaml", clusterRole("bedrock-operator-nodes", parts.cluster)},
		{"config/namespaced/role.yaml", namespacedRole(parts.namespaced)},
		{"charts/bedrock-operator/files/rules/namespaced.yaml", parts.namespaced},
		{"charts/bedrock-operator/files/rules/claims.yaml", parts.claims},
		{"charts/bedrock-operator/files/rules/nodes.yaml", parts.cluster},
	} {
		if err := write(filepath.Join(root, f.path), f.body); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, body any) error {
	raw, err := yaml.Marshal(body)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(header), raw...), 0o644)
}

// manifest is a role without the empty fields of the API's own type.
type manifest struct {
	APIVersion string              `json:"apiVersion"`
	Kind       string              `json:"kind"`
	Metadata   metadata            `json:"metadata"`
	Rules      []rbacv1.PolicyRule `json:"rules"`
}

type metadata struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace,omitempty"`
	Labels    map[string]string `json:"labels"`
}

func clusterRole(name string, rules []rbacv1.PolicyRule) manifest {
	return manifest{"rbac.authorization.k8s.io/v1", "ClusterRole", metadata{Name: name, Labels: labels()}, rules}
}

func namespacedRole(rules []rbacv1.PolicyRule) manifest {
	return manifest{"rbac.authorization.k8s.io/v1", "Role", metadata{"bedrock-operator", "bedrock-system", labels()}, rules}
}

func labels() map[string]string {
	return map[string]string{"app.kubernetes.io/name": "bedrock-operator"}
}
