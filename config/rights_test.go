package config_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

var api *apitest.Server

func TestMain(m *testing.M) { os.Exit(apitest.Main(m, &api, apitest.Options{})) }

// apply writes the manifests of a folder, in a namespace where they have one.
func apply(t *testing.T, namespace string, folders ...string) {
	t.Helper()
	c := api.Client(t)
	for _, folder := range folders {
		files, err := filepath.Glob(folder)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for part := range strings.SplitSeq(string(raw), "\n---\n") {
				o := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(part), &o.Object); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				// As kustomize does: objects and subjects of a namespace get this one.
				if o.GetNamespace() != "" {
					o.SetNamespace(namespace)
				}
				if subjects, ok, _ := unstructured.NestedSlice(o.Object, "subjects"); ok {
					for _, s := range subjects {
						s.(map[string]any)["namespace"] = namespace
					}
					if err := unstructured.SetNestedSlice(o.Object, subjects, "subjects"); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.Create(t.Context(), o); err != nil {
					t.Fatalf("make %s %s: %v", o.GetKind(), o.GetName(), err)
				}
			}
		}
	}
}

// operator is a client with the rights of the operator in a namespace.
func operator(t *testing.T, namespace string) client.Client {
	t.Helper()
	config := rest.CopyConfig(api.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":bedrock-operator",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}}
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func secretOf(namespace, name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// ownSecret goes through the life of the operator's own Secret.
func ownSecret(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	ctx := t.Context()
	for _, entry := range []string{"a", "b"} { // made, then added to
		want := corev1ac.Secret(names.OperatorKeys, namespace).WithData(map[string][]byte{entry: []byte("x")})
		if err := c.Apply(ctx, want, client.FieldOwner("test-"+entry)); err != nil {
			t.Fatalf("apply its own Secret: %v", err)
		}
	}
	s := secretOf(namespace, names.OperatorKeys)
	if err := c.Get(ctx, client.ObjectKeyFromObject(s), s); err != nil || len(s.Data) != 2 {
		t.Fatalf("read its own Secret: %v, %d entries", err, len(s.Data))
	}
	if err := c.Delete(ctx, s); err != nil {
		t.Errorf("delete its own Secret: %v", err)
	}
}

// othersSecrets tries everything with Secrets that are not the operator's.
func othersSecrets(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	ctx := t.Context()
	other := secretOf(namespace, "others")
	if err := api.Client(t).Create(ctx, other); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"read":            func() error { return c.Get(ctx, client.ObjectKeyFromObject(other), secretOf(namespace, "others")) },
		"list":            func() error { return c.List(ctx, &corev1.SecretList{}, client.InNamespace(namespace)) },
		"list everywhere": func() error { return c.List(ctx, &corev1.SecretList{}) },
		"delete":          func() error { return c.Delete(ctx, secretOf(namespace, "others")) },
		"make":            func() error { return c.Create(ctx, secretOf(namespace, "new")) },
		"make its own unnamed": func() error { // a POST has no name when it is authorized
			return c.Create(ctx, secretOf(namespace, names.OperatorKeys))
		},
		"apply": func() error {
			return c.Apply(ctx, corev1ac.Secret("new", namespace).WithData(map[string][]byte{"k": nil}), client.FieldOwner("test"))
		},
		"change": func() error {
			return c.Apply(ctx, corev1ac.Secret("others", namespace).WithData(map[string][]byte{"k": nil}), client.FieldOwner("test"))
		},
	} {
		if err := try(); !apierrors.IsForbidden(err) {
			t.Errorf("%s Secrets of others: %v, want a refusal", what, err)
		}
	}
}

func TestSecretsByNameAloneClusterWide(t *testing.T) {
	ns := api.Namespace(t)
	apply(t, ns, "rbac/operator/role*.yaml", "rbac/claims/role*.yaml", "rbac/nodes/role*.yaml")
	c, other := operator(t, ns), api.Namespace(t)
	ownSecret(t, c, other)
	othersSecrets(t, c, other)
}

func TestSecretsByNameAloneInANamespace(t *testing.T) {
	ns, other := api.Namespace(t), api.Namespace(t)
	apply(t, ns, "namespaced/role*.yaml")
	c := operator(t, ns)
	ownSecret(t, c, ns)
	othersSecrets(t, c, ns)
	if err := c.Apply(t.Context(), corev1ac.Secret(names.OperatorKeys, other), client.FieldOwner("test")); !apierrors.IsForbidden(err) {
		t.Errorf("make its Secret in another namespace: %v", err)
	}
	for name, allowed := range map[string]bool{ns: true, other: false, metav1.NamespaceSystem: false} {
		err := c.Get(context.Background(), client.ObjectKey{Name: name}, &corev1.Namespace{})
		if allowed != (err == nil) || !allowed && !apierrors.IsForbidden(err) {
			t.Errorf("read namespace %s: %v, want allowed: %v", name, err, allowed)
		}
	}
}
