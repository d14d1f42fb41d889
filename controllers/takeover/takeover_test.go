package takeover

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

var api *apitest.Server

func TestMain(m *testing.M) { os.Exit(apitest.Main(m, &api, apitest.Options{})) }

// rig is a network of four on a real API server; the test plays the validator controller
// and the chain is in memory.
type rig struct {
	t     *testing.T
	c     client.Client
	r     *Reconciler
	ns    string
	chain *chaintest.Chain
	clock *clocktesting.FakePassiveClock
}

func newRig(t *testing.T, opt chaintest.Options) *rig {
	t.Helper()
	g := &rig{t: t, c: api.Client(t, v1alpha1.AddToScheme), ns: api.Namespace(t), chain: chaintest.New(opt),
		clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))}
	g.r = New(g.c, g.c, Deps{Dial: func([]byte) (chain.Client, error) { return g.chain, nil },
		Administer: func(ed25519.PrivateKey) (chain.Admin, error) { return g.chain, nil }, Clock: g.clock, Nodes: true})
	count := int32(len(g.chain.Endpoints()))
	n := &v1alpha1.BedrockNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: g.ns},
		Spec: v1alpha1.BedrockNetworkSpec{ChainID: "try-it", Image: "bedrock:1", Validators: v1alpha1.Validators{Count: &count}}}
	g.must(g.c.Create(t.Context(), n))
	n.Status.Genesis = &v1alpha1.GenesisStatus{Hash: v1alpha1.Hash(g.chain.Genesis().String()), ConfigMap: "net-genesis", Time: metav1.NewTime(g.clock.Now())}
	g.must(g.c.Status().Update(t.Context(), n))
	g.must(g.c.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "net-genesis", Namespace: g.ns}, Data: map[string]string{"genesis.json": "{}"}}))
	g.must(g.c.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: names.OperatorKeys, Namespace: g.ns}, Data: map[string][]byte{"net": g.chain.Delegate().Seed()}}))
	for i, at := range g.chain.Endpoints() {
		g.chain.RemoveNode(at)
		node := g.chain.AddNode(chain.EndpointOf(g.ns, name(i), 1), fmt.Sprintf("val-%d", i))
		v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: name(i), Namespace: g.ns},
			Spec: v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: "net"}}}
		g.must(g.c.Create(t.Context(), v))
		v.Status.ChainName = v1alpha1.Hash(g.chain.Name(i).String())
		v.Status.Instances = []v1alpha1.Instance{{Number: 1, Role: v1alpha1.InstanceActive, SignerClaimUID: "gone", Identity: v1alpha1.Ed25519Key(node.Identity().String())}}
		g.must(g.c.Status().Update(t.Context(), v))
	}
	g.chain.Advance(10)
	return g
}

func name(i int) string { return fmt.Sprintf("net-%d", i) }

func (g *rig) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) get(i int) *v1alpha1.Validator {
	g.t.Helper()
	var v v1alpha1.Validator
	g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: name(i)}, &v))
	return &v
}

// pass is one reconcile of validator i.
func (g *rig) pass(ctx context.Context, i int) {
	g.t.Helper()
	_, err := g.r.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: g.ns, Name: name(i)}})
	if err != nil && !errors.Is(err, faults.ErrInjected) {
		g.t.Fatal(err)
	}
}

// missing lets 11 minutes pass, and has the disruption controller say that validator i was
// missing all the while.
func (g *rig) missing(i int) {
	g.t.Helper()
	g.chain.Elapse(11 * time.Minute)
	v := g.get(i)
	v.Status.Conditions = append(v.Status.Conditions, metav1.Condition{Type: v1alpha1.ValidatorMissing, Status: metav1.ConditionTrue, Reason: "VotesNotSeen",
		LastTransitionTime: metav1.NewTime(g.clock.Now().Add(-11 * time.Minute))})
	g.must(g.c.Status().Update(g.t.Context(), v))
}

func (g *rig) ask(i int, value string) {
	g.t.Helper()
	v := g.get(i)
	v.Annotations = map[string]string{v1alpha1.AnnotationTakeover: value}
	g.must(g.c.Update(g.t.Context(), v))
}

func (g *rig) reason(i int) string {
	for _, c := range g.get(i).Status.Conditions {
		if c.Type == v1alpha1.ValidatorTakeover {
			return c.Reason
		}
	}
	return ""
}

// validators plays the validator controller: every successor gets a node with an identity.
func (g *rig) validators(i int) {
	g.t.Helper()
	v := g.get(i)
	for k := range v.Status.Instances {
		in := &v.Status.Instances[k]
		if in.Role == v1alpha1.InstanceSuccessor && in.Identity == "" {
			at := chain.EndpointOf(g.ns, name(i), in.Number)
			in.Identity = v1alpha1.Ed25519Key(g.chain.AddNode(at, fmt.Sprintf("val-%d-%d", i, in.Number)).Identity().String())
			g.must(g.c.Status().Update(g.t.Context(), v))
		}
	}
}

