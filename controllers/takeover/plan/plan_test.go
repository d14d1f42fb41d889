package plan

import (
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

var (
	noon       = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	old, young = ledger.ID{1}, ledger.ID{2}
)

// steady is a validator in a set of four that votes.
func steady() Input {
	return Input{Now: noon, Automatic: true, Active: 1, Instances: []Instance{{Number: 1, Role: v1alpha1.InstanceActive, Identity: old}},
		Chain: Chain{Known: true, Finalises: true, Ledger: true, Height: 100, Listed: true, InSet: true, Identity: old, Power: 1, Total: 4, Members: 4, Window: 3600_000}}
}

func missing(in *Input) {
	in.Missing, in.Since, in.OutOfReach, in.Chain.Missing = true, noon.Add(-missingFor), "node-3 is NotReady", true
}

func under(in *Input) {
	in.Takeover = &v1alpha1.TakeoverStatus{Reason: Missing, Successor: 2, Expect: v1alpha1.Ed25519Key(old.String())}
	in.Instances = append(in.Instances, Instance{Number: 2, Role: v1alpha1.InstanceSuccessor, Identity: young, Answers: true, Height: 100})
}

func TestNext(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Input)
		act    Act
		reason string
	}{
		{"steady", func(*Input) {}, Rest, "NotNeeded"},
		{"missing, volume in reach", func(in *Input) { missing(in); in.OutOfReach = "" }, Rest, "VolumeInReach"},
		{"missing lately", func(in *Input) { missing(in); in.Since = noon.Add(-missingFor + time.Second) }, Rest, "MissingLately"},
		{"missing for 10 minutes, out of reach", missing, Begin, "TakeoverBegins"},
		{"missing by an old condition, and its votes are seen now", func(in *Input) { missing(in); in.Chain.Missing = false }, Rest, "NotMissingNow"},
		{"missing by an old condition, and it voted since", func(in *Input) { missing(in); in.Chain.Voted = true }, Rest, "MissingAgain"},
		{"asked, and it voted since", func(in *Input) { missing(in); in.Chain.Voted, in.Request = true, "now" }, Begin, "TakeoverBegins"},
		{"missing, and too few could be asked since", func(in *Input) { missing(in); in.Unasked = true }, Rest, "WitnessesUnasked"},
		{"manual waits", func(in *Input) { missing(in); in.Automatic = false }, Rest, "Manual"},
		{"signer volume lost", func(in *Input) { missing(in); in.SignerLost = true }, Begin, "TakeoverBegins"},
		{"asked", func(in *Input) { in.Request = "now" }, Begin, "TakeoverBegins"},
		{"asked and done", func(in *Input) { in.Request, in.LastRequest = "now", "now" }, Rest, "NotNeeded"},
		{"paused", func(in *Input) { missing(in); in.Paused = true }, Rest, "Paused"},
		{"nobody tells the set", func(in *Input) { missing(in); in.Chain = Chain{} }, Rest, "ChainUnknown"},
		{"halted", func(in *Input) { missing(in); in.Chain.Finalises = false }, Rest, "ChainHalted"},
		{"asked on a halted chain", func(in *Input) { in.Request = "now"; in.Chain.Finalises = false }, Rest, "ChainHalted"},
		{"no rotate", func(in *Input) { missing(in); in.Chain.Ledger = false }, Rest, "ExecutorWithoutRotate"},
		{"not on the chain", func(in *Input) { missing(in); in.Chain.Listed = false }, Rest, "NotOnChain"},
		{"above the window", func(in *Input) { missing(in); in.Chain.Rotated = 1 }, Rest, "RotationWindow"},
		{"no window", func(in *Input) { missing(in); in.Chain.Rotated, in.Chain.Window = 1, 0 }, Begin, "TakeoverBegins"},
		{"the chain names another identity", func(in *Input) { in.Chain.Identity = ledger.ID{9} }, Follow, "InstanceSuperseded"},
		{"the chain names an older status's successor", func(in *Input) {
			in.Instances = append(in.Instances, Instance{Number: 2, Role: v1alpha1.InstanceSuperseded, Identity: young})
			in.Chain.Identity = young
		}, Follow, "TakenOver"},
		{"superseded, and asked", func(in *Input) { in.Chain.Identity = ledger.ID{9}; in.Request = "again" }, Begin, "TakeoverBegins"},
		{"superseded, asked, and begun", func(in *Input) {
			under(in)
			in.Chain.Identity, in.Takeover.Reason, in.Takeover.Expect, in.Instances[0].Role = ledger.ID{9}, Requested, "", v1alpha1.InstanceSuperseded
		}, Sign, "Rotating"},
		{"superseded while it was being taken over by itself", func(in *Input) {
			under(in)
			in.Chain.Identity, in.Takeover.Expect = ledger.ID{9}, ""
		}, Follow, "InstanceSuperseded"},
		{"successor without identity", func(in *Input) { under(in); in.Instances[1].Identity = ledger.ID{} }, Rest, "SuccessorIdentity"},
		{"successor does not answer", func(in *Input) { under(in); in.Instances[1].Answers = false }, Rest, "SuccessorStarting"},
		{"successor syncs", func(in *Input) { under(in); in.Instances[1].Syncing = true }, Rest, "SuccessorSyncing"},
		{"successor is behind", func(in *Input) { under(in); in.Instances[1].Height = 90 }, Rest, "SuccessorSyncing"},
		{"successor is synced", under, Sign, "Rotating"},
		{"halted while the successor syncs", func(in *Input) { under(in); in.Instances[1].Syncing, in.Chain.Finalises = true, false }, Rest, "ChainHalted"},
		{"halted before it is signed", func(in *Input) { under(in); in.Chain.Finalises = false }, Rest, "ChainHalted"},
		{"stored", func(in *Input) { stored(in, nil) }, Send, "Rotating"},
		{"waits in a pool", func(in *Input) { stored(in, &Sent{Known: true, Expires: 90}) }, Send, "Rotating"},
		{"expired", func(in *Input) { stored(in, &Sent{Expires: 90}) }, Renew, "Expired"},
		{"refused by the chain", func(in *Input) { stored(in, &Sent{Known: true, Final: true, Code: 53, Word: "rotation_limit"}) }, Renew, "Refused"},
		{"executed", func(in *Input) { stored(in, &Sent{Known: true, Final: true}) }, Rest, "AwaitingEpoch"},
		{"executed, the row names it, the epoch does not", func(in *Input) {
			stored(in, &Sent{Known: true, Final: true})
			in.Chain.Identity, in.Chain.InSet = young, false
		}, Rest, "AwaitingEpoch"},
		{"an epoch names it", func(in *Input) { stored(in, &Sent{Known: true, Final: true}); in.Chain.Identity = young }, Follow, "TakenOver"},
		{"another one was faster", func(in *Input) { stored(in, nil); in.Chain.Identity = ledger.ID{9} }, Follow, "InstanceSuperseded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := steady()
			tt.change(&in)
			if s := Next(in); s.Act != tt.act || s.Reason != tt.reason {
				t.Errorf("%q %s: %s\nwant %q %s", s.Act, s.Reason, s.Message, tt.act, tt.reason)
			}
		})
	}
}

