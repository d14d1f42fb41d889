package consensus

import (
	"testing"

	"github.com/bedrock-bft/bedrock/node/consensus/spec"
	"github.com/bedrock-bft/bedrock/node/types"
)

// TestOutcomesRefineModel compares the outcomes of the code with the model's, for every
// sequence of failed blocks, good ones and epoch changes that is short, and for those
// that run up to a revert: in an epoch that changed the executor, in one made by a
// revert, and in one that changed nothing. // rule: epoch-revert
func TestOutcomesRefineModel(t *testing.T) {
	old, present, next := fakeEpoch(1, []int{0, 1, 2, 3}, nil), fakeEpoch(2, []int{0, 1, 2, 3}, nil), fakeEpoch(3, []int{0, 1, 2, 4}, nil)
	changed := present
	changed.ExecutorHash = types.SumHash([]byte("new"))
	for name, c := range map[string]struct {
		epoch   types.Epoch
		rootRun uint16
		counted bool
	}{
		"another executor":    {changed, types.NoFailedRun, true},
		"by a revert":         {changed, types.RevertRun, false},
		"the former executor": {present, types.NoFailedRun, false},
	} {
		root := types.Outcome{Height: 9, Block: types.Hash{9}, FailedRun: c.rootRun, NextEpoch: c.epoch.Digest()}
		h := types.EpochHistory{Present: &c.epoch, Previous: &old, RootOutcome: &root}
		ended := 0
		for _, fates := range fateSequences() {
			want, got := spec.Outcome{}, root
			for k, fate := range fates {
				if want.Ends {
					break // its descendants are not asked about; rule: epoch-end
				}
				var change *types.Epoch
				if fate == spec.Change {
					change = &next
				}
				want = spec.NextOutcome(want, int8(k+1), fate, c.counted, types.RevertRun)
				got, change = h.NextOutcome(&got, uint64(10+k), types.Hash{1, byte(k)}, types.ExecutionResult{Success: fate != spec.Failed, Change: change})
				run := int8(-1)
				if got.FailedRun != types.NoFailedRun {
					run = int8(got.FailedRun)
				}
				if run != want.Run || got.EndsEpoch() != want.Ends || (change != nil) != want.Ends {
					t.Fatalf("%s: %v: block %d has failed run %d and ends the epoch: %v, the model %+v", name, fates, k+1, run, got.EndsEpoch(), want)
				}
				if want.Ends && fate == spec.Failed {
					if ended++; change.ExecutorHash != old.ExecutorHash || change.Number != 3 {
						t.Fatalf("%s: a revert to %+v", name, change)
					}
				}
			}
		}
		if (ended > 0) != c.counted {
			t.Errorf("%s: %d reverts", name, ended)
		}
	}
}

// fateSequences are all of seven blocks, and all of three after runs of 12 to 16 failed.
func fateSequences() (all [][]spec.Fate) {
	short := func(n int) [][]spec.Fate {
		out := [][]spec.Fate{nil}
		for range n {
			var longer [][]spec.Fate
			for _, s := range out {
				for _, f := range []spec.Fate{spec.Plain, spec.Change, spec.Failed} {
					longer = append(longer, append(append([]spec.Fate(nil), s...), f))
				}
			}
			out = longer
		}
		return out
	}
	all = short(7)
	for run := 12; run <= types.RevertRun; run++ {
		for _, tail := range short(3) {
			s := make([]spec.Fate, run, run+3)
			for k := range s {
				s[k] = spec.Failed
			}
			all = append(all, append(s, tail...))
		}
	}
	return all
}