// takenOver turns until instance 2 of validator i is active.
func (g *rig) takenOver(ctx context.Context, i int) {
	g.t.Helper()
	for range 60 {
		g.pass(ctx, i)
		g.validators(i)
		g.chain.Advance(1)
		if v := g.get(i); v.Status.ActiveInstance == 2 && v.Status.Takeover == nil {
			return
		}
	}
	g.t.Fatalf("not taken over: %s, %+v", g.reason(i), g.get(i).Status)
}

// rotations are the different rotate transactions that were ever offered.
func (g *rig) rotations() map[string]int {
	out := map[string]int{}
	for _, tx := range g.chain.Submitted() {
		out[string(tx)]++
	}
	return out
}

func TestSignerVolumeLost(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.chain.Node(chain.EndpointOf(g.ns, name(1), 1)).Stop()
	g.chain.Advance(9)
	g.missing(1)
	g.takenOver(t.Context(), 1)
	v := g.get(1)
	if v.Status.Instances[0].Role != v1alpha1.InstanceSuperseded || v.Status.Instances[1].Role != v1alpha1.InstanceActive {
		t.Errorf("%+v", v.Status.Instances)
	}
	set, err := g.chain.Set(t.Context(), chain.EndpointOf(g.ns, name(0), 1))
	g.must(err)
	if m := set.Find(g.chain.Name(1)); m.Identity.String() != string(v.Status.Instances[1].Identity) {
		t.Errorf("the chain names %s", m.Identity)
	}
	g.pass(t.Context(), 1)
	before := g.get(1).ResourceVersion
	g.pass(t.Context(), 1)
	if g.get(1).ResourceVersion != before {
		t.Errorf("a steady validator is written to: %s", g.reason(1))
	}
	// A second one within the window is refused.
	g.ask(2, "now")
	g.pass(t.Context(), 2)
	if r := g.reason(2); r != "RotationWindow" && r != "TakenOver" {
		t.Errorf("above the window: %s", r)
	}
	g.pass(t.Context(), 2)
	if r := g.reason(2); r != "RotationWindow" || g.get(2).Status.Takeover != nil {
		t.Errorf("above the window: %s", r)
	}
}

func TestManualWaitsAndHaltedRefuses(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	var n v1alpha1.BedrockNetwork
	g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net"}, &n))
	n.Spec.Takeover = v1alpha1.TakeoverManual
	g.must(g.c.Update(t.Context(), &n))
	g.chain.Node(chain.EndpointOf(g.ns, name(1), 1)).Stop()
	g.chain.Advance(9)
	g.missing(1)
	g.pass(t.Context(), 1)
	g.pass(t.Context(), 1)
	if r := g.reason(1); r != "Manual" {
		t.Errorf("manual: %s", r)
	}
	g.chain.Node(chain.EndpointOf(g.ns, name(2), 1)).Stop()
	g.chain.Advance(20)
	g.ask(1, "now")
	g.pass(t.Context(), 1)
	if r := g.reason(1); r != v1alpha1.ReasonChainHalted && r != "ChainUnknown" {
		t.Errorf("halted: %s", r)
	}
	if len(g.rotations()) > 0 {
		t.Error("a rotation was sent on a halted chain")
	}
}

// The operator is killed at every write and at every submission, and the answer of a
// submission is lost: the same bytes are sent again, and one rotation is executed.
func TestKilledAtEveryPoint(t *testing.T) {
	passed := &faults.Script{}
	record := newRig(t, chaintest.Options{})
	record.ask(1, "now")
	record.takenOver(faults.With(t.Context(), passed.Inject), 1)
	for _, at := range passed.Passed() {
		t.Run(at.String(), func(t *testing.T) {
			g := newRig(t, chaintest.Options{})
			g.ask(1, "now")
			script := &faults.Script{At: &at}
			g.takenOver(faults.With(t.Context(), script.Inject), 1)
			if n := len(g.rotations()); n != 1 {
				t.Errorf("%d different rotations were sent", n)
			}
			if v := g.get(1); len(v.Status.Instances) != 2 || v.Status.LastTakeoverRequest != "now" {
				t.Errorf("%+v", v.Status)
			}
		})
	}
}

// The API server was restored to before a takeover: the chain's word wins.
// rule: chain-over-API
func TestChainOverAPI(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.pass(t.Context(), 1)
	before := g.get(1).Status
	g.ask(1, "now")
	g.takenOver(t.Context(), 1)
	v := g.get(1)
	v.Status.Instances, v.Status.ActiveInstance, v.Status.LastTakeoverRequest, v.Status.Takeover = before.Instances, 1, "now", nil
	g.must(g.c.Status().Update(t.Context(), v))
	g.pass(t.Context(), 1)
	if v = g.get(1); g.reason(1) != v1alpha1.ReasonInstanceSuperseded || v.Status.Instances[0].Role != v1alpha1.InstanceSuperseded {
		t.Errorf("%s: %+v", g.reason(1), v.Status.Instances)
	}
	sent := len(g.rotations())
	g.pass(t.Context(), 1)
	if len(g.rotations()) != sent {
		t.Error("it rotates on a status that the chain contradicts")
	}
}

