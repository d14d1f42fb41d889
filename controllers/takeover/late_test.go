package takeover

import (
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// Nobody looked for a while, in which it voted: that it is missing now is no reason to take
// it over, whatever an old condition says. rule: seen
func TestWhoVotedSinceIsNotTakenOver(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	node := g.chain.Node(chain.EndpointOf(g.ns, name(1), 1))
	node.Stop()
	g.chain.Advance(9)
	g.missing(1)
	node.Start()
	g.chain.Advance(3)
	node.Stop()
	g.chain.Advance(9)
	for range 3 {
		g.pass(t.Context(), 1)
	}
	if v := g.get(1); g.reason(1) != "MissingAgain" || v.Status.Takeover != nil {
		t.Fatalf("%s: %+v", g.reason(1), v.Status.Takeover)
	}
	v := g.get(1) // the disruption controller begins its time anew
	apimeta.FindStatusCondition(v.Status.Conditions, v1alpha1.ValidatorMissing).LastTransitionTime = metav1.NewTime(g.clock.Now())
	g.must(g.c.Status().Update(t.Context(), v))
	g.clock.SetTime(g.clock.Now().Add(11 * time.Minute))
	g.chain.Elapse(11 * time.Minute)
	g.takenOver(t.Context(), 1)
}

// What was decided is written, though another controller said something meanwhile that is
// not asked here; where the condition Missing changed, it is decided anew.
func TestAWordOfOthersIsNoNewDecision(t *testing.T) {
	for kind, begins := range map[string]bool{v1alpha1.ValidatorRunning: true, v1alpha1.ValidatorMissing: false} {
		g := newRig(t, chaintest.Options{})
		g.pass(t.Context(), 1)
		g.ask(1, "now")
		g.r.Client = apitest.Meanwhile(g.c, func() {
			v := g.get(1)
			v.Status.Conditions = append(v.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionUnknown, Reason: "ChainUnknown", LastTransitionTime: metav1.NewTime(g.clock.Now())})
			g.must(g.c.Status().Update(t.Context(), v))
		})
		g.pass(t.Context(), 1)
		if began := g.get(1).Status.Takeover != nil; began != begins {
			t.Errorf("%s is said meanwhile: it begins: %v, want %v", kind, began, begins)
		}
		g.pass(t.Context(), 1)
		if g.get(1).Status.Takeover == nil {
			t.Errorf("after %s it never begins", kind)
		}
	}
}
