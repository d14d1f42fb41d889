package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// State is what a report comes to.
type State string

// Values of State.
const (
	Fine     State = "fine"
	Degraded State = "degraded"
	Halted   State = "halted"
	// Untold: no node answered, which says nothing of the chain.
	Untold State = "untold"
)

// Report is what the accounts say together.
type Report struct {
	State   State  `json:"state"`
	ChainID string `json:"chainID,omitempty"`
	Genesis string `json:"genesis,omitempty"`
	Epoch   uint64 `json:"epoch"`
	// FinalHeight is the highest of any node, and its age by that node's clock.
	FinalHeight   uint64        `json:"finalHeight"`
	FinalAge      time.Duration `json:"finalAgeNanos"`
	OldestWaiting time.Duration `json:"oldestWaitingNanos"`
	Leader        string        `json:"leader,omitempty"`
	View          uint64        `json:"view"`
	FailedViews   uint64        `json:"failedViews"`
	ViewTimer     time.Duration `json:"viewTimerNanos"`

	TotalPower  uint64 `json:"totalPower"`
	VotingPower uint64 `json:"votingPower"`
	// Quorum is the least power that makes a block final.
	Quorum uint64 `json:"quorum"`

	Validators []Validator `json:"validators"`
	Nodes      []Node      `json:"nodes"`
	Findings   []Finding   `json:"findings"`
}

// Node is one node in short.
type Node struct {
	Node        string    `json:"node"`
	Identity    ledger.ID `json:"identity"`
	FinalHeight uint64    `json:"finalHeight"`
	Signing     bool      `json:"signing"`
	WhyNot      string    `json:"whyNot,omitempty"`
	Syncing     bool      `json:"syncing"`
	Version     string    `json:"version,omitempty"`
	Executor    string    `json:"executor,omitempty"`
	Error       string    `json:"error,omitempty"`
}

// Finding is one thing that is not as it should be.
type Finding struct {
	State State  `json:"state"`
	What  string `json:"what"`
	Do    string `json:"do"`
}

// Of makes a report of what nodes said.
func Of(accounts []Account) *Report {
	r := &Report{State: Fine}
	best := newest(accounts)
	progress := false
	for i := range accounts {
		r.node(&accounts[i])
		progress = progress || accounts[i].Status != nil && progresses(accounts[i].Status)
	}
	if best == nil {
		r.State = Untold
		r.add(Untold, "no node answered", "is the network running, and can you reach its pods? Name a node by --endpoint http://HOST:PORT")
		return r
	}
	s := best.Status
	r.ChainID, r.Genesis, r.Epoch, r.View = s.ChainID, s.Genesis.String(), s.Epoch, s.View
	r.FinalHeight, r.FinalAge, r.OldestWaiting = s.FinalHeight, s.CommitAge, s.OldestWaiting
	r.FailedViews, r.ViewTimer = s.FailedViews, s.ViewTimer
	set, members := validators(accounts, progress)
	r.Validators = members
	if set != nil {
		r.TotalPower, r.Quorum = set.TotalPower, set.TotalPower-(set.TotalPower-1)/3
		for i := range members {
			if members[i].Identity == s.LeaderKey {
				r.Leader = label(&members[i])
			}
		}
	}
	r.judge(progress)
	return r
}

func (r *Report) node(a *Account) {
	n := Node{Node: a.Node}
	switch {
	case a.Status != nil:
		s := a.Status
		n.Identity, n.FinalHeight, n.Signing, n.WhyNot, n.Syncing, n.Version = s.Identity, s.FinalHeight, s.Signing, s.WhyNot, s.Syncing, s.Version
		n.Executor = s.Executor.String()
		if s.MissingModule != "" {
			r.add(Degraded, a.Node+" lacks the executor's module: "+s.MissingModule, "give it the module: bedrock executor add")
		}
	case a.Err != nil:
		n.Error = a.Err.Error()
	default:
		n.Error = "it did not answer"
	}
	r.Nodes = append(r.Nodes, n)
}

func (r *Report) add(state State, what, do string) {
	r.Findings = append(r.Findings, Finding{state, what, do})
}