func stored(in *Input, sent *Sent) {
	under(in)
	in.Takeover.Transaction, in.Sent = "bytes", sent
}

func TestHandoff(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Input)
		act    Act
		reason string
	}{
		{"synced", func(*Input) {}, Send, "HandingOff"},
		{"syncing", func(in *Input) { in.Instances[0].Syncing = true }, Rest, "HandoffSyncing"},
		{"not signed yet", func(in *Input) { in.Unsigned, in.Sent = true, nil }, Rest, "HandoffAwaited"},
		{"another cluster was faster", func(in *Input) { in.Chain.Identity = ledger.ID{9} }, Rest, "Superseded"},
		{"stale by the ledger", func(in *Input) {
			in.Sent = &Sent{Final: true, Known: true, Code: 45, Word: "stale", Expires: 200, Expect: old}
		}, Rest, "Superseded"},
		{"expired", func(in *Input) { in.Sent.Expires = 90 }, Rest, "Superseded"},
		{"altered", func(in *Input) { in.Sent = &Sent{Bad: "is signed by nobody"} }, Rest, "HandoffInvalid"},
		{"signed for another one, which is not in", func(in *Input) { in.Sent.Bad, in.Sent.Other = "is for identity 9", true }, Rest, "HandoffInvalid"},
		{"signed for another one, which got in", func(in *Input) {
			in.Sent.Bad, in.Sent.Other = "is for identity 9", true
			in.Chain.Identity = ledger.ID{9}
		}, Rest, "Superseded"},
		{"signed for another one, and nobody tells the set", func(in *Input) {
			in.Sent.Bad, in.Sent.Other = "is for identity 9", true
			in.Chain = Chain{}
		}, Rest, "HandoffInvalid"},
		{"altered, and another one got in", func(in *Input) {
			in.Sent = &Sent{Bad: "is signed by nobody"}
			in.Chain.Identity = ledger.ID{9}
		}, Rest, "HandoffInvalid"},
		{"in the set", func(in *Input) { in.Chain.Identity = young }, Rest, "NotNeeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := steady()
			in.Handoff, in.Instances[0].Identity, in.Sent = true, young, &Sent{Expires: 200, Expect: old}
			in.Instances[0].Answers, in.Instances[0].Height = true, 100
			tt.change(&in)
			if s := Next(in); s.Act != tt.act || s.Reason != tt.reason {
				t.Errorf("%q %s: %s\nwant %q %s", s.Act, s.Reason, s.Message, tt.act, tt.reason)
			}
		})
	}
}
