package network_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	disruption "github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Two of seven are being drained, and their last votes are fresh: while they hold their
// tokens nobody leaves, or four of six would have to be a quorum.
// rule: leave-only-by-scale
func TestNobodyLeavesWhileTokensWouldBreakTheQuorum(t *testing.T) {
	g := newRig(t)
	g.apply(7)
	g.until("ready", g.isReady)
	set, err := g.chain.Set(g.ctx(), g.chain.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	l := disruption.Empty()
	for i, m := range set.Members[:2] {
		l.Tokens = append(l.Tokens, disruption.Token{Validator: fmt.Sprintf("net-%d", i), Member: m.Name, Kind: disruption.Drain, State: disruption.Used, Since: time.Unix(1, 0)})
	}
	text, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	tokens := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.TokenLedger(g.name), Namespace: g.ns}, Data: map[string]string{disruption.Key: text}}
	if err := g.c.Create(g.ctx(), tokens); err != nil {
		t.Fatal(err)
	}
	before := len(g.sent())
	g.apply(4)
	for range 12 {
		g.turn()
	}
	if sent := g.sent()[before:]; len(sent) > 0 || len(g.monikers()) != 7 {
		t.Fatalf("%v was sent while 2 of 7 are taken down", sent)
	}
	if c := g.condition(v1alpha1.NetworkMembership); c.Reason != "WouldLoseQuorum" {
		t.Errorf("%s: %s", c.Reason, c.Message)
	}
	if err := g.c.Delete(g.ctx(), tokens); err != nil {
		t.Fatal(err)
	}
	g.until("four in the set", func() bool { return g.isReady() && len(g.monikers()) == 4 })
}