// judge finds what is wrong, the worst first.
func (r *Report) judge(progress bool) {
	lost := r.power()
	if r.TotalPower > 0 {
		switch {
		case lost*3 >= r.TotalPower:
			r.add(Halted, fmt.Sprintf("%d of %d power is seen to vote, and a quorum needs %d", r.VotingPower, r.TotalPower, r.Quorum),
				"bring back the validators named below; their volumes hold what they need (docs/runbooks/halted-chain.md)")
		case !progress:
			r.add(Halted, fmt.Sprintf("no height became final for %s while work waits, and %d views failed in a row", round(r.FinalAge), r.FailedViews),
				"look at the nodes' logs for what stops the leaders (docs/runbooks/halted-chain.md)")
		}
	}
	for i := range r.Validators {
		r.absence(&r.Validators[i])
	}
	for i := range r.Nodes {
		r.trouble(&r.Nodes[i])
	}
	r.skew()
	for _, f := range r.Findings {
		if f.State == Halted {
			r.State = Halted
		} else if f.State == Degraded && r.State == Fine {
			r.State = Degraded
		}
	}
}

// power adds up who votes and answers how much is known to be missing. What is
// unknown is neither.
func (r *Report) power() (lost uint64) {
	for i := range r.Validators {
		switch v := &r.Validators[i]; v.Presence {
		case Voting:
			r.VotingPower += v.Power
		case Missing:
			lost += v.Power
		}
	}
	return lost
}

func (r *Report) absence(v *Validator) {
	switch v.Presence {
	case Missing:
		what := fmt.Sprintf("%s (power %d) is missing, by %s", label(v), v.Power, strings.Join(sorted(v.NotSeenBy), ", "))
		if v.LastVote > 0 {
			what += fmt.Sprintf("; its last vote was seen at height %d", v.LastVote)
		}
		r.add(Degraded, what, "see its conditions (kubectl bedrock status) and its pod")
	case Unknown:
		what := fmt.Sprintf("%s (power %d): nobody can tell", label(v), v.Power)
		if len(v.NotSeenBy) > 0 && len(v.SeenBy) > 0 {
			what = fmt.Sprintf("%s (power %d): accounts differ, %s see it and %s do not", label(v), v.Power, strings.Join(sorted(v.SeenBy), ", "), strings.Join(sorted(v.NotSeenBy), ", "))
		} else if len(v.NotSeenBy) > 0 {
			what = fmt.Sprintf("%s (power %d) is not seen by %s, whose word alone proves nothing", label(v), v.Power, strings.Join(v.NotSeenBy, ", "))
		}
		r.add(Degraded, what, "ask more nodes: at least two others must answer")
	}
}

func (r *Report) trouble(n *Node) {
	switch {
	case n.Error != "":
		r.add(Degraded, n.Node+" does not answer: "+n.Error, "see its pod, and its logs")
	case n.Syncing:
		r.add(Degraded, fmt.Sprintf("%s syncs: it is at height %d of %d", n.Node, n.FinalHeight, r.FinalHeight), "wait, or see its logs for why it does not get on")
	case !n.Signing && r.member(n.Identity):
		r.add(Degraded, n.Node+" is in the set and does not sign: "+n.WhyNot, "the reason says what it waits for (docs/key-safety.md)")
	}
}

func (r *Report) member(identity ledger.ID) bool {
	for i := range r.Validators {
		if r.Validators[i].Identity == identity {
			return true
		}
	}
	return false
}

// skew finds nodes that run another module than the most.
func (r *Report) skew() {
	by := map[string][]string{}
	for _, n := range r.Nodes {
		if n.Error == "" && !n.Syncing {
			by[n.Executor] = append(by[n.Executor], n.Node)
		}
	}
	if len(by) < 2 {
		return
	}
	var parts []string
	for hash, nodes := range by {
		parts = append(parts, fmt.Sprintf("%.12s on %s", hash, strings.Join(sorted(nodes), ", ")))
	}
	r.add(Degraded, "executor modules differ: "+strings.Join(sorted(parts), "; "), "during an upgrade this passes; otherwise see docs/execution.md")
}

func label(v *Validator) string {
	if v.Moniker != "" {
		return v.Moniker
	}
	return v.Identity.String()[:12]
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second / 10)
}
