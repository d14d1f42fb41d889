package hunt

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

var hourFlag = flag.Duration("offered", 30*time.Second, "how long, in virtual time, transactions are offered to a network of which one node is dead")

// cost is what one transaction takes to execute: it is what saturates the simulated chain.
const cost = 10 * time.Millisecond

// settled is how long the clients are at it before what they offer is timed: 2n views
// without a word of one validator are over then, and it counts as silent.
const settled = 10 * time.Second

// offered is a load at a fixed rate, whose transactions are timed from the client's offer
// to the first honest node that tells them final.
type offered struct {
	w      *sim.World
	to     int // nodes 0 to to-1 have clients
	every  time.Duration
	most   uint64 // transactions of an account that are not final; 0: as many as there are
	next   [sim.Accounts]uint64
	at     map[string]time.Duration
	took   []time.Duration
	count  int
	finish time.Duration
}

// start offers, and after what it takes to settle times what it offers, one account after the other, each at one node, in the order of
// its nonces.
func (o *offered) start(last time.Duration) {
	for account := range o.next {
		o.next[account] = o.w.Nonce(account)
	}
	o.finish = o.w.Elapsed() + settled + last
	o.w.Go("clients", func() {
		for i := 0; o.w.Elapsed() < o.finish; i++ {
			account := i % sim.Accounts
			if o.most > 0 && o.next[account] >= o.w.Nonce(account)+o.most {
				o.w.Sleep(o.every)
				continue
			}
			tx := sim.Transfer(account, o.next[account])
			o.next[account]++
			if now := o.w.Elapsed(); now >= o.finish-last {
				o.at[string(tx)] = now
				o.count++
			}
			o.w.Node(account % o.to).Offer(tx)
			o.w.Sleep(o.every)
		}
	})
}

func (o *offered) final(_ int, blocks []engine.FinalBlock, _ *types.CC) {
	for i := range blocks {
		for j, tx := range blocks[i].Block.Payload {
			if at, ok := o.at[string(tx)]; ok && blocks[i].Execution.Receipts[j].Code == 0 {
				o.took = append(o.took, o.w.Elapsed()-at)
				delete(o.at, string(tx))
			}
		}
	}
}

// p99 is of the latencies; share, of the offered that are final.
func (o *offered) p99() time.Duration {
	if len(o.took) == 0 {
		return 0
	}
	slices.Sort(o.took)
	return o.took[len(o.took)*99/100]
}

func (o *offered) share() float64 { return float64(len(o.took)) / float64(max(o.count, 1)) }

// priced is an executor whose executions take their time by the transaction.
type priced struct {
	engine.Executor
	w *sim.World
}

// Execute implements engine.Executor.
func (x priced) Execute(ctx context.Context, epoch *types.Epoch, b *types.Block, parent *types.Outcome) (*engine.Execution, error) {
	x.w.Sleep(time.Duration(len(b.Payload)) * cost)
	return x.Executor.Execute(ctx, epoch, b, parent)
}

// rate runs a load of so many a second for a time, of most an account not final at once. What the others put into the hooks
// goes wrong from the moment on at which all is well.
func rate(t *testing.T, perSecond float64, most uint64, last time.Duration, wrong func(w *sim.World, h *sim.Hooks)) *offered {
	t.Helper()
	p := calm(1, settled+last+7*time.Second)
	p.Faulty = time.Second
	var o *offered
	p.Conduct = func(w *sim.World) sim.Hooks {
		o = &offered{w: w, to: 3, most: most, every: time.Duration(float64(time.Second) / perSecond), at: map[string]time.Duration{}}
		idle := false
		h := sim.Hooks{Final: o.final, Executor: func(_ *sim.Node, x engine.Executor) engine.Executor { return priced{x, w} }}
		h.Load = func() int {
			if idle {
				return 0
			}
			return 1
		}
		h.Calm = func() {}
		if wrong != nil {
			wrong(w, &h)
		}
		begin := h.Calm
		h.Calm = func() {
			begin()
			idle = true
			w.Call(2*time.Second, func() { o.start(last) }) // what was offered before is final
		}
		return h
	}
	if _, err := sim.Run(p); err != nil {
		t.Fatal(err)
	}
	return o
}

