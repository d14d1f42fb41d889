package network_test

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// sent are the operations that were offered to the chain, each transaction once.
func (g *rig) sent() []string {
	g.t.Helper()
	var seen [][]byte
	var out []string
	for _, tx := range g.chain.Submitted() {
		if slices.ContainsFunc(seen, func(b []byte) bool { return bytes.Equal(b, tx) }) {
			continue
		}
		seen = append(seen, tx)
		t, err := ledger.Decode(tx)
		if err != nil {
			g.t.Fatal(err)
		}
		out = append(out, ledger.OperationName(t.Body.Operation))
	}
	return out
}

// monikers are those of the set.
func (g *rig) monikers() []string {
	g.t.Helper()
	for _, at := range g.chain.Endpoints() {
		set, err := g.chain.Set(g.ctx(), at)
		if err != nil {
			continue
		}
		var out []string
		for _, m := range set.Members {
			out = append(out, m.Moniker)
		}
		slices.Sort(out)
		return out
	}
	g.t.Fatal("no node answers")
	return nil
}

func TestGrowAndShrinkByOneField(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.apply(7)
	g.until("seven in the set", func() bool { return g.isReady() && len(g.monikers()) == 7 })
	want := []string{"join", "delegate", "ready", "weigh", "join", "delegate", "ready", "weigh", "join", "delegate", "ready", "weigh"}
	if diff := cmp.Diff(want, g.sent()); diff != "" {
		t.Errorf("operations of growing: %s", diff)
	}
	g.apply(4)
	g.until("four in the set", func() bool { return g.isReady() && len(g.monikers()) == 4 })
	if diff := cmp.Diff([]string{"leave", "leave", "leave"}, g.sent()[12:]); diff != "" {
		t.Errorf("operations of shrinking: %s", diff)
	}
	if n := len(g.listed()); n != 4 {
		t.Errorf("%d Validators are left", n)
	}
	for _, p := range g.script.Passed() {
		if strings.Contains(p.Name, "delete-validator") && len(g.monikers()) != 4 {
			t.Error("a Validator went before its member had left")
		}
	}
}

// Of seven two are dead and three must go: the dead leave first.
// rule: leave-only-by-scale
func TestTheDeadLeaveFirst(t *testing.T) {
	g := newRig(t)
	g.apply(7)
	g.until("ready", g.isReady)
	g.dead["net-4"], g.dead["net-6"] = true, true
	for range 10 {
		g.turn()
	}
	g.apply(4)
	var order []string
	g.until("four in the set", func() bool {
		for _, name := range []string{"val-4", "val-5", "val-6"} {
			if !slices.Contains(g.monikers(), name) && !slices.Contains(order, name) {
				order = append(order, name)
			}
		}
		return g.isReady() && len(g.monikers()) == 4
	})
	if diff := cmp.Diff([]string{"val-4", "val-6", "val-5"}, order); diff != "" {
		t.Errorf("order of leaving: %s", diff)
	}
}

// With the live power at the edge nothing leaves that would break the quorum.
// rule: leave-only-by-scale
func TestNothingLeavesThatTheQuorumNeeds(t *testing.T) {
	g := newRig(t)
	g.apply(7)
	g.until("ready", g.isReady)
	g.dead["net-0"], g.dead["net-1"] = true, true
	for range 10 {
		g.turn()
	}
	g.apply(4)
	g.until("said", func() bool { return g.condition(v1alpha1.NetworkMembership).Reason == "WouldLoseQuorum" })
	for range 20 {
		g.turn()
	}
	if n := len(g.monikers()); n != 7 {
		t.Errorf("%d are in the set: with two of seven dead none of the living may leave", n)
	}
}

// Deleting a network only stops it. // rule: leave-only-by-scale
func TestDeletingTakesNobodyOut(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.remove()
	if n := len(g.chain.Submitted()); n > 0 {
		t.Errorf("%d transactions were sent: %v", n, g.sent())
	}
}

// A newcomer that nobody reaches gets no power, and does not hold up the others.
func TestUnreachableNewcomerGetsNoPower(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.unreachable["net-4"] = true
	g.apply(6)
	g.until("the other newcomer is in", func() bool { return slices.Contains(g.monikers(), "net-5") })
	for range 20 {
		g.turn()
	}
	if slices.Contains(g.monikers(), "net-4") {
		t.Error("net-4 got power though nobody reaches it")
	}
	if c := g.condition(v1alpha1.NetworkMembership); c.Reason != "Unreachable" || !strings.Contains(c.Message, "net-4") {
		t.Errorf("condition %+v", c)
	}
	delete(g.unreachable, "net-4")
	node := g.chain.Node(chain.EndpointOf(g.ns, "net-4", 1))
	for _, at := range g.chain.Endpoints() {
		g.chain.Node(at).Cut(node.Identity(), false)
	}
	g.until("all in", func() bool { return g.isReady() && len(g.monikers()) == 6 })
}

