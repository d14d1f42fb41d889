package hunt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
)

// profiles are all that there are.
func profiles() map[string]profile {
	return map[string]profile{
		"crashes":     {plan: crashes},
		"epochs":      {plan: epochs},
		"restarts":    {plan: restarts},
		"healthy":     {plan: healthy},
		"dead":        {plan: dead},
		"comes-back":  {plan: comesBack},
		"far":         {plan: far},
		"idle":        {plan: idle},
		"slow":        {plan: slow},
		"no-commits":  {plan: noCommits},
		"one-differs": {plan: oneDiffers},
		"two-differ":  {plan: twoDiffer},
		"forgetful":   {plan: forgetful, fine: halted},
	}
}

// crashes has single nodes end at any moment, and all at once, beside what the seed draws.
func crashes(seed uint64) sim.Plan {
	p := sim.Draw(seed, 4)
	p.Faulty, p.Crash, p.CrashAll = min(p.Faulty, 8*time.Second), true, seed%2 == 0
	return p
}

// epochs has them end again and again under all that.
func epochs(seed uint64) sim.Plan {
	p := crashes(seed)
	p.Epochs, p.Partition, p.Unequal = true, true, seed%3 == 0
	return p
}

// restarts has all nodes end at once and lose much of what is not synced: disks are slow.
func restarts(seed uint64) sim.Plan {
	p := sim.Draw(seed, 4)
	p.Faulty, p.Crash, p.CrashAll = 12*time.Second, true, true
	p.SlowDisk, p.SlowRun, p.Epochs = time.Duration(seed%8)*40*time.Millisecond, 5*time.Millisecond, false
	p.Heal = 10*time.Second + 20*p.SlowDisk
	return p
}

// calm is a plan without benign faults.
func calm(seed uint64, watch time.Duration) sim.Plan {
	return sim.Plan{Seed: seed, Nodes: 4, Faulty: time.Second, Delay: 10 * time.Millisecond, SlowRun: 5 * time.Millisecond,
		SlowDisk: 2 * time.Millisecond, Heal: 20 * time.Second, Watch: watch}
}

// deviant is an executor that gives other receipts when told to.
type deviant struct {
	engine.Executor
	differs func(*types.Block) bool
}

// Execute implements engine.Executor.
func (d deviant) Execute(ctx context.Context, epoch *types.Epoch, b *types.Block, parent *types.Outcome) (*engine.Execution, error) {
	x, err := d.Executor.Execute(ctx, epoch, b, parent)
	if err == nil && d.differs(b) {
		other := *x
		other.ReceiptsRoot[0] ^= 1
		return &other, nil
	}
	return x, err
}

// oneDiffers has an executor that errs once, on one node of four: that node stops, tells
// nothing wrong, and the others go on.
func oneDiffers(seed uint64) sim.Plan {
	p := calm(seed, 8*time.Second)
	p.Conduct = func(w *sim.World) sim.Hooks {
		begun := false
		return sim.Hooks{
			Faulty: func(n int) bool { return n == 3 },
			Calm:   func() { begun = true },
			Executor: func(n *sim.Node, x engine.Executor) engine.Executor {
				if n.Index() != 3 {
					return x
				}
				return deviant{x, func(b *types.Block) bool { return begun && b.Header.Height%7 == seed%7 }}
			},
			Final: func(by int, blocks []engine.FinalBlock, _ *types.CC) {
				for i := range blocks {
					o := blocks[i].Outcome
					if was, ok := w.Final(o.Height); by == 3 && ok && was != o {
						w.Fail(fmt.Errorf("AGREEMENT: the node whose executor erred tells of another outcome at height %d", o.Height))
					}
				}
			},
		}
	}
	return p
}

// twoDiffer has an executor that errs on two of four, in one way: nothing is final any
// more, and those whose outcome differs from a weak quorum's say so.
func twoDiffer(seed uint64) sim.Plan {
	p := calm(seed, 1500*time.Millisecond)
	p.Conduct = func(*sim.World) sim.Hooks {
		var at uint64
		begun := false
		alarmed := map[int]bool{}
		return sim.Hooks{
			Faulty: func(n int) bool { return n >= 2 }, Beyond: true,
			Calm: func() { begun = true },
			Executor: func(n *sim.Node, x engine.Executor) engine.Executor {
				return deviant{x, func(b *types.Block) bool {
					if begun && at == 0 {
						at = b.Header.Height + 3
					}
					return n.Index() >= 2 && at != 0 && b.Header.Height == at
				}}
			},
			Alarmed: func(by int, a consensus.Alarm) {
				if a.Kind == consensus.AlarmDivergenceSuspected {
					alarmed[by] = true
				}
			},
			Over: func() error {
				if !alarmed[0] || !alarmed[1] {
					return fmt.Errorf("half of the power had another outcome at height %d, and alarms are of %v only", at, alarmed)
				}
				return nil
			},
		}
	}
	return p
}

// forgetful has executors that give another outcome after all nodes were started again,
// and stores that keep little: nodes may stop, but none says two things.
func forgetful(seed uint64) sim.Plan {
	p := restarts(seed)
	p.SlowDisk, p.Heal = 60*time.Millisecond, 2*time.Second
	p.Conduct = func(*sim.World) sim.Hooks {
		lives := map[int]int{}
		return sim.Hooks{
			Tolerated: func(what string) bool {
				return strings.Contains(what, "stopped signing") || strings.Contains(what, "alarm "+string(consensus.AlarmDivergenceSuspected))
			},
			Executor: func(n *sim.Node, x engine.Executor) engine.Executor {
				lives[n.Index()]++
				life := lives[n.Index()]
				return deviant{x, func(b *types.Block) bool { return life > 1 && b.Header.View%2 == uint64(life)%2 }}
			},
		}
	}
	return p
}

// halted reports that a run ended without progress, or by a node that could not go on with
// what its executor gave: that is none of its concern. All else that violates is.
func halted(text string) bool {
	text, _, _ = strings.Cut(text, "\n")
	return strings.Contains(text, "no progress") || strings.Contains(text, "it ended by itself: execute block") || strings.Contains(text, "it ended by itself: store blocks")
}