// Of four validators one is dead, is silent, or votes and never proposes: at half of what
// saturates the chain the others go on as if it were not there, but for what its views
// cost.
func TestOneOfFourCostsLittle(t *testing.T) {
	timing := consensus.DevnetTiming()
	settle, base := time.Duration(timing.SettleMs)*time.Millisecond, time.Duration(timing.BaseMs)*time.Millisecond
	full := rate(t, 4*float64(time.Second/cost), 32, 20*time.Second, nil)
	saturated := float64(len(full.took)) / 20
	half := saturated / 2
	healthy := rate(t, half, 0, *hourFlag, nil)
	t.Logf("saturated: %.1f transactions a second; at half of it: %.4f of %d committed, p99 %s", saturated, healthy.share(), healthy.count, healthy.p99())
	if saturated < 0.4*float64(time.Second/cost) || healthy.share() < 0.99 || healthy.p99() > base {
		t.Errorf("four healthy validators do worse than executions of %s each allow", cost)
	}
	for _, tc := range []struct {
		name  string
		more  time.Duration
		wrong func(w *sim.World, h *sim.Hooks)
	}{
		{"dead", 4 * settle, func(w *sim.World, h *sim.Hooks) {
			h.Faulty = func(n int) bool { return n == 3 }
			h.Calm = func() { w.Node(3).Halt() }
		}},
		{"silent", 4 * settle, func(w *sim.World, h *sim.Hooks) {
			well := true
			silent(h, func() bool { return !well })
			h.Calm = func() { well = false }
		}},
		{"votes and never proposes", 2 * base, func(_ *sim.World, h *sim.Hooks) {
			h.Faulty = func(n int) bool { return n == 3 }
			h.Transport = func(n *sim.Node, tr engine.Transport) engine.Transport {
				if n.Index() == 3 {
					return filtered{tr, proposal}
				}
				return tr
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := rate(t, half, 0, *hourFlag, tc.wrong)
			t.Logf("%.4f of %d committed, p99 %s (healthy %s)", got.share(), got.count, got.p99(), healthy.p99())
			if got.share() < 0.95 || got.p99() > healthy.p99()+tc.more {
				t.Errorf("want 0.95, and a p99 of at most %s", healthy.p99()+tc.more)
			}
		})
	}
}

// proposal reports whether a message is one.
func proposal(data []byte) bool {
	m, err := wire.DecodeMessage(data)
	return err == nil && m.Proposal != nil
}

// One that was silent leads again within n views of its return: the first of its views
// that begins after that certifies, and it comes among the next four.
func TestOneThatComesBackLeadsAgain(t *testing.T) {
	for seed := uint64(1); seed <= 8; seed++ {
		p := calm(seed, 40*time.Second)
		p.Conduct = func(w *sim.World) sim.Hooks {
			x := watching(w)
			x.honest = func(n int) bool { return n != 3 }
			h := x.hooks()
			mute, back := false, place{}
			silent(&h, func() bool { return mute })
			var top place
			entered := h.Entered
			h.Entered = func(by int, v consensus.EnteredView) {
				entered(by, v)
				if at := (place{v.Epoch, v.View}); by != 3 && at.view > top.view {
					top = at
				}
			}
			h.Calm = func() {
				x.calm()
				mute = true
				w.Call(30*time.Second, func() { mute, back = false, top })
			}
			h.Over = func() error {
				for view := back.view + 1; view <= back.view+4; view++ {
					if w.Set(back.epoch).Leader(view) != 3 {
						continue
					}
					if at := (place{back.epoch, view + 1}); !x.byQC[at] {
						return fmt.Errorf("back in view %d, it leads view %d, and nothing is certified in that (given up: %v)", back.view, view, x.byTC[at])
					}
					return nil
				}
				return fmt.Errorf("back in view %d, it leads none of the next four", back.view)
			}
			return h
		}
		if _, err := sim.Run(p); err != nil {
			t.Error(err)
		}
	}
}
