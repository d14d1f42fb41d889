package build_test

import (
	"bytes"
	"flag"
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

var update = flag.Bool("update", false, "write the golden files")

func ptr[T any](v T) *T { return &v }

// sample is the third of four validators of a network.
func sample() *build.Instance {
	return &build.Instance{
		Namespace: "chains", Validator: "net-2", UID: "0b7e5f1c-1111-4222-8333-944455556666", Network: "net", Number: 1,
		ChainID: "try-it", Genesis: v1alpha1.Hash(strings.Repeat("a1", 32)), GenesisConfigMap: "net-genesis-a1a1a1a1a1a1",
		Scheme: v1alpha1.SchemeEd25519, Moniker: "net-2", Image: "bedrock.dev/node:dev",
		Marks: []string{"c1a1a1a1-0000-4000-8000-000000000001", "c1b2b2b2-0000-4000-8000-000000000002"},
		Peers: []string{
			strings.Repeat("01", 32) + "@net-0-i1.chains.svc:7600",
			strings.Repeat("02", 32) + "@net-1-i1.chains.svc:7600",
			strings.Repeat("04", 32) + "@net-3-i1.chains.svc:7600",
		},
		Announce:  []string{"net-2-i1-p2p.chains.svc:7600"},
		AdminKeys: []v1alpha1.Ed25519Key{v1alpha1.Ed25519Key(strings.Repeat("0e", 32))},
		Sync:      "auto",
		Compute:   v1alpha1.Compute{CPU: resource.MustParse("1"), Memory: resource.MustParse("2Gi")},
		Storage: v1alpha1.Storage{
			Chain:  v1alpha1.Volume{Size: resource.MustParse("20Gi")},
			Signer: v1alpha1.Volume{Size: resource.MustParse("1Gi")},
		},
		Exposure: v1alpha1.Exposure{Type: v1alpha1.ExposureClusterIP},
		Keys:     v1alpha1.KeySource{Source: v1alpha1.KeysVolume},
		OwnHost:  true, SignerAccess: build.ReadWriteOnce, ClusterMark: build.MarkCluster, OperatorNamespace: "bedrock-system",
	}
}

func with(change func(*build.Instance)) *build.Instance {
	in := sample()
	change(in)
	return in
}

// full sets every choice to its other value.
func full() *build.Instance {
	return with(func(in *build.Instance) {
		in.Number, in.OwnHost, in.Stopped = 2, false, true
		in.AvoidHosts = []string{"node-b", "node-a", "node-b"}
		in.Scheduling = v1alpha1.Scheduling{
			NodeSelector: map[string]string{"pool": "validators"}, Zone: "eu-1a", PriorityClassName: "chain",
			Tolerations: []corev1.Toleration{{Key: "pool", Operator: corev1.TolerationOpEqual, Value: "validators", Effect: corev1.TaintEffectNoSchedule},
				{Key: "node.kubernetes.io/unreachable", Operator: corev1.TolerationOpExists, TolerationSeconds: ptr(int64(60))}},
		}
		in.Exposure = v1alpha1.Exposure{Type: v1alpha1.ExposureLoadBalancer, Annotations: map[string]string{"cloud.example/address": "static-1"}}
		in.Keys = v1alpha1.KeySource{Source: v1alpha1.KeysSecret, Secret: "brought"}
		in.Scheme, in.Sync, in.SignerAccess, in.ClusterMark = v1alpha1.SchemeBLS12381, "blocks", build.ReadWriteOncePod, build.MarkNamespace
		in.Storage.Signer.StorageClassName = ptr("local")
		in.Network = ""
	})
}

func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		name   string
		object any
	}{
		{"statefulset", build.StatefulSet(sample())},
		{"statefulset-full", build.StatefulSet(full())},
		{"statefulset-hostport", build.StatefulSet(with(func(in *build.Instance) {
			in.Exposure = v1alpha1.Exposure{Type: v1alpha1.ExposureHostPort, HostPort: ptr(int32(30600))}
		}))},
		{"identity-job", build.IdentityJob(sample())},
		{"identity-job-full", build.IdentityJob(full())},
		{"configmap", build.ConfigMap(sample())},
		{"service-node", build.NodeService(sample())},
		{"service-p2p", build.P2PService(sample())},
		{"service-p2p-nodeport", build.P2PService(with(func(in *build.Instance) { in.Exposure.Type = v1alpha1.ExposureNodePort }))},
		{"service-p2p-loadbalancer", build.P2PService(full())},
		{"serviceaccount", build.ServiceAccount(sample())},
		{"networkpolicy", build.NetworkPolicy(sample())},
		{"claim-signer", build.SignerClaim(sample())},
		{"claim-signer-full", build.SignerClaim(full())},
		{"claim-chain", build.ChainClaim(sample())},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := yaml.Marshal(tt.object)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", tt.name+".yaml")
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
				t.Errorf("%s differs (-want +got); go test ./controllers/build -update writes it:\n%s", path, cmp.Diff(string(want), string(got)))
			}
		})
	}
}

