package diagnose_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/cmd/kubectl-bedrock/diagnose"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// ask has every node of a chain give its account.
func ask(c *chaintest.Chain) []diagnose.Account {
	var out []diagnose.Account
	for _, at := range c.Endpoints() {
		a := diagnose.Account{Node: strings.TrimSuffix(strings.TrimPrefix(string(at), "http://"), ":7601")}
		if a.Status, a.Err = c.Status(context.Background(), at); a.Err == nil {
			a.Set, a.Err = c.Set(context.Background(), at)
		}
		out = append(out, a)
	}
	return out
}

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		name  string
		chain chaintest.Options
		do    func(c *chaintest.Chain)
		want  diagnose.State
		says  []string
		not   []string
	}{
		{name: "all vote", want: diagnose.Fine, do: func(*chaintest.Chain) {}},
		{name: "idle for ten minutes", want: diagnose.Fine, do: func(c *chaintest.Chain) { c.Elapse(10 * time.Minute) }},
		{name: "one down", want: diagnose.Degraded, says: []string{"val-1 (power 10) is missing, by val-0, val-2, val-3", "val-1 does not answer"},
			do: func(c *chaintest.Chain) { c.Node("http://val-1:7601").Stop(); c.Advance(8); c.Elapse(time.Minute) }},
		{name: "one mute, found by votes under load", want: diagnose.Degraded, says: []string{"val-1 (power 10) is missing, by"},
			do: func(c *chaintest.Chain) {
				c.Node("http://val-1:7601").Mute(true)
				c.Node("http://val-0:7601").Waiting(time.Second)
				c.Node("http://val-2:7601").Waiting(time.Second)
				c.Node("http://val-3:7601").Waiting(time.Second)
				c.Advance(9)
			}},
		{name: "two of four down", want: diagnose.Halted, says: []string{"20 of 40 power is seen to vote, and a quorum needs 27", "val-2 (power 10) is missing, by val-0, val-1"},
			do: func(c *chaintest.Chain) {
				c.Node("http://val-2:7601").Stop()
				c.Node("http://val-3:7601").Stop()
				c.Advance(8)
				c.Elapse(time.Minute)
			}},
		{name: "all up and nothing gets final", want: diagnose.Halted, says: []string{"no height became final"},
			do: func(c *chaintest.Chain) {
				for _, at := range c.Endpoints() {
					c.Node(at).Waiting(time.Minute)
				}
				c.Elapse(time.Minute)
			}},
		{name: "two nodes disagree", want: diagnose.Degraded, says: []string{"val-1 (power 10): accounts differ, val-0 see it and val-2, val-3 do not"}, not: []string{"is missing"},
			do: func(c *chaintest.Chain) {
				id := c.Node("http://val-1:7601").Identity()
				c.Node("http://val-2:7601").Blind(id, true)
				c.Node("http://val-3:7601").Blind(id, true)
				for _, at := range c.Endpoints() {
					c.Node(at).Waiting(time.Second)
				}
				c.Advance(9)
			}},
		{name: "one witness proves nothing", want: diagnose.Degraded, says: []string{"whose word alone proves nothing"}, not: []string{"is missing"},
			do: func(c *chaintest.Chain) {
				for _, at := range c.Endpoints()[1:] {
					c.Node(at).Stop()
				}
				c.Elapse(time.Minute)
			}},
		{name: "a suspended one", want: diagnose.Degraded, says: []string{"val-0 is in the set and does not sign: suspended"},
			do: func(c *chaintest.Chain) {
				if err := c.SuspendSigning(context.Background(), chain.AdminEndpoint{URL: "http://val-0:7602"}, "boot count fell"); err != nil {
					panic(err)
				}
			}},
		{name: "powers decide", want: diagnose.Halted, chain: chaintest.Options{Powers: []uint64{12, 7, 7, 7, 7}}, says: []string{"28 of 42"},
			do: func(c *chaintest.Chain) {
				c.Node("http://val-0:7601").Stop()
				c.SetPower(c.Name(0), 14)
				c.Advance(1)
				c.Elapse(time.Minute)
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := chaintest.New(tc.chain)
			c.Advance(20)
			tc.do(c)
			r := diagnose.Of(ask(c))
			var found []string
			for _, f := range r.Findings {
				found = append(found, f.What)
				if f.Do == "" {
					t.Errorf("%q says not what to do", f.What)
				}
			}
			all := strings.Join(found, "\n")
			if r.State != tc.want {
				t.Errorf("it is %s, want %s:\n%s", r.State, tc.want, all)
			}
			for _, s := range tc.says {
				if !strings.Contains(all, s) {
					t.Errorf("nothing says %q in\n%s", s, all)
				}
			}
			for _, s := range tc.not {
				if strings.Contains(all, s) {
					t.Errorf("it says %q:\n%s", s, all)
				}
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	r := diagnose.Of([]diagnose.Account{{Node: "val-0"}})
	if r.State != diagnose.Untold {
		t.Errorf("without an account it says %s", r.State)
	}
}
