package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// smallest set of which one may be down: with fewer no one may.
const smallest = 4

// namedHolders bounds who is named in a refusal.
const namedHolders = 5

// Policy is what the network's spec says of disruption.
type Policy struct {
	// Halt allows what halts the chain. // rule: undrainable
	Halt bool
	// Reserve keeps the largest other power up as well, in a set that is large enough.
	Reserve bool
}

const unknownVotes = "not known to vote"

// holder is a validator that is down, and by what.
type holder struct {
	name string
	why  string
}

// Count is who is down, each validator once.
type Count struct {
	view *View
	down map[ledger.ID]holder
}

// NewCount adds up tokens, missing and unknown, and leases; gone are members whose pods
// are going or not there without a token.
func NewCount(v *View, l *Ledger, fleet []Validator) Count {
	c := Count{view: v, down: map[ledger.ID]holder{}}
	names := map[ledger.ID]string{}
	for _, f := range fleet {
		if m := f.member(v); m != nil {
			names[m.ID] = f.Name
			if f.PodState == PodGone || f.PodState == PodGoing {
				c.down[m.ID] = holder{f.Name, "has no running pod"}
			}
		}
	}
	name := func(m *Member) string {
		if n := names[m.ID]; n != "" {
			return n
		}
		if m.Moniker != "" {
			return m.Moniker
		}
		return m.ID.String()[:12]
	}
	for i := range v.Members {
		m := &v.Members[i]
		switch {
		case m.Presence == Missing:
			c.down[m.ID] = holder{name(m), "missing"}
		case m.Presence == Unknown:
			c.down[m.ID] = holder{name(m), unknownVotes}
		case m.Leased:
			c.down[m.ID] = holder{name(m), "in maintenance on chain"}
		}
	}
	for i := range l.Tokens {
		t := &l.Tokens[i]
		if m := c.memberOf(t, fleet); m != nil {
			word := map[Kind]string{Drain: "draining", Rollout: "restarting"}[t.Kind]
			c.down[m.ID] = holder{t.Validator, word + " since " + t.Since.UTC().Format("15:04")}
		}
	}
	return c
}

func (c *Count) memberOf(t *Token, fleet []Validator) *Member {
	for _, f := range fleet {
		if f.Name == t.Validator {
			if m := f.member(c.view); m != nil {
				return m
			}
		}
	}
	return c.view.Find(t.Member)
}

// Allowed is the most power that may be down: 3 times it stays below the total.
func (c *Count) Allowed() uint64 {
	if c.view.Total == 0 {
		return 0
	}
	return (c.view.Total - 1) / 3
}

// Power is what is down with those that are added, each once.
func (c *Count) Power(with ...ledger.ID) uint64 {
	var sum uint64
	for _, m := range c.view.Members {
		if _, ok := c.down[m.ID]; ok || slices.Contains(with, m.ID) {
			sum += m.Power
		}
	}
	return sum
}

// Undrainable says why a member can never be taken down without halting the chain;
// empty: it can. // rule: undrainable
func (v *View) Undrainable(m *Member) string {
	if len(v.Members) < smallest {
		return fmt.Sprintf("the set has %d validators, and the chain halts when one of fewer than %d is down", len(v.Members), smallest)
	}
	if m != nil && m.Power > (v.Total-1)/3 {
		return fmt.Sprintf("its power is %d of %d, a third or more: the chain halts without it", m.Power, v.Total)
	}
	return ""
}

// Refusal is why there is no token; the zero Refusal is none.
type Refusal struct {
	Reason  string
	Message string
	// Waits: what is asked for comes when others are back; what is behind it in the queue
	// waits too.
	Waits bool
}

// OK says that nothing refuses.
func (r Refusal) OK() bool { return r.Reason == "" }

// Decide says whether v may be taken down too. explicit is a person's word that the
// chain may halt.
func (c *Count) Decide(m *Member, p Policy, explicit bool) Refusal {
	v := c.view
	if v.Total == 0 {
		return Refusal{"ChainUnknown", "no node of the chain tells its validator set: nothing is granted until two do", true}
	}
	if m == nil {
		return Refusal{} // outside the set: no power is taken down
	}
	if why := v.Undrainable(m); why != "" {
		if !p.Halt && !explicit {
			return Refusal{v1alpha1.ReasonUndrainable, why + "; to take it down anyway set disruption.halt: Allowed, or ask once by `kubectl bedrock disrupt --halt`", false}
		}
		if c.othersDown(m.ID) {
			return c.exhausted(m.ID, "another one is down already")
		}
		return Refusal{}
	}
	if m.Presence == Missing { // already down: it costs nothing
		return Refusal{}
	}
	if c.Power(m.ID) > c.Allowed() {
		return c.exhausted(m.ID, "")
	}
	if r := c.reserve(m.ID); p.Reserve && r != nil && c.Power(m.ID, r.ID) > c.Allowed() {
		return c.exhausted(m.ID, fmt.Sprintf("a power of %d is kept in reserve", r.Power))
	}
	return Refusal{}
}

// othersDown says whether anyone else is known to be down. Unknown does not count here:
// in the smallest sets there are no two others to tell.
func (c *Count) othersDown(not ledger.ID) bool {
	for id, h := range c.down {
		if id != not && h.why != unknownVotes {
			return true
		}
	}
	return false
}

// reserve is the largest other power that is up, in a set that can lose its two largest
// at once; nil in a smaller one.
func (c *Count) reserve(not ledger.ID) *Member {
	var first, second uint64
	var largest *Member
	for i := range c.view.Members {
		m := &c.view.Members[i]
		if m.Power > first {
			first, second = m.Power, first
		} else if m.Power > second {
			second = m.Power
		}
		if _, down := c.down[m.ID]; !down && m.ID != not && (largest == nil || m.Power > largest.Power) {
			largest = m
		}
	}
	if first > c.Allowed() || second > c.Allowed()-first {
		return nil
	}
	return largest
}

// exhausted says who holds what.
func (c *Count) exhausted(id ledger.ID, also string) Refusal {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d would be down, %d allowed", c.Power(id), c.view.Total, c.Allowed())
	if also != "" {
		fmt.Fprintf(&b, ", and %s", also)
	}
	n := 0
	for _, m := range c.view.Members {
		h, ok := c.down[m.ID]
		if !ok || m.ID == id {
			continue
		}
		if n++; n > namedHolders {
			b.WriteString("; and others")
			break
		}
		fmt.Fprintf(&b, "; %s %s", h.name, h.why)
	}
	return Refusal{v1alpha1.ReasonPowerBudgetExhausted, b.String(), true}
}
