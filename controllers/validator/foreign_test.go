package validator

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// A Validator made by hand joins a chain that runs elsewhere.
func TestAValidatorOfAForeignChain(t *testing.T) {
	w := newWorld(t)
	hash := w.genesis()
	peer := strings.Repeat("ab", 32) + "@node.example:7600"
	w.validator(0, func(v *v1alpha1.Validator) {
		v.Spec.Chain = v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: &v1alpha1.ForeignChain{
			Genesis: v1alpha1.GivenGenesis{ConfigMap: v1alpha1.Name(names.GenesisConfigMap("net", hash)), Hash: hash}, Peers: []string{peer}}}
		v.Spec.Image, v.Spec.Bootstrap.Type = "bedrock.dev/node:dev", v1alpha1.BootstrapGenesis
		v.Spec.Keys = v1alpha1.KeySource{Source: v1alpha1.KeysSecret, Secret: "brought"}
	})
	w.reconcile("net-0")
	if got := w.claim("net-0-signer-1").Annotations["bedrock.dev/chain-id"]; got != "test-chain" {
		t.Errorf("the volume is of chain %q", got)
	}
	var job batchv1.Job
	w.must(&job, "net-0-identity-1")
	if args := strings.Join(job.Spec.Template.Spec.Containers[0].Args, " "); !strings.Contains(args, "--scheme ed25519") || !strings.Contains(args, "--consensus-key") {
		t.Error(args)
	}
	w.identify(0)
	w.claimed("net-0", metav1.ConditionTrue, "Claimed")
	w.budget("net-0")
	w.reconcile("net-0")
	var set appsv1.StatefulSet
	w.must(&set, "net-0-i1")
	var m corev1.ConfigMap
	w.must(&m, "net-0-i1")
	if m.Data["peers"] != peer+"\n" || !strings.Contains(m.Data["config.yaml"], `mode: "blocks"`) {
		t.Errorf("%v", m.Data)
	}
	for _, v := range set.Spec.Template.Spec.Volumes {
		if v.Secret != nil {
			t.Error("the running node sees the brought key's Secret")
		}
	}
	if _, ok := set.Spec.Template.Labels[v1alpha1.LabelNetwork]; ok {
		t.Error("it counts as a validator of a network here")
	}
}

func TestAForeignGenesisThatDiffersIsRefused(t *testing.T) {
	w := newWorld(t)
	hash := w.genesis()
	wrong := v1alpha1.Hash(strings.Repeat("cd", 32))
	for i, tt := range []struct {
		configMap v1alpha1.Name
		hash      v1alpha1.Hash
		says      string
	}{
		{v1alpha1.Name(names.GenesisConfigMap("net", hash)), wrong, string(hash)},
		{"nothing", hash, "nothing"},
	} {
		v := w.validator(i, func(v *v1alpha1.Validator) {
			v.Spec.Chain = v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: &v1alpha1.ForeignChain{
				Genesis: v1alpha1.GivenGenesis{ConfigMap: tt.configMap, Hash: tt.hash}, Peers: []string{strings.Repeat("ab", 32) + "@node.example:7600"}}}
			v.Spec.Image = "bedrock.dev/node:dev"
		})
		v = w.reconcile(v.Name)
		c := w.wantCondition(v, v1alpha1.ValidatorReady, metav1.ConditionFalse, "GenesisUnreadable")
		if !strings.Contains(c.Message, tt.says) {
			t.Error(c.Message)
		}
	}
	if w.get(&corev1.PersistentVolumeClaim{}, "net-0-signer-1") {
		t.Error("volumes were made for a chain that is not known")
	}
}

func TestANetworkThatIsNotThereIsSaid(t *testing.T) {
	w := newWorld(t)
	w.validator(0)
	v := w.reconcile("net-0")
	w.wantCondition(v, v1alpha1.ValidatorReady, metav1.ConditionFalse, v1alpha1.ReasonNetworkNotFound)
}
