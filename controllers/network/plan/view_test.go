package plan_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
)

func status(i int, change func(*chain.Status)) *chain.Status {
	s := &chain.Status{Identity: id(i), FinalHeight: 100, ViewTimer: time.Second, BaseTimer: time.Second, IdleInterval: 10 * time.Second, CommitAge: time.Second}
	if change != nil {
		change(s)
	}
	return s
}

// A chain that halted while nothing waited is not idle. // rule: finality-probe
func TestAHaltedChainWithoutWorkIsNotIdle(t *testing.T) {
	c := chaintest.New(chaintest.Options{})
	c.Advance(3)
	look := func() (views []plan.View) {
		for _, at := range c.Endpoints() {
			s, err := c.Status(t.Context(), at)
			if err != nil {
				continue // stopped
			}
			set, err := c.Set(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			views = append(views, plan.View{Status: s, Set: set})
		}
		return views
	}
	c.Elapse(10 * time.Minute)
	if v := plan.Finality(look(), 4); !v.OK() {
		t.Errorf("idle: %+v", v)
	}
	for _, at := range c.Endpoints()[2:] {
		c.Node(at).Stop()
	}
	c.Elapse(10 * time.Minute)
	if v := plan.Finality(look(), 4); v.OK() || v.Reason != v1alpha1.ReasonChainHalted {
		t.Errorf("two of four are gone: %+v", v)
	}
}

// rule: finality-probe
func TestFinality(t *testing.T) {
	halted := func(s *chain.Status) { s.CommitAge, s.OldestWaiting, s.FailedViews = time.Minute, 50*time.Second, 12 }
	idle := func(s *chain.Status) { s.CommitAge = 10 * time.Minute }
	stuck := func(s *chain.Status) { s.FinalHeight, s.CommitAge = 0, time.Minute }
	started := func(s *chain.Status) { s.FinalHeight = 0 }
	view := func(i int, f func(*chain.Status)) plan.View { return plan.View{Status: status(i, f)} }
	for _, tt := range []struct {
		name       string
		views      []plan.View
		validators int
		want       metav1.ConditionStatus
	}{
		{"two say so", []plan.View{view(0, nil), view(1, nil)}, 4, metav1.ConditionTrue},
		{"one is not enough", []plan.View{view(0, nil)}, 4, metav1.ConditionUnknown},
		{"one of one", []plan.View{view(0, nil)}, 1, metav1.ConditionTrue},
		{"halted", []plan.View{view(0, halted), view(1, halted)}, 4, metav1.ConditionFalse},
		{"idle for ten minutes is well", []plan.View{view(0, idle), view(1, idle)}, 4, metav1.ConditionTrue},
		{"two of three say so", []plan.View{view(0, halted), view(1, nil), view(2, nil)}, 4, metav1.ConditionTrue},
		{"nothing was ever final", []plan.View{view(0, stuck), view(1, stuck)}, 4, metav1.ConditionFalse},
		{"just started", []plan.View{view(0, started), view(1, started)}, 4, metav1.ConditionFalse},
		{"nobody answers", nil, 4, metav1.ConditionUnknown},
	} {
		if v := plan.Finality(tt.views, tt.validators); v.Status != tt.want {
			t.Errorf("%s: %s (%s), want %s", tt.name, v.Status, v.Reason, tt.want)
		}
		if v := plan.Finality(tt.views, tt.validators); (v.Reason == "Starting") != (tt.name == "just started") {
			t.Errorf("%s: %s", tt.name, v.Reason)
		}
	}
}

// rule: seen
func TestLive(t *testing.T) {
	// Nodes 0, 1 and 2 tell what they saw of member 3.
	views := func(seen ...chain.Seen) []plan.View {
		var out []plan.View
		for i, s := range seen {
			set := &chain.Set{Ledger: true}
			for j := range 4 {
				m := member(j, 1)
				if j == 3 {
					m.Seen = s
				}
				set.Members = append(set.Members, m)
			}
			out = append(out, plan.View{Status: status(i, nil), Set: set})
		}
		return out
	}
	votes := chain.Seen{VoteHeight: 95, Connected: true}
	old := chain.Seen{VoteHeight: 91, Connected: true}
	never := chain.Seen{}
	m := member(3, 1)
	for _, tt := range []struct {
		name  string
		views []plan.View
		want  bool
	}{
		{"seen by all", views(votes, votes, votes), true},
		{"seen by two", views(votes, never, votes), true},
		{"seen by one", views(votes, never, never), false},
		{"seen too long ago", views(old, old, old), false},
		{"only one was asked", views(votes), false},
		{"nobody was asked", nil, false},
	} {
		if got := plan.Live(&m, tt.views, 4); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	own := views(votes, votes)
	own[1].Status.Identity = id(3)
	if plan.Live(&m, own, 4) {
		t.Error("its own word counts")
	}
	if n := plan.Newest([]plan.View{{}, {Set: &chain.Set{Epoch: 1, Height: 9}}, {Set: &chain.Set{Epoch: 2, Height: 3}}}); n.Epoch != 2 {
		t.Errorf("the newest set is of epoch %d", n.Epoch)
	}
}

// What one node says of the set, or nodes that fetch blocks do, is not the chain's word: of
// a set of long ago those who joined since would seem to be gone. rule: chain-over-API
func TestTold(t *testing.T) {
	syncing := func(s *chain.Status) { s.Syncing = true }
	tells := func(i int, epoch uint64, members int, f func(*chain.Status)) plan.View {
		return plan.View{Status: status(i, f), Set: &chain.Set{Epoch: epoch, Members: make([]chain.Member, members)}}
	}
	for _, tt := range []struct {
		name  string
		views []plan.View
		want  bool
		epoch uint64 // of the newest; 0: none
	}{
		{"nobody", nil, false, 0},
		{"one of five", []plan.View{tells(0, 3, 5, nil)}, false, 3},
		{"two of five", []plan.View{tells(0, 3, 5, nil), tells(1, 2, 4, nil)}, true, 3},
		{"one of one", []plan.View{tells(0, 3, 1, nil)}, true, 3},
		{"one that fetches blocks", []plan.View{tells(0, 1, 4, syncing)}, false, 0},
		{"two, one of which fetches blocks", []plan.View{tells(0, 1, 4, syncing), tells(1, 3, 5, nil)}, false, 3},
		{"two that told no set", []plan.View{{Status: status(0, nil)}, {Status: status(1, nil)}}, false, 0},
	} {
		var epoch uint64
		if set := plan.Newest(tt.views); set != nil {
			epoch = set.Epoch
		}
		if got := plan.Told(tt.views); got != tt.want || epoch != tt.epoch {
			t.Errorf("%s: %v, newest epoch %d; want %v, %d", tt.name, got, epoch, tt.want, tt.epoch)
		}
	}
}
