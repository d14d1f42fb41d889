package charts_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

var (
	api    *apitest.Server
	update = flag.Bool("update", false, "write the golden files")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(apitest.Main(m, &api, apitest.Options{WithoutCRDs: true}))
}

// helmLimit bounds one run of Helm, the first of which may compile it.
const helmLimit = 15 * time.Minute

const (
	chart = "bedrock-operator"
	// kubeVersion stands for a cluster's where there is none; Helm's own guess is old.
	kubeVersion = "1.37.0"
)

func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), helmLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../hack/charts/helm", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	err := cmd.Run()
	if err != nil {
		return errs.String(), err
	}
	return out.String(), nil
}

func mustHelm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := helm(t, args...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func TestLint(t *testing.T) {
	mustHelm(t, "lint", "--strict", chart)
}

func TestTemplates(t *testing.T) {
	for name, values := range map[string][]string{
		"defaults":   nil,
		"namespaced": {"--set", "namespaces={bedrock,other}", "--set", "operatorSecrets={brought}", "--set", "clusterReader=false", "--set", "userRoles=false"},
		"all-set": {"--set", "image.digest=sha256:" + strings.Repeat("ab", 32), "--set", "replicas=2", "--set", "keyClaims=false", "--set", "image.pullSecrets[0].name=pull",
			"--set", "nodeSelector.pool=system", "--set", "tolerations[0].operator=Exists", "--set", "priorityClassName=high", "--set", "podLabels.team=chain", "--set", "podAnnotations.note=x", "--set", "serviceAccount.annotations.role=y", "--set", "logLevel=debug"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustHelm(t, append([]string{"template", chart, chart, "--kube-version", kubeVersion, "-n", "bedrock-system", "--set", "crds.install=false"}, values...)...)
			got = withoutRules(got)
			path := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; run with -update to write it", err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s differs (-want +got):\n%s", path, d)
			}
		})
	}
}

// withoutRules leaves out the rules of roles, which are generated from the controllers'
// markers: TestRules holds those.
func withoutRules(made string) string {
	var out strings.Builder
	generated, inRules := false, false
	for line := range strings.Lines(made) {
		switch {
		case strings.HasPrefix(line, "# Source: "):
			generated, inRules = strings.Contains(line, "/roles.yaml") || strings.Contains(line, "/users.yaml"), false
		case generated && strings.HasPrefix(line, "rules:"):
			inRules = true
		case line == "---\n":
			inRules = false
		}
		if !inRules {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestRules: the chart grants what config/rbac does, and no Secret but those that are
// named.
func TestRules(t *testing.T) {
	type role struct {
		Kind     string                `json:"kind"`
		Metadata struct{ Name string } `json:"metadata"`
		Rules    []rbacv1.PolicyRule   `json:"rules"`
	}
	roles := func(values ...string) map[string]role {
		out := map[string]role{}
		for _, part := range strings.Split(mustHelm(t, append([]string{"template", chart, chart, "--kube-version", kubeVersion, "--show-only", "templates/roles.yaml"}, values...)...), "\n---\n") {
			var r role
			if err := yaml.Unmarshal([]byte(part), &r); err != nil {
				t.Fatal(err)
			}
			if r.Kind == "Role" || r.Kind == "ClusterRole" {
				out[r.Metadata.Name] = r
			}
		}
		return out
	}
	wide := roles()
	for name, file := range map[string]string{"bedrock-operator": "operator", "bedrock-operator-claims": "claims", "bedrock-operator-nodes": "nodes"} {
		raw, err := os.ReadFile("../config/rbac/" + file + "/role.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var want role
		if err := yaml.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.Rules, wide[name].Rules); d != "" || len(want.Rules) == 0 {
			t.Errorf("%s has other rules than config/rbac/%s (-want +got):\n%s", name, file, d)
		}
	}
	narrow := roles("-n", "here", "--set", "namespaces={a}", "--set", "operatorSecrets={brought}", "--set", "clusterReader=false")
	if len(narrow) != 2 || narrow["bedrock-operator"].Kind != "Role" || narrow["bedrock-operator-claims.here"].Kind != "ClusterRole" {
		t.Errorf("in a named namespace there are %d roles, want the Role, and the claims' cluster role by the name of the install's namespace", len(narrow))
	}
	for mode, rules := range map[string][]rbacv1.PolicyRule{
		"in a named namespace": narrow["bedrock-operator"].Rules,
		"everywhere":           roles("--set", "operatorSecrets={brought}")["bedrock-operator"].Rules,
	} {
		var named []string
		for _, r := range rules {
			if !slices.Contains(r.Resources, "secrets") {
				continue
			}
			if len(r.ResourceNames) == 0 {
				t.Errorf("%s it may %v any Secret", mode, r.Verbs)
			}
			named = append(named, r.ResourceNames...)
		}
		slices.Sort(named)
		if want := []string{names.OperatorKeys, "brought"}; !slices.Equal(slices.Compact(named), want) {
			t.Errorf("%s it may read the Secrets %v, want %v", mode, named, want)
		}
	}
}

func TestValuesThatMakeNoSense(t *testing.T) {
	for value, says := range map[string]string{
		"replicas=9":                "replicas",
		"image.repository=":         "image/repository",
		"image.digest=latest":       "image/digest",
		"image.pullPolicy=Sometime": "image/pullPolicy",
		"namespaces={Bad_Name}":     "namespaces/0",
		"logLevel=loud":             "logLevel",
		"replica=2":                 "replica",
		"crds.instal=true":          "instal",
	} {
		out, err := helm(t, "template", chart, chart, "--kube-version", kubeVersion, "--set", value)
		if err == nil {
			t.Errorf("%s is not refused", value)
		} else if !strings.Contains(out, says) {
			t.Errorf("%s is refused without %q:\n%s", value, says, out)
		}
	}
}

// TestCRDsAreTheProject's, kept on uninstall.
func TestCRDsAreTheProjects(t *testing.T) {
	type object struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name        string            `json:"name"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec map[string]any `json:"spec"`
	}
	made := map[string]object{}
	for _, part := range strings.Split(mustHelm(t, "template", chart, chart, "--kube-version", kubeVersion, "--show-only", "templates/crds.yaml"), "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			t.Fatal(err)
		}
		made[o.Metadata.Name] = o
	}
	files, err := filepath.Glob("../config/crd/bases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d CRDs, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want object
		if err := yaml.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		got := made[want.Metadata.Name]
		if d := cmp.Diff(want.Spec, got.Spec); d != "" {
			t.Errorf("%s is not config/crd's: run 'make manifests' (-want +got):\n%s", want.Metadata.Name, d)
		}
		if got.Metadata.Annotations["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s goes when the chart is uninstalled", want.Metadata.Name)
		}
	}
}
