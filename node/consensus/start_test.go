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
