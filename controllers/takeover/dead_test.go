package takeover

import (
	"context"
	"crypto/ed25519"
	"testing"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/node/types"
)

// asking notes whom it asks what costs a wait where nobody answers.
type asking struct {
	chain.Client
	asked map[chain.Endpoint]int
}

func (a *asking) Parameters(ctx context.Context, at chain.Endpoint) (map[string]uint64, error) {
	a.asked[at]++
	return a.Client.Parameters(ctx, at)
}

func (a *asking) Transaction(ctx context.Context, at chain.Endpoint, hash types.Hash) (*chain.Execution, error) {
	a.asked[at]++
	return a.Client.Transaction(ctx, at, hash)
}

func (a *asking) Submit(ctx context.Context, at chain.Endpoint, tx []byte) (*chain.Verdict, error) {
	a.asked[at]++
	return a.Client.Submit(ctx, at, tx)
}

// Dead nodes are found dead once a pass, together: what is asked of one node after the
// other is asked of those that answered.
func TestDeadNodesAreNotAskedOneByOne(t *testing.T) {
	g := newRig(t, chaintest.Options{Validators: 7})
	a := &asking{asked: map[chain.Endpoint]int{}}
	g.r.Dial = func([]byte) (chain.Client, error) { a.Client = g.chain; return a, nil }
	var dead []chain.Endpoint
	for _, i := range []int{0, 2} {
		at := chain.EndpointOf(g.ns, name(i), 1)
		g.chain.Node(at).Stop()
		dead = append(dead, at)
	}
	g.chain.Advance(3)
	g.ask(1, "now")
	g.takenOver(t.Context(), 1)
	for _, at := range dead {
		if n := a.asked[at]; n > 0 {
			t.Errorf("%s is dead and was asked %d times", at, n)
		}
	}
	if len(a.asked) == 0 {
		t.Error("nobody was asked anything")
	}
}

// Between the decision and the signature nobody can be asked: nothing is signed for an
// identity that nobody names, what is stored waits until somebody answers, and then it
// goes on. rule: chain-over-API
func TestNothingIsSignedBlindly(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	signs, before := false, true
	g.r.Administer = func(ed25519.PrivateKey) (chain.Admin, error) {
		if signs = true; before {
			g.chain.Silence(true)
		}
		return g.chain, nil
	}
	g.ask(1, "now")
	for range 10 {
		g.pass(t.Context(), 1)
		g.validators(1)
		g.chain.Advance(1)
		if signs {
			break
		}
	}
	if v := g.get(1); v.Status.Takeover == nil || v.Status.Takeover.Transaction != "" || g.reason(1) != "ChainUnknown" {
		t.Fatalf("%s: %+v", g.reason(1), v.Status.Takeover)
	}
	before = false
	g.chain.Silence(false)
	for range 10 {
		if g.pass(t.Context(), 1); g.get(1).Status.Takeover.Transaction != "" {
			break
		}
	}
	g.chain.Silence(true)
	for range 3 {
		g.pass(t.Context(), 1) // is no failure
	}
	if r := g.reason(1); r != v1alpha1.ReasonWaiting || g.get(1).Status.Takeover.Transaction == "" {
		t.Errorf("stored, and nobody to send it to: %s", r)
	}
	g.chain.Silence(false)
	g.takenOver(t.Context(), 1)
	if n := len(g.rotations()); n != 1 {
		t.Errorf("%d different rotations were sent", n)
	}
}
