package network_test

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// A network is deleted, a Validator that was made by hand stays, and it is applied again:
// no count asks for that one.
func TestKeptNetworkBesideAHandMadeValidator(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.handMade("mine")
	before := g.network().Status.Genesis.Hash
	g.remove()
	g.apply(4)
	g.until("ready", g.isReady)
	if after := g.network().Status.Genesis.Hash; after != before {
		t.Errorf("another chain: %s, before %s", after, before)
	}
}

// Volumes of a chain are kept and its genesis document is not: no other chain is begun
// over their identities. rule: ceremony
func TestNoSecondGenesisOverKeptVolumes(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	genesis := g.network().Status.Genesis
	g.noteGenesis(string(genesis.Hash))
	g.remove()
	var m corev1.ConfigMap
	g.get(genesis.ConfigMap, &m)
	if err := g.c.Delete(g.ctx(), &m); err != nil {
		t.Fatal(err)
	}
	g.apply(4)
	for range 10 {
		g.turn()
	}
	c := g.condition(v1alpha1.NetworkGenesisReady)
	if n := g.network().Status; n.Genesis != nil || c.Reason != "GenesisLost" || !strings.Contains(c.Message, string(genesis.Hash)) || !strings.Contains(c.Message, genesis.ConfigMap) {
		t.Fatalf("genesis %+v, %s: %s", n.Genesis, c.Reason, c.Message)
	}
	m.ResourceVersion, m.UID = "", ""
	if err := g.c.Create(g.ctx(), &m); err != nil {
		t.Fatal(err)
	}
	g.until("ready", g.isReady)
	if after := g.network().Status.Genesis.Hash; after != genesis.Hash {
		t.Errorf("another chain: %s, before %s", after, genesis.Hash)
	}
}

// noVolumes is a cache that has not seen a volume claim yet.
type noVolumes struct{ client.Client }

func (c noVolumes) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if _, ok := list.(*corev1.PersistentVolumeClaimList); ok {
		return nil
	}
	return c.Client.List(ctx, list, opts...)
}

// While identities are waited for the cache is asked; what it has not seen is seen before
// a genesis is recorded. rule: ceremony
func TestNoGenesisIsRecordedByTheCache(t *testing.T) {
	g := newRig(t)
	g.r.Client = noVolumes{g.c}
	g.apply(4)
	g.until("they have volumes", func() bool { return len(g.volumes) == 4 })
	g.noteGenesis(strings.Repeat("ab", 32))
	for range 10 {
		g.turn()
	}
	if c := g.condition(v1alpha1.NetworkGenesisReady); g.network().Status.Genesis != nil || c.Reason != "GenesisLost" {
		t.Errorf("genesis %+v, %s: %s", g.network().Status.Genesis, c.Reason, c.Message)
	}
}

// noteGenesis is the validator controller's word on the signers' claims.
func (g *rig) noteGenesis(hash string) {
	g.t.Helper()
	for validator := range g.volumes {
		var claim corev1.PersistentVolumeClaim
		g.get(names.SignerClaim(validator, 1), &claim)
		metav1.SetMetaDataAnnotation(&claim.ObjectMeta, v1alpha1.AnnotationGenesisHash, hash)
		if err := g.c.Update(g.ctx(), &claim); err != nil {
			g.t.Fatal(err)
		}
	}
}

// One more, one less, and one more again over the volume that was kept: its claim says
// which identity has left, and with another one the validator joins. rule: identity-once
func TestGrowAgainOverAKeptVolume(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.growAndShrink()
	record, err := recordOf(g.volumes["net-4"])
	if err != nil {
		t.Fatal(err)
	}
	var claim corev1.PersistentVolumeClaim
	if g.get(names.SignerClaim("net-4", 1), &claim); claim.Annotations[v1alpha1.AnnotationLeft] != string(record.Identity) {
		t.Fatalf("the claim says that %q has left, the identity was %s", claim.Annotations[v1alpha1.AnnotationLeft], record.Identity)
	}
	g.volumes["net-4"] += "-again" // as its identity Job does
	g.apply(5)
	g.until("five", func() bool { return g.isReady() && len(g.monikers()) == 5 })
}

// The one that is made again over a kept volume goes before its next identity is born: the
// claim still says which identity has left, or nothing would ever set that aside.
// rule: identity-once
func TestOneThatIsNotBornKeepsTheMark(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.growAndShrink()
	mark := func() string {
		var claim corev1.PersistentVolumeClaim
		g.get(names.SignerClaim("net-4", 1), &claim)
		return claim.Annotations[v1alpha1.AnnotationLeft]
	}
	left := mark()
	g.unborn = map[string]bool{"net-4": true}
	g.apply(5)
	g.until("it is there", func() bool { return len(g.listed()) == 5 && len(g.listed()[4].Status.Instances) > 0 })
	g.apply(4)
	g.until("four", func() bool { return len(g.listed()) == 4 })
	if now := mark(); now != left {
		t.Errorf("the claim says %q, and it holds %s, which left", now, left)
	}
}

// A Service of the network's name that is somebody else's is not written over.
func TestServicesOfOthersAreLeftAlone(t *testing.T) {
	g := newRig(t)
	others := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: names.RPCService(g.name), Namespace: g.ns},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}}}}
	if err := g.c.Create(g.ctx(), others); err != nil {
		t.Fatal(err)
	}
	g.apply(4)
	g.until("it is named", func() bool { return g.condition(v1alpha1.NetworkReady).Reason == v1alpha1.ReasonNameTaken })
	var now corev1.Service
	if g.get(others.Name, &now); now.ResourceVersion != others.ResourceVersion {
		t.Errorf("it is %+v now", now.Spec)
	}
	if err := g.c.Delete(g.ctx(), others); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	g.until("ready", g.isReady)
}

// A Validator of another chain with the name of one of the network's is named.
func TestAValidatorOfAnotherChainKeepsItsName(t *testing.T) {
	g := newRig(t)
	other := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: "net-1", Namespace: g.ns}, Spec: v1alpha1.ValidatorSpec{
		Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: "another"}}}
	if err := g.c.Create(g.ctx(), other); err != nil {
		t.Fatal(err)
	}
	g.apply(4)
	g.reconcile()
	g.reconcile()
	if c := g.condition(v1alpha1.NetworkMembership); c.Reason != v1alpha1.ReasonNameTaken {
		t.Errorf("%s: %s", c.Reason, c.Message)
	}
	if err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: "net-2"}, &v1alpha1.Validator{}); !apierrors.IsNotFound(err) {
		t.Errorf("the next one is made: %v", err)
	}
}
