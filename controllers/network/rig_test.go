package network_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/network"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/types"
)

var api *apitest.Server

var allFlag = flag.Bool("all", false, "die at every occurrence of every write (default: at the first of each kind)")

// places are where a fault test dies.
func places(passed []faults.Place) []faults.Place {
	if *allFlag {
		return passed
	}
	return faults.Kinds(passed)
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(apitest.Main(m, &api, apitest.Options{}))
}

// rig is a network in a namespace of its own, with the controllers and nodes around it
// played by the test: each turn is one reconcile and one move of the others.
type rig struct {
	t     *testing.T
	c     client.Client
	r     *network.Reconciler
	ns    string
	name  string
	chain *chaintest.Chain // once the genesis is there
	clock *clocktesting.FakePassiveClock
	// dead are validators whose nodes are down, unreachable those whom nobody dials.
	dead, unreachable map[string]bool
	// unborn are validators whose identity is still being made.
	unborn map[string]bool
	// volumes are the signer volumes that there ever were, by validator.
	volumes map[string]string
	script  *faults.Script
	// reads is what the next image's program says that it reads; empty: schema 1 alone.
	reads string
	// updated full nodes of two run the template; -1: nobody plays them.
	updated int32
	// threshold of the authority's keys, of which the operator has one. 0: it is alone.
	threshold int
}

// turns bounds a convergence.
const turns = 400

func newRig(t *testing.T) *rig {
	t.Helper()
	g := &rig{t: t, c: api.Client(t, v1alpha1.AddToScheme), ns: api.Namespace(t), name: "net",
		clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)),
		dead:  map[string]bool{}, unreachable: map[string]bool{}, volumes: map[string]string{}, script: &faults.Script{}, updated: -1}
	g.restart()
	return g
}

// restart is a new operator process.
func (g *rig) restart() {
	g.r = network.New(g.c, g.c, network.Deps{
		Dial:       func([]byte) (chain.Client, error) { return g.chain, nil },
		Administer: func(ed25519.PrivateKey) (chain.Admin, error) { return g.chain, nil },
		Clock:      g.clock, Executor: types.Hash{7},
	})
}

// apply makes or changes the network.
func (g *rig) apply(count int32, change ...func(*v1alpha1.BedrockNetwork)) {
	g.t.Helper()
	n := &v1alpha1.BedrockNetwork{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "BedrockNetwork"},
		ObjectMeta: metav1.ObjectMeta{Name: g.name, Namespace: g.ns},
		Spec: v1alpha1.BedrockNetworkSpec{ChainID: "try-it", Image: "bedrock:test", Validators: v1alpha1.Validators{Count: &count},
			DeletionProtection: v1alpha1.Disabled},
	}
	var live v1alpha1.BedrockNetwork
	err := g.c.Get(g.ctx(), client.ObjectKeyFromObject(n), &live)
	if err == nil {
		n = live.DeepCopy()
		n.Spec.Validators.Count = &count
	} else if !apierrors.IsNotFound(err) {
		g.t.Fatal(err)
	}
	for _, f := range change {
		f(n)
	}
	if n.ResourceVersion == "" {
		err = g.c.Create(g.ctx(), n)
	} else {
		err = g.c.Update(g.ctx(), n)
	}
	if err != nil {
		g.t.Fatalf("apply the network: %v", err)
	}
}

func (g *rig) ctx() context.Context { return g.t.Context() }

func (g *rig) network() *v1alpha1.BedrockNetwork {
	g.t.Helper()
	var n v1alpha1.BedrockNetwork
	if err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: g.name}, &n); err != nil {
		g.t.Fatal(err)
	}
	return &n
}

func (g *rig) condition(kind string) metav1.Condition {
	g.t.Helper()
	if c := apimeta.FindStatusCondition(g.network().Status.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{Type: kind, Status: "absent"}
}

// reconcile is one pass; a fault of the script is an operator that died and came back.
func (g *rig) reconcile() {
	g.t.Helper()
	_, err := g.r.Reconcile(faults.With(g.ctx(), g.script.Inject), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: g.ns, Name: g.name}})
	if errors.Is(err, faults.ErrInjected) {
		g.restart()
	} else if err != nil {
		g.t.Fatalf("reconcile: %v", err)
	}
}

// turn is one reconcile and one move of everything else.
func (g *rig) turn() {
	g.t.Helper()
	g.reconcile()
	g.playValidators()
	g.playImageJob()
	g.playFullNodes()
	g.playNodes()
	g.clock.SetTime(g.clock.Now().Add(3 * time.Second))
}

