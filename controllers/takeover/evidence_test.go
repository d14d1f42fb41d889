package takeover

import (
	"testing"

	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// The condition Missing is of before the operator stood still, and the validator votes
// again: nothing is taken over though its claim cannot be read as the recorded one.
// rule: seen
func TestAnOldConditionIsNoEvidence(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.missing(1)
	for range 3 {
		g.pass(t.Context(), 1)
		g.validators(1)
		g.chain.Advance(1)
	}
	if v := g.get(1); v.Status.Takeover != nil || len(v.Status.Instances) != 1 {
		t.Fatalf("a validator whose votes are seen is taken over: %s", g.reason(1))
	}
	if r := g.reason(1); r != "NotMissingNow" {
		t.Errorf("said is %s", r)
	}
}

// One node alone, which may be behind, does not say whom the chain names.
// rule: chain-over-API
func TestOneNodeAloneTellsNoSuccession(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	g.ask(1, "now")
	g.takenOver(t.Context(), 1)
	for i := range 3 {
		if i != 1 {
			g.chain.Node(chain.EndpointOf(g.ns, name(i), 1)).Stop()
		}
	}
	g.chain.Node(chain.EndpointOf(g.ns, name(1), 2)).Stop()
	p := &pass{Reconciler: g.r, validator: g.get(1), now: g.clock.Now()}
	in, err := p.gather(t.Context())
	g.must(err)
	if in.Chain.Known {
		t.Error("the set is known by the word of one node")
	}
}
