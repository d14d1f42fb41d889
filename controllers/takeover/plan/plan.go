package plan

import (
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

const (
	// missingFor is how long a validator is missing before it is taken over by itself.
	missingFor = 10 * time.Minute
	// maxInstances of a Validator are recorded.
	maxInstances = 16
	// nearHeights behind the chain, a successor counts as synced.
	nearHeights = 4
	// smallestWithWindow is the set from which on the rotation window binds.
	smallestWithWindow = 4
)

// Reasons of a takeover, in status.takeover and the metric's label.
const (
	Requested        = "Requested"
	Missing          = "Missing"
	SignerVolumeLost = "SignerVolumeLost"
	Handoff          = "Handoff"
)

// Instance is one of the Validator's.
type Instance struct {
	Number   int32
	Role     v1alpha1.InstanceRole
	Identity ledger.ID // zero: not known yet
	// Answers, Syncing and Height are its node's own word.
	Answers, Syncing bool
	Height           uint64
}

// Chain is what the chain says of the validator.
type Chain struct {
	Known     bool // two nodes or more tell the set
	Finalises bool // two nodes other than it say so
	Ledger    bool // its executor has rotate
	Height    uint64
	TimeMs    uint64
	Listed    bool      // it has a row that has not left
	InSet     bool      // Identity is that of the present epoch's set
	Identity  ledger.ID // that the chain names
	Power     uint64
	// Missing: two nodes other than it say so now. The condition, which tells since when,
	// may be of a time before the operator stood still.
	Missing bool
	// Voted: a vote of it was noted after that condition became True.
	Voted   bool
	Total   uint64
	Members int
	// Rotated is the power of the others that was rotated within the window.
	Rotated uint64
	Window  uint64 // ms; 0: none
}

// Sent is what became of the stored transaction.
type Sent struct {
	Known   bool // a node knows it
	Final   bool
	Code    uint32
	Word    string // the ledger's word for the code, or a pool's reason
	Text    string
	Expires uint64    // its last height
	Expect  ledger.ID // what it must find
	Bad     string    // it is not what it should be, and why
	// Other: nothing is wrong with it but that it is for another identity than ours.
	Other bool
}

// Input is all that a step is decided from.
type Input struct {
	Now         time.Time
	Paused      bool
	Automatic   bool
	Request     string // the annotation's value
	LastRequest string
	Handoff     bool // spec.handoff
	Unsigned    bool // spec.handoff has no transaction yet
	Missing     bool // by the condition, and since when
	Since       time.Time
	Unasked     bool // it stands for want of a newer word
	// OutOfReach says why its volume cannot be had; empty: it can.
	OutOfReach string
	SignerLost bool
	Instances  []Instance
	Active     int32 // as the status has it
	Takeover   *v1alpha1.TakeoverStatus
	Chain      Chain
	Sent       *Sent // nil: nothing was asked yet
}

// Awaits says whether a step depends on the word of an instance's own node: that of the
// successor, or of the first, which a handoff is for. The others may be dead for long.
func (in *Input) Awaits(number int32) bool {
	return in.Takeover != nil && in.Takeover.Successor == number || in.Handoff && number == 1
}

// Act is what to do.
type Act string

// Values of Act.
const (
	Rest   Act = ""       // nothing
	Begin  Act = "Begin"  // write a takeover with a successor
	Sign   Act = "Sign"   // consent, rotate, and store the bytes
	Send   Act = "Send"   // send the stored bytes
	Renew  Act = "Renew"  // take out bytes that the chain can no longer take
	Follow Act = "Follow" // set the roles to what the chain names
)

// Step is a decision: its reason is the condition's.
type Step struct {
	Act       Act
	Reason    string
	Message   string
	Why       string // Begin: the takeover's reason
	Successor int32  // Begin, Sign, Send
	Active    int32  // Follow: 0 where the chain names none of ours
	Ended     string // Follow: reason of the takeover that this ends well
	OK        bool   // the condition is True
	IfRefused string // Send: the reason where a node refuses the bytes
}

func wait(reason, format string, args ...any) Step {
	return Step{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Next decides one step.
func Next(in Input) Step {
	if s, ok := follow(&in); ok { // rule: chain-over-API
		return s
	}
	if in.Handoff && in.Takeover == nil && !named(&in) {
		return handoff(&in)
	}
	if in.Takeover != nil {
		return goOn(&in)
	}
	why, s := due(&in)
	if why == "" {
		return s
	}
	if s, refused := refuse(&in); refused {
		return s
	}
	if len(in.Instances) >= maxInstances {
		return wait("TooManyInstances", "it had %d instances, as many as are recorded: make another Validator and hand this one over to it", len(in.Instances))
	}
	var last int32
	for _, i := range in.Instances {
		last = max(last, i.Number)
	}
	return Step{Act: Begin, Reason: "TakeoverBegins", Message: "a new instance is made: " + why, Why: why, Successor: last + 1, OK: true}
}

// named says whether the chain names one of ours.
func named(in *Input) bool {
	for _, i := range in.Instances {
		if in.Chain.Known && in.Chain.Listed && in.Chain.InSet && i.Identity == in.Chain.Identity {
			return true
		}
	}
	return false
}

// follow has the status say what the chain says.
func follow(in *Input) (Step, bool) {
	c := &in.Chain
	if !c.Known || !c.Listed {
		return Step{}, false
	}
	for _, i := range in.Instances {
		if i.Identity != c.Identity || i.Identity == (ledger.ID{}) {
			continue
		}
		if i.Number == in.Active && i.Role == v1alpha1.InstanceActive && (in.Takeover == nil || in.Takeover.Successor != i.Number) {
			return Step{}, false
		}
		if !c.InSet { // executed, and no epoch certificate names it yet
			return wait("AwaitingEpoch", "the chain has executed the rotation; waits for the epoch that names instance %d", i.Number), true
		}
		s := Step{Act: Follow, Reason: "TakenOver", Message: fmt.Sprintf("the chain names instance %d", i.Number), Active: i.Number, OK: true}
		if in.Takeover != nil && in.Takeover.Successor == i.Number {
			s.Ended = in.Takeover.Reason
		} else if in.Handoff && i.Number == 1 {
			s.Ended = Handoff
		}
		return s, true
	}
	known := false
	for _, i := range in.Instances {
		known = known || i.Identity != (ledger.ID{})
	}
	if !known || in.Handoff && in.Takeover == nil {
		return Step{}, false
	}
	// Who asks for a takeover has seen the chain's word; its expected identity is known
	// once it is signed.
	asked := in.Request != "" && in.Request != in.LastRequest ||
		in.Takeover != nil && in.Takeover.Reason == Requested && in.Takeover.Expect == ""
	if in.Takeover != nil && c.Identity.String() == string(in.Takeover.Expect) || asked {
		return Step{}, false
	}
	text := fmt.Sprintf("the chain names identity %s, which none of this Validator's instances has: they sign nothing. It runs elsewhere; to have it here again ask by `kubectl bedrock takeover`", c.Identity)
	s := wait(v1alpha1.ReasonInstanceSuperseded, "%s", text)
	for _, i := range in.Instances {
		if i.Role != v1alpha1.InstanceSuperseded {
			s.Act = Follow
		}
	}
	return s, true
}

// due says whether a takeover is asked for, or needed.
func due(in *Input) (why string, s Step) {
	if in.Request != "" && in.Request != in.LastRequest {
		return Requested, Step{}
	}
	out := in.OutOfReach
	if in.SignerLost {
		out = "its signer volume is lost"
	}
	switch {
	case !in.Missing:
		return "", wait("NotNeeded", "it is not missing")
	case in.Chain.Known && in.Chain.Finalises && !in.Chain.Missing: // rule: seen
		return "", wait("NotMissingNow", "its condition Missing is of %s, and no two other nodes say so now", in.Since.UTC().Format("15:04"))
	case in.Chain.Voted: // rule: seen
		return "", wait("MissingAgain", "it is missing, and a vote of it was noted after its condition Missing of %s: its time begins anew", in.Since.UTC().Format("15:04"))
	case out == "":
		return "", wait("VolumeInReach", "it is missing, and its volume is in reach: its own process must come back, a takeover would not be faster")
	case !in.Automatic:
		return "", wait("Manual", "it is missing and %s; takeover is Manual: `kubectl bedrock takeover` has a new instance take its place", out)
	case in.Unasked: // rule: seen
		return "", wait(v1alpha1.ReasonWitnessesUnasked, "it was missing since %s, and since then no two other nodes could be asked: nothing is taken over on that", in.Since.UTC().Format("15:04"))
	case in.Now.Sub(in.Since) < missingFor:
		return "", wait("MissingLately", "it is missing and %s; taken over once it is missing for %s", out, missingFor)
	case in.SignerLost:
		return SignerVolumeLost, Step{}
	}
	return Missing, Step{}
}

// refuse is the chain of questions before anything is begun or signed.
func refuse(in *Input) (Step, bool) {
	c := &in.Chain
	switch {
	case in.Paused:
		return wait(v1alpha1.ReasonPaused, "reconciliation is Paused"), true
	case !c.Known:
		return wait("ChainUnknown", "no two nodes of the chain tell its set: nothing is taken over because nobody could be asked"), true
	case !c.Ledger:
		return wait("ExecutorWithoutRotate", "the chain's executor keeps no validators and has no rotate: bring the instance back on its own volume"), true
	case !c.Finalises:
		return halted(), true
	case !c.Listed:
		return wait("NotOnChain", "the chain has no such validator: there is nothing to take over"), true
	case c.InSet && c.Members >= smallestWithWindow && c.Window > 0 && c.Rotated+c.Power > (c.Total-1)/3:
		return wait("RotationWindow", "power %d of %d was rotated lately, and with this one's %d it would be a third or more: waits until the window of %s has passed", c.Rotated, c.Total, c.Power, time.Duration(c.Window)*time.Millisecond), true
	}
	return Step{}, false
}

func halted() Step {
	return wait(v1alpha1.ReasonChainHalted, "the chain does not finalise, so no rotation can be executed: start what has its volumes; see docs/runbooks/halted-chain.md")
}

// goOn takes the next step of a takeover that has begun.
func goOn(in *Input) Step {
	t := in.Takeover
	var next *Instance
	for i := range in.Instances {
		if in.Instances[i].Number == t.Successor {
			next = &in.Instances[i]
		}
	}
	switch {
	case next == nil || next.Identity == (ledger.ID{}):
		return wait("SuccessorIdentity", "instance %d is being made; waits for its identity", t.Successor)
	case t.Transaction != "":
		return follow2(in)
	case in.Chain.Known && !in.Chain.Finalises: // begun while it still looked idle
		return halted()
	case !next.Answers:
		return wait("SuccessorStarting", "waits for the node of instance %d to answer", t.Successor)
	case next.Syncing || next.Height+nearHeights < in.Chain.Height:
		return wait("SuccessorSyncing", "instance %d syncs", t.Successor)
	}
	if s, refused := refuse(in); refused {
		return s
	}
	return Step{Act: Sign, Reason: "Rotating", Message: fmt.Sprintf("instance %d consents, and the rotation is signed", t.Successor), Successor: t.Successor, OK: true}
}

// follow2 follows the stored bytes until the chain has answered.
func follow2(in *Input) Step {
	sent, t := in.Sent, in.Takeover
	sending := Step{Act: Send, Reason: "Rotating", IfRefused: "SubmissionRefused", Message: fmt.Sprintf("the rotation to instance %d is sent, the same bytes until the chain has answered", t.Successor), Successor: t.Successor, OK: true}
	switch {
	case sent == nil:
		return sending
	case sent.Bad != "":
		return Step{Act: Renew, Reason: "Renewed", Message: "the stored rotation is of no use: " + sent.Bad, Successor: t.Successor}
	case sent.Final && sent.Code == 0:
		return wait("AwaitingEpoch", "the rotation is executed; waits for the epoch that names instance %d", t.Successor)
	case sent.Final:
		return Step{Act: Renew, Reason: "Refused", Message: "the chain refused the rotation (" + sent.Word + "); it is made anew", Successor: t.Successor}
	case in.Chain.Known && in.Chain.Height > sent.Expires && !sent.Known:
		return Step{Act: Renew, Reason: "Expired", Message: "the rotation's last height has passed; it is made anew", Successor: t.Successor}
	}
	return sending
}

// handoff follows the owner's transaction for the first instance: of several clusters
// that have one, the ledger lets exactly one in.
func handoff(in *Input) Step {
	var own *Instance
	for i := range in.Instances {
		if in.Instances[i].Number == 1 {
			own = &in.Instances[i]
		}
	}
	c, sent := &in.Chain, in.Sent
	switch {
	case own == nil || own.Identity == (ledger.ID{}):
		return wait("HandoffIdentity", "waits for its identity, which the owner signs for")
	case in.Unsigned:
		return wait("HandoffAwaited", "waits for the authorisation of who holds the validator now, for identity %s: kubectl bedrock handoff", own.Identity)
	case sent == nil:
		return wait("HandoffUnknown", "no node of the chain could be asked")
	case sent.Other && c.Known && c.Listed && c.Identity != sent.Expect && c.Identity != own.Identity:
		return superseded(in, fmt.Sprintf("the chain names identity %s, and the handoff %s", c.Identity, sent.Bad))
	case sent.Bad != "":
		return wait("HandoffInvalid", "spec.handoff.transaction %s", sent.Bad)
	case sent.Final && sent.Code == 0 && c.Identity == own.Identity:
		return wait("AwaitingEpoch", "the handoff is executed; waits for the epoch that names this instance")
	case sent.Final && sent.Code != 0:
		return superseded(in, "the chain refused the handoff ("+sent.Word+")")
	case c.Known && c.Listed && c.Identity != sent.Expect && c.Identity != own.Identity:
		return superseded(in, fmt.Sprintf("the chain names identity %s, not the one that the handoff expects", c.Identity))
	case c.Known && c.Height > sent.Expires && !sent.Known:
		return superseded(in, fmt.Sprintf("the handoff's last height, %d, has passed", sent.Expires))
	case !own.Answers || own.Syncing || own.Height+nearHeights < c.Height:
		return wait("HandoffSyncing", "waits until its node is synced")
	}
	return Step{Act: Send, Reason: "HandingOff", IfRefused: "HandoffRefused", Message: "the owner's transaction is sent, the same bytes until the chain has answered", Successor: 1, OK: true}
}

// superseded is the loser of a handoff: it never signs.
func superseded(in *Input, why string) Step {
	s := wait("Superseded", "%s: this instance never signs. A new authorisation by the owner, for its identity and the present one, would let it in", why)
	return s
}
