package build_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
)

func fullNodes() *build.FullNodes {
	return &build.FullNodes{
		Namespace: "chains", Network: "net", UID: "0b7e5f1c-1111-4222-8333-944455556666",
		Genesis: v1alpha1.Hash(strings.Repeat("a1", 32)), GenesisConfigMap: "net-genesis-a1a1a1a1a1a1",
		Scheme: v1alpha1.SchemeEd25519, Image: "bedrock.dev/node:dev",
		Peers: []string{strings.Repeat("01", 32) + "@net-0-i1.chains.svc:7600"},
		Spec: v1alpha1.FullNodes{Replicas: new(int32(2)), Compute: v1alpha1.Compute{CPU: resource.MustParse("1"), Memory: resource.MustParse("2Gi")},
			Storage: v1alpha1.Volume{Size: resource.MustParse("20Gi")}},
	}
}

func TestFullNodesGolden(t *testing.T) {
	for name, object := range map[string]any{
		"fullnode-statefulset": build.FullNodeStatefulSet(fullNodes()),
		"fullnode-configmap":   build.FullNodeConfigMap(fullNodes()),
		"fullnode-service":     build.FullNodeService(fullNodes()),
	} {
		got, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".yaml")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v (go test ./controllers/build -update writes it)", err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs (-want +got):\n%s", path, cmp.Diff(string(want), string(got)))
		}
	}
}

func TestFullNodesAreRestrictedAndGuaranteed(t *testing.T) {
	raw, err := json.Marshal(build.FullNodeStatefulSet(fullNodes()).Spec.Template.Spec)
	if err != nil {
		t.Fatal(err)
	}
	var p corev1.PodSpec
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(p.InitContainers, p.Containers...) {
		checkContainer(t, &c)
	}
	p.InitContainers = nil
	checkPod(t, &p)
}

// rule: peers-by-name
func TestMorePeersRestartNoFullNode(t *testing.T) {
	f := fullNodes()
	before := build.FullNodeStatefulSet(f).Spec.Template.Annotations
	f.Peers = append(f.Peers, strings.Repeat("02", 32)+"@net-1-i1.chains.svc:7600")
	if diff := cmp.Diff(before, build.FullNodeStatefulSet(f).Spec.Template.Annotations); diff != "" {
		t.Errorf("another peer restarts full nodes: %s", diff)
	}
	f.Spec.Compute.Memory = resource.MustParse("4Gi")
	if cmp.Equal(before, build.FullNodeStatefulSet(f).Spec.Template.Annotations) {
		t.Error("more memory changes the caches and restarts nothing")
	}
}

// A client in Go can ask for none: zero is told from nothing said.
func TestNoneIsSaid(t *testing.T) {
	for _, c := range []struct {
		of   *v1alpha1.FullNodes
		want int32
		text string
	}{
		{nil, 0, "null"},
		{&v1alpha1.FullNodes{}, 1, "{}"},
		{&v1alpha1.FullNodes{Replicas: new(int32(0))}, 0, `{"replicas":0}`},
	} {
		text, err := json.Marshal(c.of)
		if err != nil || string(text) != c.text || c.of.Count() != c.want {
			t.Errorf("%s (%v) asks for %d full nodes, want %d as %s", text, err, c.of.Count(), c.want, c.text)
		}
	}
}
