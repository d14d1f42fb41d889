package apicheck_test

import (
	"context"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/controllers/apitest"
)

var api *apitest.Server

func TestMain(m *testing.M) { os.Exit(apitest.Main(m, &api, apitest.Options{})) }

// Good specs, which the cases spoil.
const (
	network = `
apiVersion: bedrock.dev/v1alpha1
kind: BedrockNetwork
metadata: {name: net}
spec:
  chainID: net
  image: bedrock.dev/node:dev
  validators: {count: 4}
`
	validator = `
apiVersion: bedrock.dev/v1alpha1
kind: Validator
metadata: {name: val}
spec:
  chain: {type: Network, network: net}
`
	foreign = `
apiVersion: bedrock.dev/v1alpha1
kind: Validator
metadata: {name: val}
spec:
  image: bedrock.dev/node:dev
  chain:
    type: Foreign
    foreign:
      genesis: {configMap: doc, hash: "` + hash + `"}
      peers: ["` + hash + `@val-0.example.org:7600"]
`
	claim = `
apiVersion: bedrock.dev/v1alpha1
kind: ValidatorKeyClaim
metadata: {name: key-1}
spec:
  consensusKey: "` + hash + `"
  validator: {namespace: a, name: b, uid: "1"}
`
	hash  = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	other = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

// at is a change of a spec: the value at a path, none to take it away.
type at struct {
	path  string
	value any
}

// refusals are specs that the API server must refuse, each with what it must say.
var refusals = []struct {
	name string
	base string
	with []at
	says []string
}{
	{"a name too long for its pods'", network, []at{{"metadata.name", strings.Repeat("n", 41)}}, []string{"metadata.name must have at most 40 characters"}},
	{"a name with a dot, which no Service may have", network, []at{{"metadata.name", "net.one"}}, []string{"metadata.name must start with a letter and hold no dots"}},
	{"network and group names too long together", network, []at{{"metadata.name", strings.Repeat("n", 35)}, {"spec.validators", map[string]any{"groups": []any{group(strings.Repeat("g", 8), 4)}}}}, []string{"metadata.name and the name of each group must have at most 42 characters together"}},
	{"no chain id", network, []at{{"spec.chainID", nil}}, []string{"spec.chainID: Required value"}},
	{"a chain id in capitals", network, []at{{"spec.chainID", "Net"}}, []string{"spec.chainID", "should match '^[a-z0-9][a-z0-9-]*$'"}},
	{"a chain id too long", network, []at{{"spec.chainID", strings.Repeat("a", 49)}}, []string{"spec.chainID", "may not be more than 48"}},
	{"no image", network, []at{{"spec.image", nil}}, []string{"spec.image: Required value"}},
	{"an empty image", network, []at{{"spec.image", ""}}, []string{"spec.image"}},
	{"neither count nor groups", network, []at{{"spec.validators.count", nil}}, []string{"give validators.count, or validators.groups"}},
	{"count and groups", network, []at{{"spec.validators.groups", []any{group("a", 1)}}}, []string{"give validators.count, or validators.groups", "not both"}},
	{"no validator", network, []at{{"spec.validators.count", int64(0)}}, []string{"spec.validators.count", "greater than or equal to 1"}},
	{"101 validators", network, []at{{"spec.validators.count", int64(101)}}, []string{"spec.validators.count", "less than or equal to 100"}},
	{"101 validators in groups", network, []at{{"spec.validators", map[string]any{"groups": []any{group("a", 51), group("b", 50)}}}}, []string{"a network has at most 100"}},
	{"two groups of one name", network, []at{{"spec.validators", map[string]any{"groups": []any{group("a", 1), group("a", 2)}}}}, []string{"spec.validators.groups[1]: Duplicate value"}},
	{"a power of nothing", network, []at{{"spec.validators.template.power", int64(0)}}, []string{"spec.validators.template.power", "greater than or equal to 1"}},
	{"sentries", network, []at{{"spec.sentries", map[string]any{"replicas": int64(2)}}}, []string{"sentries are not supported yet: remove the field; use fullNodes"}},
	{"a given genesis that is not named", network, []at{{"spec.genesis", map[string]any{"type": "Given"}}}, []string{"genesis.given goes with type Given, and that type needs it"}},
	{"a ceremony beside a given genesis", network, []at{{"spec.genesis", map[string]any{"type": "Given", "given": map[string]any{"configMap": "doc", "hash": hash}, "ceremony": map[string]any{}}}}, []string{"genesis.ceremony goes with type Ceremony"}},
	{"a genesis hash that is none", network, []at{{"spec.genesis", map[string]any{"type": "Given", "given": map[string]any{"configMap": "doc", "hash": "abc"}}}}, []string{"spec.genesis.given.hash", "should match '^[0-9a-f]{64}$'"}},
	{"an authority that cannot sign", network, []at{{"spec.genesis", map[string]any{"type": "Ceremony", "ceremony": map[string]any{"authority": map[string]any{"threshold": int64(2), "members": []any{hash}}}}}}, []string{"authority.threshold cannot be above the number of authority.members"}},
	{"one authority key twice", network, []at{{"spec.genesis", map[string]any{"type": "Ceremony", "ceremony": map[string]any{"authority": map[string]any{"threshold": int64(2), "members": []any{hash, hash}}}}}}, []string{"authority.members[1]: Duplicate value"}},
	{"a balance that is no number", network, []at{{"spec.genesis", map[string]any{"type": "Ceremony", "ceremony": map[string]any{"accounts": []any{map[string]any{"publicKey": hash, "balance": "-1"}}}}}}, []string{"balance", "should match '^[0-9]{1,20}$'"}},
	{"blocks too small", network, []at{{"spec.genesis", map[string]any{"type": "Ceremony", "ceremony": map[string]any{"maxBlockBytes": int64(1000)}}}}, []string{"maxBlockBytes", "greater than or equal to 65536"}},
	{"an unknown scheme", network, []at{{"spec.genesis", map[string]any{"type": "Ceremony", "ceremony": map[string]any{"scheme": "RSA"}}}}, []string{"scheme: Unsupported value", `"Ed25519", "BLS12381"`}},
	{"a signer volume of no use", network, []at{{"spec.validators.template.storage", map[string]any{"signer": map[string]any{"size": "1Mi"}}}}, []string{"storage.signer.size", "a volume below 64Mi is of no use"}},
	{"too little CPU", network, []at{{"spec.validators.template.compute", map[string]any{"cpu": "10m"}}}, []string{"compute.cpu", "a node needs at least 50m of CPU"}},
	{"too little memory", network, []at{{"spec.fullNodes", map[string]any{"compute": map[string]any{"memory": "64Mi"}}}}, []string{"compute.memory", "a node needs at least 256Mi of memory"}},
	{"too many full nodes", network, []at{{"spec.fullNodes", map[string]any{"replicas": int64(51)}}}, []string{"fullNodes.replicas", "less than or equal to 50"}},
	{"a host port without its type", network, []at{{"spec.validators.template.exposure", map[string]any{"hostPort": int64(7600)}}}, []string{"hostPort goes with type HostPort"}},
	{"a host port type without its port", network, []at{{"spec.validators.template.exposure", map[string]any{"type": "HostPort"}}}, []string{"hostPort goes with type HostPort, and that type needs it"}},
	{"annotations without a load balancer", network, []at{{"spec.validators.template.exposure", map[string]any{"annotations": map[string]any{"a": "b"}}}}, []string{"annotations go on the LoadBalancer's Service: set type LoadBalancer or remove them"}},
	{"a boolean protection", network, []at{{"spec.deletionProtection", "Off"}}, []string{"deletionProtection: Unsupported value", `"Enabled", "Disabled"`}},
	{"an unknown takeover policy", network, []at{{"spec.takeover", "Never"}}, []string{"takeover: Unsupported value", `"Automatic", "Manual"`}},
	{"an unknown halt policy", network, []at{{"spec.disruption", map[string]any{"halt": "Maybe"}}}, []string{"disruption.halt: Unsupported value"}},

	{"a Validator's name too long for its pods'", validator, []at{{"metadata.name", strings.Repeat("v", 47)}}, []string{"metadata.name must have at most 46 characters"}},
	{"a Validator's name with a digit first", validator, []at{{"metadata.name", "1st"}}, []string{"metadata.name must start with a letter and hold no dots"}},
	{"a Validator of no chain", validator, []at{{"spec.chain", nil}}, []string{"spec.chain: Required value"}},
	{"a network's Validator without its network", validator, []at{{"spec.chain", map[string]any{"type": "Network"}}}, []string{"chain.network goes with type Network, and that type needs it"}},
	{"a foreign Validator without its chain", foreign, []at{{"spec.chain", map[string]any{"type": "Foreign"}}}, []string{"chain.foreign goes with type Foreign, and that type needs it"}},
	{"a foreign Validator without an image", foreign, []at{{"spec.image", nil}}, []string{"a validator of a foreign chain needs image"}},
	{"a foreign chain without peers", foreign, []at{{"spec.chain.foreign.peers", []any{}}}, []string{"foreign.peers", "should have at least 1 items"}},
	{"a peer without its identity", foreign, []at{{"spec.chain.foreign.peers", []any{"val-0.example.org:7600"}}}, []string{"foreign.peers[0]", "should match '^[0-9a-f]{64}@"}},
	{"an RPC address that is no URL", foreign, []at{{"spec.chain.foreign.rpc", []any{"rpc.example.org"}}}, []string{"foreign.rpc[0]", "should match '^https?://"}},
	{"a brought key that is not named", validator, []at{{"spec.keys", map[string]any{"source": "Secret"}}}, []string{"keys.secret goes with source Secret, and that source needs it"}},
	{"a Secret beside a born key", validator, []at{{"spec.keys", map[string]any{"source": "Volume", "secret": "key"}}}, []string{"keys.secret goes with source Secret"}},
	{"a remote signer", validator, []at{{"spec.keys", map[string]any{"source": "Remote"}}}, []string{"keys.source Remote is not supported yet: use Volume"}},
	{"a bootstrap from snapshots", validator, []at{{"spec.bootstrap", map[string]any{"type": "Snapshot"}}}, []string{"bootstrap from snapshots is not supported yet: use Peers"}},
	{"a handoff of no validator", validator, []at{{"spec.handoff", map[string]any{"validator": "val-1"}}}, []string{"spec.handoff.validator", "should match '^[0-9a-f]{64}$'"}},
	{"a Validator's small volume", validator, []at{{"spec.storage", map[string]any{"chain": map[string]any{"size": "1Mi"}}}}, []string{"a volume below 64Mi is of no use"}},
	{"a Validator's too little CPU", validator, []at{{"spec.compute", map[string]any{"cpu": "1m"}}}, []string{"a node needs at least 50m of CPU"}},
	{"a Validator's too little memory", validator, []at{{"spec.compute", map[string]any{"memory": "1Mi"}}}, []string{"a node needs at least 256Mi of memory"}},
	{"a Validator's host port below 1024", validator, []at{{"spec.exposure", map[string]any{"type": "HostPort", "hostPort": int64(80)}}}, []string{"exposure.hostPort", "greater than or equal to 1024"}},
	{"a Validator's host port without its type", validator, []at{{"spec.exposure", map[string]any{"type": "NodePort", "hostPort": int64(7600)}}}, []string{"hostPort goes with type HostPort"}},
	{"a Validator's annotations without a load balancer", validator, []at{{"spec.exposure", map[string]any{"annotations": map[string]any{"a": "b"}}}}, []string{"annotations go on the LoadBalancer's Service"}},

	{"a claim on no key", claim, []at{{"spec.consensusKey", "abc"}}, []string{"spec.consensusKey"}},
	{"a claim for nobody", claim, []at{{"spec.validator", nil}}, []string{"spec.validator: Required value"}},
}

func group(name string, count int64) any {
	return map[string]any{"name": name, "count": count}
}

func TestRefused(t *testing.T) {
	if len(refusals) < 30 {
		t.Errorf("%d bad specs, want at least 30", len(refusals))
	}
	namespace, c := api.Namespace(t), api.Client(t)
	for _, tc := range refusals {
		t.Run(tc.name, func(t *testing.T) {
			err := c.Create(context.Background(), object(t, namespace, tc.base, tc.with...), client.FieldValidation("Strict"))
			refused(t, err, tc.says)
		})
	}
}

func refused(t *testing.T, err error, says []string) {
	t.Helper()
	if err == nil {
		t.Fatal("it is not refused")
	}
	if !apierrors.IsInvalid(err) {
		t.Fatalf("it is refused, but not as invalid: %v", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("it says not %q:\n%v", s, err)
		}
	}
}

// object is a good spec with changes.
func object(t *testing.T, namespace, base string, with ...at) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(base), &o.Object); err != nil {
		t.Fatal(err)
	}
	if o.GetKind() != "ValidatorKeyClaim" {
		o.SetNamespace(namespace)
	}
	change(t, o, with...)
	return o
}

func change(t *testing.T, o *unstructured.Unstructured, with ...at) {
	t.Helper()
	for _, w := range with {
		path := strings.Split(w.path, ".")
		if w.value == nil {
			unstructured.RemoveNestedField(o.Object, path...)
		} else if err := unstructured.SetNestedField(o.Object, w.value, path...); err != nil {
			t.Fatal(err)
		}
	}
}
