package network_test

import (
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// One validator ends again and again while the chain goes on: the network is not Ready,
// names it, and is Ready again with it.
func TestNotReadyWhileOneValidatorEnds(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	g.dead["net-2"] = true
	g.until("said", func() bool { return g.condition(v1alpha1.NetworkReady).Reason == v1alpha1.ReasonValidatorsNotReady })
	if c := g.condition(v1alpha1.NetworkReady); c.Status != "False" || !strings.Contains(c.Message, "1 of 4") || !strings.Contains(c.Message, "net-2 NodeEnds") {
		t.Errorf("%+v", c)
	}
	if c := g.condition(v1alpha1.NetworkFinalizing); c.Status != "True" {
		t.Errorf("the chain goes on with three of four: %+v", c)
	}
	g.dead["net-2"] = false
	g.until("ready again", g.isReady)
}
