package disruption

import (
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

func (g *rig) missing(name string) metav1.Condition {
	g.t.Helper()
	var v v1alpha1.Validator
	g.must(g.c.Get(g.t.Context(), client.ObjectKey{Namespace: g.ns, Name: name}, &v))
	c := apimeta.FindStatusCondition(v.Status.Conditions, v1alpha1.ValidatorMissing)
	if c == nil {
		g.t.Fatalf("nothing is said of %s", name)
	}
	return *c
}

// A missing validator's time goes on over moments in which nobody can be asked, by an
// operator that starts as well, and begins anew where nobody could be asked for long or it
// voted meanwhile. rule: seen
func TestTheTimeOfAMissingOneGoesOn(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	elapse := func(seconds int) {
		g.chain.Advance(seconds)
		g.clock.SetTime(g.clock.Now().Add(time.Duration(seconds) * time.Second))
		g.pass()
	}
	is := func(what string, status metav1.ConditionStatus, reason string) metav1.Condition {
		t.Helper()
		c := g.missing("net-3")
		if c.Status != status || c.Reason != reason {
			t.Fatalf("%s: %s %s: %s, want %s %s", what, c.Status, c.Reason, c.Message, status, reason)
		}
		return c
	}
	elapse(1)
	g.node("net-3").Stop()
	elapse(20)
	first := is("it is dead", metav1.ConditionTrue, "VotesNotSeen").LastTransitionTime
	for range 3 {
		g.chain.Silence(true)
		elapse(60)
		is("for a moment", metav1.ConditionTrue, v1alpha1.ReasonWitnessesUnasked)
		g.r = New(g.c, g.c, g.r.Deps) // another operator
		elapse(60)
		is("for a moment more", metav1.ConditionTrue, v1alpha1.ReasonWitnessesUnasked)
		g.chain.Silence(false)
		elapse(30)
		if c := is("asked again", metav1.ConditionTrue, "VotesNotSeen"); !c.LastTransitionTime.Equal(&first) {
			t.Fatalf("its time began anew at %s", c.LastTransitionTime)
		}
	}
	g.chain.Silence(true)
	elapse(179)
	is("just not too long", metav1.ConditionTrue, v1alpha1.ReasonWitnessesUnasked)
	elapse(1)
	is("too long", metav1.ConditionUnknown, "ChainUnknown")
	g.chain.Silence(false)
	elapse(1)
	second := is("asked again", metav1.ConditionTrue, "VotesNotSeen").LastTransitionTime
	if second.Equal(&first) {
		t.Error("nobody could be asked for three minutes, and its time goes on")
	}
	g.chain.Silence(true)
	elapse(30)
	g.node("net-3").Start()
	g.chain.Advance(2)
	g.node("net-3").Stop()
	g.chain.Silence(false)
	elapse(30)
	is("it voted while nobody could be asked", metav1.ConditionUnknown, "MissingAgain")
	elapse(1)
	if c := is("and is missing", metav1.ConditionTrue, "VotesNotSeen"); !c.LastTransitionTime.After(second.Time) {
		t.Error("it voted meanwhile, and its time goes on")
	}
}

// The operator stood still while a missing validator came back, voted and went again: the
// condition that it left says nothing of the time since. rule: seen
func TestAVoteBeginsTheTimeOfAMissingOneAnew(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	node := g.node("net-3")
	elapse := func(seconds int) {
		g.chain.Advance(seconds)
		g.clock.SetTime(g.clock.Now().Add(time.Duration(seconds) * time.Second))
	}
	node.Stop()
	elapse(20)
	g.pass()
	first := g.missing("net-3")
	if first.Reason != "VotesNotSeen" {
		t.Fatalf("it is dead: %s %s", first.Status, first.Reason)
	}
	elapse(30)
	g.pass()
	if c := g.missing("net-3"); c.Reason != "VotesNotSeen" || !c.LastTransitionTime.Equal(&first.LastTransitionTime) {
		t.Fatalf("it is dead still: %s since %s", c.Reason, c.LastTransitionTime)
	}
	elapse(300)
	node.Start()
	elapse(60)
	node.Stop()
	elapse(20)
	g.r = New(g.c, g.c, g.r.Deps) // another operator
	g.pass()
	if c := g.missing("net-3"); c.Status != metav1.ConditionUnknown || c.Reason != "MissingAgain" {
		t.Errorf("it voted meanwhile: %s %s since %s", c.Status, c.Reason, c.LastTransitionTime)
	}
	elapse(1)
	g.pass()
	if c := g.missing("net-3"); c.Reason != "VotesNotSeen" || c.LastTransitionTime.Sub(first.LastTransitionTime.Time) < 400*time.Second {
		t.Errorf("and is missing: %s since %s", c.Reason, c.LastTransitionTime)
	}
}