// One authorisation in two clusters: exactly one gets in, the other says so.
func TestHandoffTwoClusters(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	target := g.chain.Name(3)
	old := g.chain.Node(chain.EndpointOf(g.ns, name(3), 1)).Identity()
	claims := []string{"one", "two"}
	for k, who := range claims {
		v := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: who, Namespace: g.ns},
			Spec: v1alpha1.ValidatorSpec{Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: "net"}, Handoff: &v1alpha1.Handoff{Validator: v1alpha1.Hash(target.String())}}}
		g.must(g.c.Create(t.Context(), v))
		at := chain.EndpointOf(g.ns, who, 1)
		node := g.chain.AddNode(at, "handoff-"+who)
		g.identify(v, node) // and nobody has signed for it
		g.passOf(who)
		g.must(g.c.Get(t.Context(), client.ObjectKeyFromObject(v), v))
		if role := v.Status.Instances[0].Role; role == v1alpha1.InstanceSuperseded || g.reasonOf(who) != "HandoffAwaited" {
			t.Errorf("%s, not signed for yet: role %q, %s", who, role, g.reasonOf(who))
		}
		consent, err := g.chain.ConsentToRotate(t.Context(), chain.AdminEndpoint{URL: chain.AdminURLOf(g.ns, who, 1)}, target, old, 500)
		g.must(err)
		tx, err := chain.Rotate(g.chain.Delegate(), g.chain.Genesis(), consent.Rotate(target, old), 500)
		g.must(err)
		if k == 0 { // altered on the way, a node refuses it
			altered, err := ledger.Decode(tx)
			g.must(err)
			altered.Signature[0] ^= 1
			v.Spec.Handoff.Transaction = base64.StdEncoding.EncodeToString(altered.Encode())
			g.must(g.c.Update(t.Context(), v))
			g.identify(v, node)
			g.passOf(who)
			if r := g.reasonOf(who); r != "HandoffRefused" {
				t.Errorf("altered: %s, want HandoffRefused", r)
			}
			g.must(g.c.Get(t.Context(), client.ObjectKeyFromObject(v), v))
		}
		v.Spec.Handoff.Transaction = base64.StdEncoding.EncodeToString(tx)
		g.must(g.c.Update(t.Context(), v))
		g.identify(v, node)
	}
	for range 12 {
		for _, who := range claims {
			g.passOf(who)
		}
		g.chain.Advance(1)
	}
	set, err := g.chain.Set(t.Context(), chain.EndpointOf(g.ns, name(0), 1))
	g.must(err)
	in, out := 0, 0
	for _, who := range claims {
		if set.Find(target).Identity == g.chain.Node(chain.EndpointOf(g.ns, who, 1)).Identity() {
			in++
		} else if r := g.reasonOf(who); r == "Superseded" {
			out++
		} else {
			t.Errorf("%s says %s", who, r)
		}
	}
	if in != 1 || out != 1 {
		t.Errorf("%d in the set, %d superseded", in, out)
	}
	g.pass(t.Context(), 3)
	if r := g.reason(3); r != v1alpha1.ReasonInstanceSuperseded {
		t.Errorf("the one that was handed over says %s", r)
	}
}

func (g *rig) identify(v *v1alpha1.Validator, n *chaintest.Node) {
	g.t.Helper()
	v.Status.ChainName = v.Spec.Handoff.Validator
	v.Status.Instances = []v1alpha1.Instance{{Number: 1, Role: v1alpha1.InstanceActive, Identity: v1alpha1.Ed25519Key(n.Identity().String())}}
	g.must(g.c.Status().Update(g.t.Context(), v))
}

func (g *rig) passOf(who string) {
	g.t.Helper()
	if _, err := g.r.Reconcile(g.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: g.ns, Name: who}}); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) reasonOf(who string) string {
	g.t.Helper()
	var v v1alpha1.Validator
	g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: who}, &v))
	for _, c := range v.Status.Conditions {
		if c.Type == v1alpha1.ValidatorTakeover {
			return c.Reason
		}
	}
	return ""
}

// Who read an older status than there is looks again, and fails nothing; nor does one
// whose network has no chain, or whose genesis document was deleted.
func TestAStaleReadIsNoFailure(t *testing.T) {
	for name, before := range map[string]func(*rig){
		"no chain yet": func(g *rig) {
			var n v1alpha1.BedrockNetwork
			g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net"}, &n))
			n.Status.Genesis = nil
			g.must(g.c.Status().Update(t.Context(), &n))
		},
		"no document": func(g *rig) {
			g.must(g.c.Delete(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "net-genesis", Namespace: g.ns}}))
		},
		"a chain": func(*rig) {},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, chaintest.Options{})
			before(g)
			g.r.Client = apitest.Stale(g.c, g.get(1))
			g.missing(1) // somebody else writes the status
			g.pass(t.Context(), 1)
			g.r.Client = g.c
			g.pass(t.Context(), 1)
			if g.reason(1) == "" {
				t.Error("a fresh read says nothing")
			}
		})
	}
}
