package consensus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/node/types"
)

func TestTimingIsChecked(t *testing.T) {
	for _, good := range []Timing{DevnetTiming(), WideAreaTiming()} {
		if err := good.Check(); err != nil {
			t.Error(err)
		}
	}
	for want, change := range map[string]func(*Timing){
		"above 0":             func(x *Timing) { x.SettleMs = 0 },
		"below 3 x settle":    func(x *Timing) { x.BaseMs = 299 },
		"below base":          func(x *Timing) { x.CapMs = 999 },
		"growth 999 per":      func(x *Timing) { x.GrowthPermille = 999 },
		"growth 4001 per":     func(x *Timing) { x.GrowthPermille = 4001 },
		"a duration is above": func(x *Timing) { x.IdleMs = 1 << 40 },
	} {
		timing := DevnetTiming()
		change(&timing)
		if err := timing.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		_, _, err := New(Now{}, Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: timing}, Start{})
		if err == nil {
			t.Errorf("%s: New accepts it", want)
		}
	}
	flat := DevnetTiming()
	flat.GrowthPermille = 1000
	if got := flat.timer(1 << 62); got != flat.BaseMs {
		t.Errorf("a timer that does not grow: %d", got)
	}
	for k, want := range map[uint64]uint64{0: 1000, 1: 1500, 2: 2250, 3: 3375, 4: 4000, 1 << 62: 4000} {
		if got := DevnetTiming().timer(k); got != want {
			t.Errorf("timer after %d failed views: %d, want %d", k, got, want)
		}
	}
}

func TestStartIsChecked(t *testing.T) {
	e := fakeEpoch(1, []int{0, 1, 2, 3}, nil)
	second := fakeEpoch(2, []int{0, 1, 2, 3}, nil)
	good := Start{Epoch: e, Root: fakeRoot(e), Tip: fakeRoot(e)}
	for want, change := range map[string]func(*Start){
		"root is not given":              func(s *Start) { s.Root.Outcome.Block = types.Hash{} },
		"without the certificate":        func(s *Start) { s.Epoch = second; s.Root.Outcome.NextEpoch = second.Digest() },
		"names another epoch":            func(s *Start) { s.Root.Outcome.NextEpoch = types.Hash{1} },
		"is below the epoch's root":      func(s *Start) { s.Tip.Outcome.Block = types.Hash{7} },
		"vote log of epoch 2":            func(s *Start) { s.Safety = &types.SafetyState{Epoch: 2} },
		"names another root":             func(s *Start) { s.Safety = &types.SafetyState{Epoch: 1} },
		"no validators":                  func(s *Start) { s.Epoch.Validators = nil },
		"start consensus: invalid epoch": func(s *Start) { bad := types.Epoch{}; s.Previous = &bad },
	} {
		s := good
		change(&s)
		_, _, err := New(Now{}, Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: DevnetTiming()}, s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	core, effects, err := New(Now{}, Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: DevnetTiming()}, good)
	if err != nil || core.Status().Self != -1 || len(effects) == 0 {
		t.Errorf("a follower: %v %v", effects, err)
	}
}

// TestOwnCommitVotesAreBounded lets certified blocks wait for finality for longer than
// own commit votes are kept: the newest are sent again, of each view one.
func TestOwnCommitVotesAreBounded(t *testing.T) {
	s := &script{t: t, names: map[types.Hash]string{}, blocks: map[string]*types.Block{}}
	s.command("start self=0")
	parent := "genesis"
	const views = maxOwnCommits + 3
	for v := 1; v <= views; v++ {
		name := fmt.Sprint("B", v)
		for _, line := range []string{"block %s view=%d on=%s", "qc %s", "fetched %s", "executed %s"} {
			if strings.Contains(line, "view") {
				line = fmt.Sprintf(line, name, v, parent)
			} else {
				line = fmt.Sprintf(line, name)
			}
			s.command(line)
		}
		parent = name
	}
	s.command(fmt.Sprint("commit B", views, " from=0 via=own")) // once more: no second one
	s.command("tick 250")
	s.out = nil
	s.command("tick 250")
	var want, got []string
	for v := views - maxOwnCommits + 1; v <= views; v++ {
		want = append(want, fmt.Sprintf("multicast commit view=%d B%d outcome=B%d", v, v, v))
	}
	for _, line := range s.out {
		if strings.HasPrefix(line, "multicast commit") {
			got = append(got, line)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The stored end of an epoch is given as its tip, with the view in which it was certified
// there: in the next epoch it counts as view 0, or no block of a view up to that one would
// get a vote. // rule: epoch-enter, valid-block
func TestTheEndOfAnEpochIsItsSuccessorsViewZeroAfterARestart(t *testing.T) {
	second := fakeEpoch(2, []int{0}, nil)
	first := fakeEpoch(1, []int{0}, nil)
	tip := fakeRoot(second)
	tip.Outcome.Height = 7
	tip.Certificate = &types.CC{Epoch: 1, View: 8, Height: 7, Block: tip.Outcome.Block, Outcome: tip.Outcome}
	root := tip
	tip.View = 8
	now := Now{MonoMs: 1, WallMs: 5000}
	core, _, err := New(now, Config{Genesis: fakeGenesis, Scheme: fakeScheme{}, Timing: DevnetTiming(), NetworkKey: fakePeer(0), ConsensusKey: fakeKey(0)},
		Start{Epoch: second, Previous: &first, Root: root, Tip: tip, SigningAllowed: true})
	if err != nil {
		t.Fatal(err)
	}
	var asked, voted bool
	events := []Event{WorkWaiting{Waiting: true}}
	for len(events) > 0 && !voted {
		effects := core.Step(now, events[0])
		events = events[1:]
		for _, effect := range effects {
			switch x := effect.(type) {
			case BuildBlock:
				block := &types.Block{Payload: [][]byte{[]byte("a transaction")}}
				block.Header = types.Header{Genesis: fakeGenesis, Epoch: x.Epoch, View: x.View, Height: x.Height, Parent: x.Parent, Proposer: x.Proposer,
					TimestampMs: max(x.MinTimestampMs, now.WallMs), PayloadRoot: types.ListRoot(block.Payload), EvidenceRoot: types.ListRoot(nil)}
				events = append(events, BlockBuilt{Kind: x.Kind, View: x.View, Block: block})
			case Sign:
				voted = voted || x.Message.Prepare != nil
				events = append(events, Received{Message: signMessage(x.Message, fakeKey(0))})
			case VerifyBlock:
				asked = true
				events = append(events, BlockVerified{ID: x.Block.ID(), Valid: true})
			}
		}
	}
	if !asked || !voted {
		t.Errorf("the first block of the epoch was verified: %v, got a vote: %v", asked, voted)
	}
}