// until turns until a condition holds.
func (g *rig) until(what string, ok func() bool) {
	g.t.Helper()
	for range turns {
		if ok() {
			return
		}
		g.turn()
	}
	for _, c := range g.network().Status.Conditions {
		g.t.Logf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	g.t.Fatalf("after %d turns not yet: %s", turns, what)
}

func (g *rig) isReady() bool {
	n := g.network()
	c := apimeta.FindStatusCondition(n.Status.Conditions, v1alpha1.NetworkReady)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == n.Generation
}

func (g *rig) listed() []v1alpha1.Validator {
	g.t.Helper()
	var list v1alpha1.ValidatorList
	if err := g.c.List(g.ctx(), &list, client.InNamespace(g.ns)); err != nil {
		g.t.Fatal(err)
	}
	return list.Items
}

// playValidators is the validator controller: identities are born on signer volumes,
// which stay, and a node that is down is said.
func (g *rig) playValidators() {
	g.t.Helper()
	for _, v := range g.listed() {
		if v.DeletionTimestamp != nil {
			continue
		}
		ready := verdict.True(v1alpha1.ValidatorReady, v1alpha1.ReasonReady, "in the set, signing, its votes seen")
		if g.dead[v.Name] {
			ready = verdict.False(v1alpha1.ValidatorReady, "NodeEnds", "Running: the node ends again and again")
		}
		said := apimeta.FindStatusCondition(v.Status.Conditions, v1alpha1.ValidatorReady)
		if len(v.Status.Instances) > 0 && said != nil && said.Status == ready.Status {
			continue
		}
		if g.unborn[v.Name] {
			status := v1alpha1ac.ValidatorStatus().WithInstances(v1alpha1ac.Instance().WithNumber(1).WithRole(v1alpha1.InstanceActive)).
				WithConditions(verdict.Conditions(v.Status.Conditions, v.Generation, g.clock.Now(), ready)...)
			if err := g.c.Status().Apply(g.ctx(), v1alpha1ac.Validator(v.Name, g.ns).WithStatus(status), client.FieldOwner("bedrock-operator/validator")); err != nil {
				g.t.Fatal(err)
			}
			continue
		}
		volume, kept := g.volumes[v.Name]
		if !kept {
			volume = volumeOf(v.Name)
			g.volumes[v.Name] = volume
			g.makeClaim(v.Name)
		}
		record, err := recordOf(volume)
		if err != nil {
			g.t.Fatal(err)
		}
		status := v1alpha1ac.ValidatorStatus().WithActiveInstance(1).WithInstances(v1alpha1ac.Instance().
			WithNumber(1).WithRole(v1alpha1.InstanceActive).WithIdentity(record.Identity).WithConsensusKey(record.ConsensusKey)).
			WithConditions(verdict.Conditions(v.Status.Conditions, v.Generation, g.clock.Now(), ready)...)
		err = g.c.Status().Apply(g.ctx(), v1alpha1ac.Validator(v.Name, g.ns).WithStatus(status), client.FieldOwner("bedrock-operator/validator"))
		if err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *rig) makeClaim(validator string) {
	g.t.Helper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: names.SignerClaim(validator, 1), Namespace: g.ns, Labels: map[string]string{
			v1alpha1.LabelName: "bedrock", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelNetwork: g.name, v1alpha1.LabelValidator: validator}},
		Spec: corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: *resourceOf("1Gi")}}},
	}
	if err := g.c.Create(g.ctx(), claim); err != nil {
		g.t.Fatal(err)
	}
}

// document is the genesis that is there, or nil.
func (g *rig) document() *genesis.Genesis {
	g.t.Helper()
	status := g.network().Status.Genesis
	if status == nil {
		return nil
	}
	var m corev1.ConfigMap
	err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: status.ConfigMap}, &m)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		g.t.Fatal(err)
	}
	doc, err := genesis.Parse([]byte(m.Data["genesis.json"]))
	if err != nil {
		g.t.Fatal(err)
	}
	return doc
}

// playNodes is the validators' pods: they start with the genesis, and blocks are made.
func (g *rig) playNodes() {
	g.t.Helper()
	if g.chain == nil {
		doc := g.document()
		if doc == nil {
			return
		}
		g.chain = chaintest.New(chaintest.Options{ChainID: doc.ChainID, Genesis: doc.Hash(), Operator: g.operator(), Validators: len(doc.Validators), Powers: powersOf(doc), Threshold: g.threshold})
		for _, at := range g.chain.Endpoints() {
			g.chain.RemoveNode(at) // its nodes are our Validators'
		}
	}
	there := map[string]bool{}
	for _, v := range g.listed() {
		at := chain.EndpointOf(g.ns, v.Name, 1)
		there[v.Name] = len(v.Status.Instances) > 0
		if there[v.Name] && g.chain.Node(at) == nil && !g.dead[v.Name] {
			g.chain.AddNode(at, g.volumes[v.Name])
		}
	}
	for name := range g.volumes {
		at := chain.EndpointOf(g.ns, name, 1)
		if node := g.chain.Node(at); node != nil && (!there[name] || g.dead[name]) {
			g.chain.RemoveNode(at)
		}
	}
	for name := range g.unreachable {
		if node := g.chain.Node(chain.EndpointOf(g.ns, name, 1)); node != nil {
			for _, at := range g.chain.Endpoints() {
				g.chain.Node(at).Cut(node.Identity(), true)
			}
		}
	}
	g.chain.Advance(3)
}

// operator is the key that the controller made.
func (g *rig) operator() ed25519.PrivateKey {
	g.t.Helper()
	var s corev1.Secret
	if err := g.c.Get(g.ctx(), client.ObjectKey{Namespace: g.ns, Name: names.OperatorKeys}, &s); err != nil {
		g.t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(s.Data[g.name])
}

func powersOf(doc *genesis.Genesis) []uint64 {
	var out []uint64
	for i := range doc.Validators {
		out = append(out, doc.Validators[i].Power)
	}
	return out
}

// volumeOf is the name of a validator's signer volume: those of genesis are the fake
// chain's own.
func volumeOf(validator string) string {
	var i int
	if _, err := fmt.Sscanf(validator, "net-%d", &i); err != nil {
		return validator
	}
	return fmt.Sprintf("val-%d", i)
}
