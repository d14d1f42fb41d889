package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// rule: seen
func TestSeenNeedsTwoOthers(t *testing.T) {
	s := newScene(t, chaintest.Options{})
	third := s.chain.Node(s.chain.Endpoints()[3]).Identity()
	is := func(what string, want Presence) {
		t.Helper()
		if got := s.look().in.View.Find(s.chain.Name(3)).Presence; got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	is("it votes", Present)
	s.chain.Node(s.chain.Endpoints()[0]).Blind(third, true)
	s.chain.Advance(8)
	is("one of three does not see it", Unknown)
	s.chain.Node(s.chain.Endpoints()[1]).Blind(third, true)
	s.chain.Node(s.chain.Endpoints()[2]).Blind(third, true)
	s.chain.Advance(7)
	is("seen by nobody for 7 heights", Unknown)
	s.chain.Advance(1)
	is("seen by nobody for 8 heights", Missing)
	for _, at := range s.chain.Endpoints()[:2] {
		s.chain.Node(at).Stop()
	}
	is("one witness is left", Unknown)
	s.chain.Node(s.chain.Endpoints()[0]).Start()
	s.chain.Node(s.chain.Endpoints()[1]).Start()
	is("witnesses that just started prove nothing", Unknown)
}

// A slow validator, whose votes come after the certificate, is not missing.
// rule: seen
func TestSeenOnAnIdleChain(t *testing.T) {
	s := newScene(t, chaintest.Options{})
	s.chain.Elapse(10 * time.Minute)
	if step := s.drain(1).next(); step.Verdicts.Disruption["val-1"].Reason != "Granted" || step.Verdicts.Missing["val-1"].Reason != "VotesSeen" {
		t.Errorf("idle for 10 minutes: %+v", step.Verdicts)
	}
	s.stop(2)
	s.chain.Elapse(4 * time.Second)
	if v := s.next().Verdicts.Missing["val-2"]; !v.OK() {
		t.Errorf("unconnected for 3 timers on an idle chain: %+v", v)
	}
}

// A chain that halted while nothing waited is not idle: no work is old and no view fails,
// since without a quorum none ends. // rule: finality-probe
func TestAHaltedChainWithoutWorkDoesNotFinalise(t *testing.T) {
	s := newScene(t, chaintest.Options{})
	s.stop(2)
	s.stop(3)
	s.chain.Elapse(10 * time.Minute)
	view := &s.look().in.View
	for _, m := range view.Members {
		if view.Finalises(m.Identity) {
			t.Errorf("2 of 4 are missing, and the chain finalises for %s: %+v", m.Moniker, view.Members)
		}
	}
	if step := s.drain(1).next(); step.Verdicts.Disruption["val-1"].OK() {
		t.Errorf("a token on a halted chain: %+v", step.Verdicts.Disruption["val-1"])
	}
}

// rule: revoke-on-failure
func TestRevokeOnFailure(t *testing.T) {
	s := newScene(t, chaintest.Options{}).drain(1).token(1, Granted)
	s.in.Fleet[1].Budget = BudgetOpen
	if step := s.next(); len(step.Ends) != 0 {
		t.Fatalf("revoked without a failure: %+v", step.Ends)
	}
	s.stop(2)
	s.chain.Advance(9)
	step := s.next()
	if len(step.Ends) != 1 || step.Ends[0].Validator != "val-1" || len(step.Open) != 0 {
		t.Fatalf("another one dropped out, and %+v", step)
	}
	step.Ended(step.Ends[0], false, "a", &s.in)
	if len(step.Ledger.Tokens) != 0 || len(step.Ledger.Requests) != 1 {
		t.Errorf("after an unused end: %+v", step.Ledger)
	}
}

// rule: finality-probe
func TestFinalityProbe(t *testing.T) {
	s := newScene(t, chaintest.Options{}).drain(1)
	node := func(i int) *chaintest.Node { return s.chain.Node(s.chain.Endpoints()[i]) }
	is := func(what, want string) {
		t.Helper()
		if got, message := s.refused(s.next(), 1); got != want {
			t.Errorf("%s: %s (%s), want %s", what, got, message, want)
		}
	}
	s.chain.Elapse(time.Minute)
	is("an idle chain", "Granted")
	node(1).Waiting(time.Minute)
	is("work waits by its own node's word alone", "Granted")
	node(1).Waiting(0)
	node(0).Waiting(time.Minute)
	is("work waits at another one and nothing was final for a minute", "ChainHalted")
	s.chain.Advance(1)
	is("work waits and blocks are final", "Granted")
}

// rule: undrainable
func TestUndrainablePassesByOneAct(t *testing.T) {
	s := newScene(t, chaintest.Options{Validators: 3}).drain(0)
	if step := s.next(); step.Changed && len(step.Ledger.Tokens) > 0 || step.Verdicts.Network[0].Reason != "Undrainable" {
		t.Fatalf("of three: %+v", step.Verdicts.Network)
	}
	s.in.Fleet[0].Ask.Explicit = true
	if step := s.next(); step.Ledger.Token("val-0") == nil {
		t.Fatal("refused in spite of an explicit act")
	}
	s.in.Fleet[0].Ask.Explicit, s.in.Policy.Halt = false, true
	s.drain(1)
	step := s.next()
	if step.Ledger.Token("val-0") == nil || step.Ledger.Token("val-1") != nil {
		t.Fatalf("halt is allowed, one at a time: %+v", step.Ledger)
	}
}

// rule: token-back
func TestTokenBackByVotesAboveTheReturn(t *testing.T) {
	s := newScene(t, chaintest.Options{}).token(1, Used)
	s.in.Ledger.Tokens[0].Closed = true
	s.in.Fleet[1].PodUID = "b"
	at := s.chain.Node(s.chain.Endpoints()[1])
	at.Stop()
	step := s.next()
	token := step.Ledger.Token("val-1")
	if token == nil || token.State != Returning || token.Height != s.chain.Height() {
		t.Fatalf("its pod is back: %+v", token)
	}
	s.in.Ledger = step.Ledger
	s.in.Now = noon.Add(24 * time.Hour)
	s.chain.Advance(3)
	if step = s.next(); step.Ledger.Token("val-1") == nil {
		t.Fatal("it came back by time")
	}
	at.Start()
	s.chain.Advance(1)
	if step = s.next(); step.Ledger.Token("val-1") != nil {
		t.Fatal("its votes are seen, and it is not back")
	}
}

// rule: token-request
func TestQueueDrainsBeforeRollouts(t *testing.T) {
	s := newScene(t, chaintest.Options{}).ask(0, Ask{Kind: Rollout, Reason: "rollout:b"})
	s.in.FullNodesWait = "net-full is not at the new image"
	step := s.next()
	if r, _ := s.refused(step, 0); r != "FullNodesFirst" {
		t.Fatalf("full nodes wait, and val-0 has %s", r)
	}
	s.in.Fleet[0].Ask.Repair = true // full nodes may wait for the same
	if next := s.next(); next.Ledger.Token("val-0") == nil {
		t.Fatalf("a pod that cannot run waits for full nodes: %+v", next.Ledger)
	}
	s.in.Fleet[0].Ask.Repair = false
	s.in.FullNodesWait, s.in.Ledger = "", step.Ledger
	s.drain(2)
	step = s.next()
	if step.Ledger.Token("val-2") == nil || step.Ledger.Token("val-0") != nil {
		t.Fatalf("the drain came later and goes first: %+v", step.Ledger)
	}
	s.in.Ledger = step.Ledger
	s.in.Fleet[2].Budget = BudgetOpen
	s.in.Now = noon.Add(6 * time.Minute)
	if step = s.next(); len(step.Ends) != 0 {
		t.Fatalf("a rollout does not take a drain's token: %+v", step.Ends)
	}
	s.drain(3)
	s.in.Ledger = step.Ledger
	if step = s.next(); len(step.Ends) != 0 {
		t.Fatalf("it was unused for 5 minutes before another drain was in the queue: %+v", step.Ends)
	}
	s.in.Ledger = step.Ledger
	step = s.next()
	if len(step.Ends) != 1 || !step.Ends[0].Tail {
		t.Fatalf("unused for 5 minutes while another waits: %+v", step.Ends)
	}
	step.Ended(step.Ends[0], false, "a", &s.in)
	if q := queue(&step.Ledger); q[0].Validator != "val-3" || q[1].Validator != "val-2" || q[2].Validator != "val-0" {
		t.Errorf("the queue after it: %+v", q)
	}
}

// A paused network closes what is unused, and keeps what is used.
func TestPausedClosesUnused(t *testing.T) {
	s := newScene(t, chaintest.Options{Powers: []uint64{1, 1, 1, 1, 1, 1, 1}}).drain(1).token(1, Granted).token(2, Used)
	s.in.Paused = true
	s.in.Fleet[1].Budget = BudgetOpen
	step := s.next()
	if len(step.Ends) != 1 || step.Ends[0].Validator != "val-1" || step.Ledger.Token("val-2") == nil || len(step.Open) != 0 {
		t.Errorf("%+v", step)
	}
}

// Where others run validators too, nothing opens without a lease on chain.
// rule: maintain
func TestSharedChainNeedsALease(t *testing.T) {
	s := newScene(t, chaintest.Options{}).drain(0)
	s.in.Fleet = s.in.Fleet[:2]
	step := s.next()
	if step.Ledger.Token("val-0") == nil || len(step.Open) != 0 {
		t.Fatalf("granted, and not open before its lease: %+v", step)
	}
	s.in.Ledger = step.Ledger
	step = s.next()
	if len(step.Leases) != 1 || step.Leases[0].End == 0 || len(step.Open) != 0 {
		t.Fatalf("asks for a lease: %+v", step.Leases)
	}
}

// A token that ends unused gives its lease back before it goes, so that other operators
// need not wait until the lease is over. // rule: maintain
func TestAnUnusedTokenGivesItsLeaseBack(t *testing.T) {
	s := newScene(t, chaintest.Options{}).token(0, Granted)
	s.in.Fleet = s.in.Fleet[:2]
	s.in.Fleet[0].Budget = BudgetOpen
	end := uint64(s.look().in.View.TimeMs + LeaseMs)
	s.in.Ledger.Tokens[0].LeaseEnd = end
	held := func() *Input {
		m := s.look().in.View.Find(s.chain.Name(0))
		m.Leased, m.LeaseEnd = true, end
		return &s.in
	}
	step := Next(*held())
	if len(step.Ends) != 1 {
		t.Fatalf("nobody asks for it any more: %+v", step)
	}
	step.Ended(step.Ends[0], false, "a", &s.in)
	s.in.Ledger, s.in.Fleet[0].Budget = step.Ledger, BudgetClosed
	s.chain.Advance(2)
	step = Next(*held())
	if len(step.Leases) != 1 || step.Leases[0].End != 0 || step.Leases[0].ExpectedEnd != end || step.Ledger.Token("val-0") == nil {
		t.Fatalf("the lease is not given back: %+v, ledger %+v", step.Leases, step.Ledger)
	}
	s.in.Ledger = step.Ledger
	if step = s.next(); step.Ledger.Token("val-0") != nil || len(step.Leases) != 0 { // the chain has it back
		t.Errorf("the token does not go with its lease: %+v", step.Ledger)
	}
}

// Until the lease is on chain the pod may not be evicted, and that is said.
// rule: maintain
func TestAwaitingLeaseIsSaid(t *testing.T) {
	for _, noLeases := range []bool{false, true} {
		s := newScene(t, chaintest.Options{}).token(0, Granted).drain(0)
		s.in.Fleet, s.in.NoLeases = s.in.Fleet[:2], noLeases
		if r, m := s.refused(s.next(), 0); r != "AwaitingLease" || strings.Contains(m, "bedrock tx") != noLeases {
			t.Errorf("without a key of its own %v: %s: %s", noLeases, r, m)
		}
	}
}

// A bad image stops the rollout at the first, which is named, and can go back.
func TestRolloutPausedNamesTheFirst(t *testing.T) {
	s := newScene(t, chaintest.Options{}).ask(0, Ask{Kind: Rollout, Reason: "rollout:bad"})
	s.in.Fleet[0].Outdated = "bad"
	step := s.next()
	s.in.Ledger = step.Ledger
	s.in.Fleet[0].PodUID, s.in.Fleet[0].PodState, s.in.Fleet[0].Ask, s.in.Fleet[0].Outdated = "b", PodPending, nil, ""
	s.stop(0)
	s.chain.Advance(9)
	s.ask(1, Ask{Kind: Rollout, Reason: "rollout:bad"})
	for range 2 {
		s.in.Now = s.in.Now.Add(11 * time.Minute)
		step = s.next()
		s.in.Ledger = step.Ledger
	}
	if r, m := s.refused(step, 1); r != "OneAtATime" {
		t.Errorf("the second waits for the first: %s: %s", r, m)
	}
	if v := step.Verdicts.Network[1]; v.Reason != "RolloutPaused" {
		t.Errorf("%+v", v)
	}
	s.ask(0, Ask{Kind: Rollout, Reason: "rollout:good"}) // back to the good one
	step = s.next()
	if token := step.Ledger.Token("val-0"); token == nil || token.State != Granted || token.Pod != "b" || !token.Again {
		t.Errorf("it cannot go back: %+v", token)
	}
}

// rule: token-ledger
func TestRecoveredCountsEverybodyDown(t *testing.T) {
	s := newScene(t, chaintest.Options{})
	s.in.Ledger = Recovered(s.in.Fleet, noon)
	step := s.drain(0).next()
	if len(step.Ledger.Tokens) != 4 || len(step.Open) != 0 {
		t.Fatalf("%+v", step.Ledger)
	}
	for range 4 {
		for _, v := range step.Close {
			step.Closed(v)
		}
		s.in.Ledger = step.Ledger
		s.chain.Advance(1)
		step = s.next()
	}
	if len(step.Ledger.Tokens) != 1 || step.Ledger.Token("val-0") == nil {
		t.Errorf("all vote: %+v", step.Ledger)
	}
}

// Somebody put a budget of theirs in the place of one under which a pod may go: it is left
// alone, others are not held up, and the token comes back like any other.
// rule: pdb-two-states, token-back
func TestATokenUnderABudgetOfOthers(t *testing.T) {
	s := newScene(t, chaintest.Options{Validators: 7}).drain(1).token(1, Granted).drain(2)
	s.in.Fleet[1].Budget = BudgetTaken
	step := s.next()
	if len(step.Ends) > 0 || step.Ledger.Token("val-2") == nil {
		t.Fatalf("what is not ours is closed, and others wait for it: %+v", step)
	}
	if reason, message := s.refused(step, 1); reason != "NameTaken" || !strings.Contains(message, "delete it") {
		t.Errorf("nothing opens for it, and it is told %s: %s", reason, message)
	}
	s.in.Ledger, s.in.Fleet[1].Ask, s.in.Fleet[1].PodUID = step.Ledger, nil, "b" // its pod went, and is back
	for range 4 {
		s.in.Ledger = s.next().Ledger
		s.chain.Advance(1)
	}
	if token := s.in.Ledger.Token("val-1"); token != nil {
		t.Errorf("its votes are seen, and its token stays: %+v", token)
	}
}
