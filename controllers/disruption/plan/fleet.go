package plan

import (
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// PodState is what the API server has of a validator's pod.
type PodState string

// Values of PodState.
const (
	PodRunning PodState = "Running"
	PodPending PodState = "Pending" // there, and not running
	PodGoing   PodState = "Going"   // being deleted
	PodGone    PodState = "Gone"
)

// BudgetState is what its PodDisruptionBudget says. // rule: pdb-two-states
type BudgetState string

// Values of BudgetState.
const (
	BudgetNone   BudgetState = ""
	BudgetClosed BudgetState = "Closed"
	BudgetOpen   BudgetState = "Open"
	BudgetOther  BudgetState = "Other" // neither of the two: somebody changed it
	BudgetTaken  BudgetState = "Taken" // one of its name is somebody else's: it is left alone
)

// Ask is a wish for a token. // rule: token-request
type Ask struct {
	Kind   Kind
	Reason string // "drain:NODE", "rollout:HASH", "genesis:HASH" or a person's words
	// Annotation is the value that asks; empty: a node or a template does.
	Annotation string
	// Repair: its pod cannot run as it is. Full nodes need not go first.
	Repair bool
	// Drained: its node is cordoned or tainted, and asks for as long as it is, whatever
	// became of the annotation beside it.
	Drained bool
	// Explicit is a person's word that the chain may halt. // rule: undrainable
	Explicit bool
}

// Validator is one of ours.
type Validator struct {
	Name       string
	ID         ledger.ID   // on chain; zero: not known
	Identities []ledger.ID // of its instances
	PodUID     string
	PodState   PodState
	// Disrupted: the budget's status says that an eviction of the pod was let pass.
	Disrupted bool
	Budget    BudgetState
	// Foreign is another budget that selects its pod: the API server then refuses every
	// eviction.
	Foreign string
	Ask     *Ask
	// Outdated is the template that its pod is not of; empty: it is.
	Outdated string
	// Trouble is why its pod does not come up; empty: nothing is known against it.
	Trouble string
	// Told is what its condition Missing says so far.
	Told Told
}

func (f *Validator) member(v *View) *Member { return v.Find(f.ID, f.Identities...) }

// known says whether it could be found in a set that it is in.
func (f *Validator) known() bool { return f.ID != (ledger.ID{}) || len(f.Identities) > 0 }

// Input is all that a step is decided from.
type Input struct {
	Now time.Time
	// Asked is when the nodes had answered.
	Asked  time.Time
	Ledger Ledger
	View   View
	Fleet  []Validator
	Policy Policy
	Paused bool
	// DrainsNotSeen: nodes cannot be read, so cordons ask for nothing.
	DrainsNotSeen bool
	// NoLeases: the operator has no key on the chain; the owner's lease is waited for.
	NoLeases bool
	// Leaving names what was signed that changes the set or its powers; empty: nothing was.
	Leaving string
	// FullNodesWait says what full nodes lack of a rollout: they go first. Empty: they are
	// done, or there are none.
	FullNodesWait string
}

func (in *Input) find(name string) *Validator {
	for i := range in.Fleet {
		if in.Fleet[i].Name == name {
			return &in.Fleet[i]
		}
	}
	return nil
}

// Going notes that a validator's pod was seen to be going, or gone.
func (in *Input) Going(name string) {
	in.Fleet = slices.Clone(in.Fleet)
	if f := in.find(name); f != nil {
		f.PodState = PodGoing
	}
}

// member of a token: by its validator, or by what was recorded at the grant.
func (in *Input) member(t *Token) *Member {
	if f := in.find(t.Validator); f != nil {
		if m := f.member(&in.View); m != nil {
			return m
		}
	}
	return in.View.Find(t.Member)
}

// TakesPower says whether a granted token takes power from the present set that was not
// counted as down before.
func (in *Input) TakesPower(t *Token) bool {
	if t == nil || t.Again {
		return false
	}
	m := in.member(t)
	return m != nil && m.Presence != Missing
}

// explicit says whether a person lets the chain halt for it, once: the act is over when
// its pod was evicted. // rule: undrainable
func (f *Validator) explicit(l *Ledger) bool {
	return f.Ask != nil && f.Ask.Explicit && (f.Ask.Annotation == "" || l.Served[f.Name] != f.Ask.Annotation)
}

// shared says whether other operators run validators of the chain: the budget is then
// divided by leases on chain. // rule: maintain
func (in *Input) shared() bool {
	if !in.View.Ledger {
		return false
	}
	ours := map[ledger.ID]bool{}
	for i := range in.Fleet {
		if m := in.Fleet[i].member(&in.View); m != nil {
			ours[m.ID] = true
		}
	}
	return len(ours) < len(in.View.Members)
}