// Two of four have no power, and their nodes come first by name: the one of the set that
// comes after them is asked all the same whom it is connected to.
func TestAllOfASmallSetAreAskedForTheirPeers(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	for _, i := range []int{1, 2} {
		g.chain.SetPower(g.chain.Name(i), 0)
	}
	g.chain.Advance(3)
	if all := g.monikers(); len(all) != 2 {
		t.Fatalf("%v are in the set, want two of four", all)
	}
	g.until("all in again", func() bool { return g.isReady() && len(g.monikers()) == 4 })
}

// The bytes are stored before they are sent, and sent again until the chain answers.
// rule: delegate-only
func TestTheSameBytesAreSentAgain(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	lost := 0
	g.chain.OnSubmit = func(chain.Endpoint, []byte) error {
		if lost < 7 {
			lost++
			return chain.ErrUnreachable
		}
		return nil
	}
	stored := map[string][]string{}
	g.apply(5)
	g.until("five", func() bool {
		for _, s := range g.network().Status.Submissions {
			if !slices.Contains(stored[s.Purpose], s.Transaction) {
				stored[s.Purpose] = append(stored[s.Purpose], s.Transaction)
			}
		}
		return g.isReady() && len(g.monikers()) == 5
	})
	for purpose, all := range stored {
		if len(all) != 1 {
			t.Errorf("%s was signed %d times", purpose, len(all))
		}
	}
	for _, tx := range g.chain.Submitted() {
		text := base64.StdEncoding.EncodeToString(tx)
		if !slices.ContainsFunc([]string{"join:net-4", "delegate:net-4", "ready:net-4", "weigh:net-4"}, func(p string) bool { return slices.Contains(stored[p], text) }) {
			t.Error("bytes were sent that were not stored")
		}
	}
}

// With several keys of the authority a weight waits for people's signatures, and says
// how many; those who leave do not wait for it. // rule: delegate-only
func TestAwaitingAuthority(t *testing.T) {
	g := newRig(t)
	g.threshold = 2
	g.apply(5)
	g.until("ready", g.isReady)
	g.apply(6)
	g.until("it waits", func() bool { return g.condition(v1alpha1.NetworkAuthority).Reason == v1alpha1.ReasonAwaitingAuthority })
	c := g.condition(v1alpha1.NetworkAuthority)
	if c.Status != "True" || !strings.Contains(c.Message, "1 of the 2") || !strings.Contains(c.Message, "weigh:net-5") {
		t.Errorf("condition %+v", c)
	}
	for range 10 {
		g.turn()
	}
	stored := g.network().Status.Submissions
	if len(stored) != 1 || len(g.monikers()) != 5 {
		t.Fatalf("stored %+v, set %v", stored, g.monikers())
	}
	signed := g.sign()
	g.apply(6, func(n *v1alpha1.BedrockNetwork) {
		n.Annotations = map[string]string{v1alpha1.AnnotationSigned: "damaged," + signed}
	})
	g.until("six", func() bool { return g.isReady() && len(g.monikers()) == 6 })
	if c := g.condition(v1alpha1.NetworkAuthority); c.Status != "False" {
		t.Errorf("afterwards %+v", c)
	}
	// One that waits for power is let go without signatures.
	g.apply(7)
	g.until("it waits", func() bool { return g.condition(v1alpha1.NetworkAuthority).Reason == v1alpha1.ReasonAwaitingAuthority })
	g.apply(6)
	g.until("let go", func() bool { return g.isReady() && len(g.listed()) == 6 && len(g.network().Status.Submissions) == 0 })
}

// sign is what people of the authority do with what is half-signed.
func (g *rig) sign() string {
	g.t.Helper()
	stored := g.network().Status.Submissions
	if len(stored) != 1 {
		g.t.Fatalf("stored %+v", stored)
	}
	raw, err := base64.StdEncoding.DecodeString(stored[0].Transaction)
	if err != nil {
		g.t.Fatal(err)
	}
	draft, err := ledger.ParseDraft(raw)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := draft.Sign(g.chain.AuthorityKeys()[1]); err != nil {
		g.t.Fatal(err)
	}
	signed, err := draft.Encode()
	if err != nil {
		g.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signed)
}

func (g *rig) awaits() bool {
	return g.condition(v1alpha1.NetworkAuthority).Reason == v1alpha1.ReasonAwaitingAuthority
}

