//go:build e2e

package operator

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 7: a lost chain volume is rebuilt without hands; for a lost signer volume Manual
// waits with the reason, and Automatic brings a new identity that signs.
func TestRow7VolumesLost(t *testing.T) {
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) { b.Spec.Takeover = v1alpha1.TakeoverManual })
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "100 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 100, "" })

	was := n.validators()[0]
	n.lose(was.Name, names.ChainClaim(was.Name, 1))
	wait(t, "the chain volume to be made again and its node to sign", 3*time.Minute, func() (bool, string) {
		now := n.validator(was.Name)
		if now.Status.Instances[0].ChainClaimUID == was.Status.Instances[0].ChainClaimUID {
			return false, n.story(now.Status.Conditions, v1alpha1.ValidatorVolumesReady)
		}
		return meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ValidatorReady), n.story(now.Status.Conditions, v1alpha1.ValidatorReady)
	})
	now := n.validator(was.Name)
	if a, b := was.Status.Instances[0].Identity, now.Status.Instances[0].Identity; a != b || len(now.Status.Instances) != 1 {
		t.Errorf("the identity was %s and is %s, of %d instances: a chain volume costs neither", a, b, len(now.Status.Instances))
	}
	wait(t, "4 validators Ready", 90*time.Second, func() (bool, string) { return n.ready(4) })

	lost := n.validators()[1]
	n.lose(lost.Name, names.SignerClaim(lost.Name, 1))
	n.waitValidator(lost.Name, v1alpha1.ValidatorVolumesReady, "False", v1alpha1.ReasonKeyMissing, 90*time.Second)
	n.waitValidator(lost.Name, v1alpha1.ValidatorTakeover, "False", "Manual", 3*time.Minute)
	if got := n.validator(lost.Name).Status; len(got.Instances) != 1 || got.Takeover != nil {
		t.Errorf("%d instances and takeover %v, though takeover is Manual", len(got.Instances), got.Takeover)
	}
	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.Takeover = v1alpha1.TakeoverAutomatic })
	n.waitTakenOver(lost.Name, 15*time.Minute)
	wait(t, "4 validators Ready", 2*time.Minute, func() (bool, string) { return n.ready(4) })
	done := l.progress()
	wait(t, "transfers final after it", 60*time.Second, func() (bool, string) { return l.progress() >= done+20, "" })
}

// waitTakenOver waits until the chain names the second instance of a validator, and
// holds that it has another identity and another key than the first.
func (n *network) waitTakenOver(validator string, bound time.Duration) {
	n.Helper()
	wait(n.T, validator+" to be taken over", bound, func() (bool, string) {
		now := n.validator(validator)
		return now.Status.ActiveInstance == 2 && now.Status.Takeover == nil, n.story(now.Status.Conditions, v1alpha1.ValidatorTakeover)
	})
	list := n.validator(validator).Status.Instances
	if len(list) != 2 || list[0].Identity == list[1].Identity || list[0].ConsensusKey == list[1].ConsensusKey || list[1].Identity == "" {
		n.Fatalf("instances %+v: want two with identities and keys of their own", list)
	}
	if list[0].Role != v1alpha1.InstanceSuperseded || list[1].Role != v1alpha1.InstanceActive {
		n.Errorf("roles %s and %s, want Superseded and Active", list[0].Role, list[1].Role)
	}
}

// lose deletes a claim, and the pod that holds it: its volume goes.
func (n *network) lose(validator, claim string) {
	n.Helper()
	n.kubectl(n.T, "delete", "persistentvolumeclaim", "-n", n.ns, claim, "--wait=false")
	n.kubectl(n.T, "delete", "pod", "-n", n.ns, names.Pod(validator, 1), "--wait=false")
}
