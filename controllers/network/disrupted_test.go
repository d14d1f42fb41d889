package network_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	disruption "github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// tokens has the disruption controller give tokens to members of the set.
func (g *rig) tokens(which ...int) *corev1.ConfigMap {
	g.t.Helper()
	l := disruption.Empty()
	for _, i := range which {
		l.Tokens = append(l.Tokens, disruption.Token{Validator: fmt.Sprintf("net-%d", i), Member: g.chain.Name(i), Kind: disruption.Drain, State: disruption.Granted, Since: time.Unix(1, 0)})
	}
	text, err := l.Encode()
	if err != nil {
		g.t.Fatal(err)
	}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.TokenLedger(g.name), Namespace: g.ns}, Data: map[string]string{disruption.Key: text}}
	if err := g.c.Create(g.ctx(), m); err != nil {
		g.t.Fatal(err)
	}
	return m
}

// stored are the purposes of what is signed.
func (g *rig) stored() []string {
	g.t.Helper()
	var out []string
	for _, s := range g.network().Status.Submissions {
		out = append(out, s.Purpose)
	}
	return out
}

// Between the signing and the sending another one is allowed to go: what was signed is
// looked at again, with the tokens as they are. One that leaves is planned anew, a weight
// waits as it was signed. rule: leave-only-by-scale
func TestWhatIsSignedIsLookedAtAgain(t *testing.T) {
	for _, tt := range []struct {
		name             string
		from, to         int32
		dead             string
		purpose, op      string
		reason, inSet    string
		staysSigned, out bool
	}{
		{name: "one leaves", from: 7, to: 6, dead: "net-0", purpose: "leave:net-6", op: "leave", reason: "WouldLoseQuorum", inSet: "val-6", out: true},
		{name: "one enters", from: 4, to: 5, purpose: "weigh:net-4", op: "weigh", reason: "WouldLoseQuorum", inSet: "net-4", staysSigned: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t)
			g.apply(tt.from)
			g.until("ready", g.isReady)
			if tt.dead != "" {
				g.dead[tt.dead] = true
				for range 10 {
					g.turn()
				}
			}
			g.apply(tt.to)
			g.until(tt.purpose+" is signed", func() bool { return slices.Contains(g.stored(), tt.purpose) })
			bytes := g.network().Status.Submissions[0].Transaction
			tokens := g.tokens(1)
			for range 10 {
				g.turn()
			}
			if slices.Contains(g.sent(), tt.op) || slices.Contains(g.monikers(), tt.inSet) != tt.out {
				t.Fatalf("%s was sent while one more may go: the set is %v", tt.op, g.monikers())
			}
			if c := g.condition(v1alpha1.NetworkMembership); c.Reason != tt.reason {
				t.Errorf("%s: %s", c.Reason, c.Message)
			}
			if stays := slices.Contains(g.stored(), tt.purpose); stays != tt.staysSigned {
				t.Errorf("stored are %v", g.stored())
			}
			if err := g.c.Delete(g.ctx(), tokens); err != nil {
				t.Fatal(err)
			}
			g.until("the set is the spec's", func() bool { return slices.Contains(g.monikers(), tt.inSet) != tt.out })
			if n := len(slices.DeleteFunc(g.sent(), func(op string) bool { return op != tt.op })); n != 1 {
				t.Errorf("%d different bytes of %s were sent", n, tt.op)
			}
			if sent := g.chain.Submitted(); base64.StdEncoding.EncodeToString(sent[len(sent)-1]) != bytes {
				t.Error("other bytes were sent than those that were signed first")
			}
		})
	}
}

// late is a cache that has not seen the token ledger yet.
type late struct{ client.Client }

func (c late) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, ok := o.(*corev1.ConfigMap); ok && key.Name == names.TokenLedger("net") {
		return apierrors.NewNotFound(corev1.Resource("configmaps"), key.Name)
	}
	return c.Client.Get(ctx, key, o, opts...)
}

// By the cache nobody is being let go, and one leaves: that it may not is read past the
// cache, each time before it would be sent. rule: leave-only-by-scale
func TestTokensAreReadPastTheCache(t *testing.T) {
	g := newRig(t)
	g.apply(7)
	g.until("ready", g.isReady)
	tokens := g.tokens(0, 1)
	g.r.Client = late{g.c}
	g.apply(6)
	signed := false
	for range 12 {
		g.turn()
		signed = signed || slices.Contains(g.stored(), "leave:net-6")
	}
	if !signed || slices.Contains(g.sent(), "leave") || len(g.monikers()) != 7 {
		t.Fatalf("signed: %v; %v was sent while 2 of 7 are taken down", signed, g.sent())
	}
	if err := g.c.Delete(g.ctx(), tokens); err != nil {
		t.Fatal(err)
	}
	g.until("six in the set", func() bool { return len(g.monikers()) == 6 })
}

// The ledger of tokens cannot be read: what is signed waits, and it is said.
func TestNothingLeavesUnderAnUnreadableLedger(t *testing.T) {
	g := newRig(t)
	g.apply(5)
	g.until("ready", g.isReady)
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: names.TokenLedger(g.name), Namespace: g.ns}, Data: map[string]string{disruption.Key: "{"}}
	if err := g.c.Create(g.ctx(), m); err != nil {
		t.Fatal(err)
	}
	g.apply(4)
	g.until("it is said", func() bool { return g.condition(v1alpha1.NetworkMembership).Reason == v1alpha1.ReasonLedgerUnreadable })
	for range 10 {
		g.turn()
	}
	if len(g.sent()) > 0 {
		t.Fatalf("sent %v", g.sent())
	}
	if err := g.c.Delete(g.ctx(), m); err != nil {
		t.Fatal(err)
	}
	g.until("four", func() bool { return g.isReady() && len(g.monikers()) == 4 })
}

// Two of seven are being drained, and their last votes are fresh: while they hold their
// tokens nobody leaves, or four of six would have to be a quorum.
// rule: leave-only-by-scale
func TestNobodyLeavesWhileTokensWouldBreakTheQuorum(t *testing.T) {
	g := newRig(t)
	g.apply(7)
	g.until("ready", g.isReady)
	tokens := g.tokens(0, 1)
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