// rule: no-owner
func TestNoOwner(t *testing.T) {
	for _, in := range []*build.Instance{sample(), full()} {
		for _, claim := range []*corev1.PersistentVolumeClaim{build.SignerClaim(in), build.ChainClaim(in)} {
			if len(claim.OwnerReferences) > 0 || len(claim.Finalizers) > 0 {
				t.Errorf("%s has owners %v: garbage collection would take it", claim.Name, claim.OwnerReferences)
			}
			if claim.Annotations[v1alpha1.AnnotationOwnerUID] != string(in.UID) {
				t.Errorf("%s names no maker", claim.Name)
			}
		}
	}
}

// rule: peers-by-name, exposure
func TestWhatARunningNodeReadsAgainRestartsNobody(t *testing.T) {
	before := build.ConfigHash(sample())
	for _, tt := range []struct {
		name    string
		change  func(*build.Instance)
		restart bool
	}{
		{"a larger set", func(in *build.Instance) {
			in.Peers = append(in.Peers, strings.Repeat("05", 32)+"@net-4-i1.chains.svc:7600")
		}, false},
		{"another address", func(in *build.Instance) { in.Announce = []string{"192.0.2.7:30600"} }, false},
		{"another image", func(in *build.Instance) { in.Image = "bedrock.dev/node:next" }, false}, // the image is compared by itself
		{"hosts to avoid", func(in *build.Instance) { in.AvoidHosts = []string{"a"} }, false},
		{"own hosts", func(in *build.Instance) { in.OwnHost = false }, false},
		{"more memory", func(in *build.Instance) { in.Compute.Memory = resource.MustParse("4Gi") }, true},
		{"another genesis", func(in *build.Instance) { in.Genesis = v1alpha1.Hash(strings.Repeat("b2", 32)) }, true},
		{"other marks", func(in *build.Instance) { in.Marks = []string{"x", "y"} }, true},
		{"another way to sync", func(in *build.Instance) { in.Sync = "blocks" }, true},
		{"another operator's key", func(in *build.Instance) { in.AdminKeys = nil }, true},
		{"another name", func(in *build.Instance) { in.Moniker = "n" }, true},
	} {
		if got := build.ConfigHash(with(tt.change)) != before; got != tt.restart {
			t.Errorf("%s: restart %v, want %v", tt.name, got, tt.restart)
		}
	}
}

func TestSmallNodesGetSmallCaches(t *testing.T) {
	for memory, want := range map[string]string{"256Mi": "write_buffer_bytes: 16777216", "64Mi": "write_buffer_bytes: 8388608", "64Gi": "write_buffer_bytes: 1073741824"} {
		text := build.ConfigMap(with(func(in *build.Instance) { in.Compute.Memory = resource.MustParse(memory) })).Data["config.yaml"]
		if !strings.Contains(text, want) {
			t.Errorf("with %s of memory, want %q in\n%s", memory, want, text)
		}
	}
}
