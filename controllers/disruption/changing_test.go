package disruption

import (
	"crypto/ed25519"
	"encoding/base64"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// What leaves, enters or changes powers is on its way once enough have signed it.
func TestOnItsWay(t *testing.T) {
	c := chaintest.New(chaintest.Options{})
	draft, err := chain.Weigh(c.Delegate().Public().(ed25519.PublicKey), c.Genesis(), ledger.Weigh{Weights: []ledger.Weight{{Validator: c.Name(0), Power: 2}}}, chain.Fee{GasPrice: 1})
	if err != nil {
		t.Fatal(err)
	}
	half, err := draft.Encode()
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.StdEncoding.EncodeToString([]byte("signed"))
	for _, tt := range []struct {
		purpose, transaction, want string
	}{
		{"leave:val-1", signed, "leave:val-1"},
		{"weigh:val-1", signed, "weigh:val-1"},
		{"weigh:val-1", base64.StdEncoding.EncodeToString(half), ""},
		{"join:val-4", signed, ""},
		{"ready:val-4", signed, ""},
	} {
		if got := onItsWay([]v1alpha1.Submission{{Purpose: "delegate:val-9"}, {Purpose: tt.purpose, Transaction: tt.transaction}}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.purpose, got, tt.want)
		}
	}
}

// A change of the set is stored, and the cache of who grants tokens has it not yet: the
// token is in the ledger, and its budget stays closed. rule: leave-only-by-scale
func TestNothingOpensWhileTheSetIsAboutToChange(t *testing.T) {
	for _, purpose := range []string{"leave:net-6", "weigh:net-6"} {
		t.Run(purpose, func(t *testing.T) {
			g := newRig(t, chaintest.Options{Validators: 7})
			g.pass()
			var n v1alpha1.BedrockNetwork
			key := client.ObjectKey{Namespace: g.ns, Name: "net"}
			g.must(g.c.Get(t.Context(), key, &n))
			g.r.Client = apitest.Stale(g.c, n.DeepCopy())
			n.Status.Submissions = []v1alpha1.Submission{{Purpose: purpose, Transaction: "c2lnbmVk", Time: metav1.NewTime(g.clock.Now())}}
			g.must(g.c.Status().Update(t.Context(), &n))
			g.cordon("net-1", true)
			open := func() bool { return g.budget("net-1").Spec.MaxUnavailable.IntVal > 0 }
			for range 3 {
				if g.pass(); open() {
					t.Fatal("a budget opens while the set is about to change")
				}
			}
			if l := g.ledger(); l.Token("net-1") == nil {
				t.Error("no token is in the ledger: whoever changes the set could not see it")
			}
			g.r.Client = g.c
			for range 3 {
				if g.pass(); open() {
					t.Fatal("a budget opens though the cache knows that the set changes")
				}
			}
			if reason, _ := g.reason("net-1", v1alpha1.ValidatorDisruption); reason != "SetChanges" {
				t.Errorf("its reason is %s", reason)
			}
			g.must(g.c.Get(t.Context(), key, &n))
			n.Status.Submissions = nil
			g.must(g.c.Status().Update(t.Context(), &n))
			for range 3 {
				g.pass()
			}
			if !open() {
				reason, message := g.reason("net-1", v1alpha1.ValidatorDisruption)
				t.Errorf("the set has changed, and its budget stays closed: %s: %s", reason, message)
			}
		})
	}
}