// A power is asked for, half-signed, and taken back: what waits for signatures goes, and
// holds nothing else up. rule: delegate-only
func TestWhatIsAskedForNoMoreIsNotWaitedFor(t *testing.T) {
	g := newRig(t)
	g.threshold = 2
	g.apply(5)
	g.until("ready", g.isReady)
	power := func(p int64) func(*v1alpha1.BedrockNetwork) {
		return func(n *v1alpha1.BedrockNetwork) { n.Spec.Validators.Template.Power = p }
	}
	g.apply(5, power(2))
	g.until("it waits", g.awaits)
	signed := g.sign()
	g.apply(5, power(1))
	g.until("it is given up", func() bool { return g.isReady() && len(g.network().Status.Submissions) == 0 && !g.awaits() })
	g.apply(5, func(n *v1alpha1.BedrockNetwork) { n.Annotations = map[string]string{v1alpha1.AnnotationSigned: signed} })
	for range 10 {
		g.turn()
	}
	if sent := g.sent(); slices.Contains(sent, "weigh") {
		t.Errorf("sent %v", sent)
	}
}

// It is signed by enough, and the newcomer is out of reach by then: it gets its power once
// it is back, and not before. rule: leave-only-by-scale
func TestSignedLaterIsPlannedAgain(t *testing.T) {
	g := newRig(t)
	g.threshold = 2
	g.apply(5)
	g.until("ready", g.isReady)
	g.apply(6)
	g.until("it waits", g.awaits)
	signed := g.sign()
	g.unreachable["net-5"] = true
	g.turn()
	g.apply(6, func(n *v1alpha1.BedrockNetwork) { n.Annotations = map[string]string{v1alpha1.AnnotationSigned: signed} })
	g.until("it is held", func() bool { return g.condition(v1alpha1.NetworkAuthority).Reason == "SignedAndHeld" })
	for range 10 {
		g.turn()
	}
	if slices.Contains(g.monikers(), "net-5") {
		t.Fatal("it got power though nobody reaches it")
	}
	delete(g.unreachable, "net-5")
	node := g.chain.Node(chain.EndpointOf(g.ns, "net-5", 1))
	for _, at := range g.chain.Endpoints() {
		g.chain.Node(at).Cut(node.Identity(), false)
	}
	g.until("six", func() bool { return g.isReady() && len(g.monikers()) == 6 })
}

// handMade is a Validator of the network that was made by hand and has joined.
func (g *rig) handMade(name string) *v1alpha1.Validator {
	g.t.Helper()
	own := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: g.ns}, Spec: v1alpha1.ValidatorSpec{
		Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainNetwork, Network: v1alpha1.Name(g.name)}, Power: 1}}
	if err := g.c.Create(g.ctx(), own); err != nil {
		g.t.Fatal(err)
	}
	g.until(name+" joins", func() bool { return g.isReady() && slices.Contains(g.monikers(), name) })
	return own
}

// A hand-made Validator of the network joins like the others, and deleting it lets it
// leave before it goes. // rule: leave-only-by-scale
func TestHandMadeValidator(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	own := g.handMade("mine")
	if err := g.c.Delete(g.ctx(), own); err != nil {
		t.Fatal(err)
	}
	g.until("gone", func() bool { return len(g.listed()) == 4 })
	if slices.Contains(g.monikers(), "mine") {
		t.Error("it went before the chain let it go")
	}
	if ops := g.sent(); ops[len(ops)-1] != "leave" {
		t.Errorf("operations %v", ops)
	}
}

// growAndShrink is what the fault test repeats: one more, and one less again.
func (g *rig) growAndShrink() {
	g.t.Helper()
	g.apply(5)
	g.until("five", func() bool { return g.isReady() && len(g.monikers()) == 5 })
	g.apply(4)
	g.until("four", func() bool { return g.isReady() && len(g.monikers()) == 4 && len(g.listed()) == 4 })
}

// Killed before and after every write and every submission of growing and shrinking,
// it comes to the same end with the same operations, each signed once.
func TestMembershipConvergesWhenKilledAnywhere(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	before := len(g.script.Passed())
	g.growAndShrink()
	want := g.sent()
	// Places of the ceremony count too: a name's occurrences go on after them.
	passed := g.script.Passed()[before:]
	if len(passed) < 30 {
		t.Fatalf("only %d fault points: %v", len(passed), passed)
	}
	for _, at := range places(passed) {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.script.At = &at
			g.apply(4)
			g.until("ready", g.isReady)
			g.growAndShrink()
			if !g.script.Fired() {
				t.Fatalf("%s was never passed", at)
			}
			if diff := cmp.Diff(want, g.sent()); diff != "" {
				t.Errorf("other operations, or signed anew: %s", diff)
			}
		})
	}
}
