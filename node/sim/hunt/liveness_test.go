package hunt

import (
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// place is a view of an epoch.
type place struct{ epoch, view uint64 }

// watch sees, while all is well, how the chain goes on.
type watch struct {
	w      *sim.World
	on     bool
	from   time.Duration
	last   time.Duration // when a height was first told last
	top    uint64
	least  uint64 // the height at which it began
	gap    time.Duration
	empty  int
	byTC   map[place]bool // entered so by an honest node
	byQC   map[place]bool
	tail   int // most blocks that an honest node held above its last final one
	honest func(int) bool
}

func watching(w *sim.World) *watch {
	return &watch{w: w, byTC: map[place]bool{}, byQC: map[place]bool{}, honest: func(int) bool { return true }}
}

// hooks are those that a watch needs; its owner adds others.
func (x *watch) hooks() sim.Hooks {
	return sim.Hooks{Calm: x.calm, Final: x.final, Entered: x.entered}
}

func (x *watch) calm() {
	x.on, x.from, x.last, x.top, x.least = true, x.w.Elapsed(), x.w.Elapsed(), x.w.Tip(), x.w.Tip()
}

func (x *watch) final(_ int, blocks []engine.FinalBlock, _ *types.CC) {
	for i := range blocks {
		if h := blocks[i].Outcome.Height; x.on && h > x.top {
			now := x.w.Elapsed()
			x.gap, x.last, x.top = max(x.gap, now-x.last), now, h
			if len(blocks[i].Block.Payload) == 0 {
				x.empty++
			}
		}
	}
}

func (x *watch) entered(by int, v consensus.EnteredView) {
	if !x.on || !x.honest(by) || x.w.Elapsed() < x.from+time.Second { // what failed before is told in the first
		return
	}
	if v.ByTC {
		x.byTC[place{v.Epoch, v.View}] = true
	} else {
		x.byQC[place{v.Epoch, v.View}] = true
	}
	if s, ok := x.w.Node(by).Status(); ok {
		x.tail = max(x.tail, s.Consensus.Blocks)
	}
}

// heights is how many became final.
func (x *watch) heights() uint64 { return x.top - x.least }

// lost are the views of honest leaders that certified nothing, of all views seen.
func (x *watch) lost(honest func(leader int) bool) (lost, views int) {
	for at := range x.byQC {
		views++
		delete(x.byTC, at)
	}
	for at := range x.byTC {
		views++
		if set := x.w.Set(at.epoch); at.view > 1 && set != nil && honest(int(set.Leader(at.view-1))) {
			lost++
		}
	}
	return lost, views
}

func everybody(int) bool { return true }

// healthy has nothing go wrong: no view is lost, nothing waits, nothing piles up.
func healthy(seed uint64) sim.Plan {
	p := calm(seed, 20*time.Second)
	p.Epochs, p.Unequal = seed%2 == 0, seed%3 == 0
	p.Conduct = func(w *sim.World) sim.Hooks {
		x := watching(w)
		h := x.hooks()
		h.Over = func() error {
			lost, views := x.lost(everybody)
			if lost > 0 || x.gap > 3*time.Second || x.heights() < 100 || x.tail > 20 {
				return fmt.Errorf("nothing is wrong for %s: %d of %d views are lost, %d heights final, %s without one, %d blocks waited", p.Watch, lost, views, x.heights(), x.gap, x.tail)
			}
			return nil
		}
		return h
	}
	return p
}

// silent makes node 3 send nothing while now says so.
func silent(h *sim.Hooks, now func() bool) {
	h.Faulty = func(n int) bool { return n == 3 }
	h.Transport = func(n *sim.Node, t engine.Transport) engine.Transport {
		if n.Index() != 3 {
			return t
		}
		return filtered{t, func([]byte) bool { return now() }}
	}
}

// dead has one of four silent for ever: its views cost little once it counts as silent,
// and no other view is lost.
func dead(seed uint64) sim.Plan {
	p := calm(seed, 30*time.Second)
	p.Conduct = func(w *sim.World) sim.Hooks {
		x := watching(w)
		x.honest = func(n int) bool { return n != 3 }
		h := x.hooks()
		silent(&h, func() bool { return true })
		h.Over = func() error {
			lost, views := x.lost(x.honest)
			if lost > 0 || x.heights() < 150 || x.gap > 2*time.Second {
				return fmt.Errorf("one of four is dead for %s: %d of %d views of others are lost, %d heights final, %s without one", p.Watch, lost, views, x.heights(), x.gap)
			}
			return nil
		}
		return h
	}
	return p
}

// comesBack has one of four silent for a while: it leads again, and its views certify.
func comesBack(seed uint64) sim.Plan {
	p := calm(seed, 10*time.Second)
	p.Faulty, p.Calm = 6*time.Second, 60*time.Millisecond
	p.Conduct = func(w *sim.World) sim.Hooks {
		x := watching(w)
		h := x.hooks()
		silent(&h, func() bool { return !w.Healed() })
		led := 0
		h.Final = func(by int, blocks []engine.FinalBlock, cc *types.CC) {
			for i := range blocks {
				if x.on && blocks[i].Block.Header.Proposer == 3 {
					led++
				}
			}
			x.final(by, blocks, cc)
		}
		h.Over = func() error {
			lost, views := x.lost(everybody)
			if led == 0 || lost > 0 {
				return fmt.Errorf("one of four is back since %s: %d of %d views are lost, %d blocks are its own", p.Watch, lost, views, led)
			}
			return nil
		}
		return h
	}
	return p
}

// far has a network that is slower than genesis says: timers grow until views succeed.
func far(seed uint64) sim.Plan {
	p := calm(seed, 60*time.Second)
	p.Calm, p.Delay, p.Heal = 1200*time.Millisecond, 1200*time.Millisecond, 3*time.Minute
	p.Conduct = func(w *sim.World) sim.Hooks {
		x := watching(w)
		h := x.hooks()
		h.Over = func() error {
			if x.heights() < 8 {
				return fmt.Errorf("messages take up to %s: %d heights final in %s, %s without one", p.Calm, x.heights(), p.Watch, x.gap)
			}
			return nil
		}
		return h
	}
	return p
}

// idle has no transactions, then one: few blocks, no view given up, and it is final soon.
func idle(seed uint64) sim.Plan {
	p := calm(seed, 60*time.Second)
	p.Conduct = func(w *sim.World) sim.Hooks {
		x := watching(w)
		h := x.hooks()
		quiet := func() bool { return x.on && w.Elapsed() < x.from+50*time.Second }
		h.Load = func() int {
			if quiet() {
				return 0
			}
			return 4
		}
		var before uint64
		var late bool
		h.Calm = func() {
			x.calm()
			w.Call(10*time.Second, func() { before = x.top; x.gap = 0 })
			w.Call(50*time.Second, func() {
				before = x.top - before
				top := x.top
				w.Call(2*time.Second, func() { late = x.top == top })
			})
		}
		h.Over = func() error {
			lost, views := x.lost(everybody)
			if before > 20 || lost > 0 || late {
				return fmt.Errorf("no transactions for 40 s: %d blocks, %d of %d views are lost; none was final 2 s after the next: %v", before, lost, views, late)
			}
			return nil
		}
		return h
	}
	return p
}

// slow has executions that take longer than a view's timer: finality goes on, at their
// pace, and blocks do not run ahead of them.
func slow(seed uint64) sim.Plan {
	p := calm(seed, 90*time.Second)
	p.SlowRun, p.Heal = 3*time.Second, 3*time.Minute
	p.Conduct = func(w *sim.World) sim.Hooks {
		x := watching(w)
		h := x.hooks()
		executed := map[int]uint64{}
		var ahead uint64
		h.Executor = func(n *sim.Node, e engine.Executor) engine.Executor {
			return deviant{e, func(b *types.Block) bool {
				executed[n.Index()] = max(executed[n.Index()], b.Header.Height)
				return false
			}}
		}
		h.Transport = func(n *sim.Node, t engine.Transport) engine.Transport {
			return uncommitted(t, func() bool { return false }, func(m *types.Message) {
				if v := m.Prepare; v != nil && int(v.Validator) == n.Index() && v.Vote.Height > executed[n.Index()] {
					ahead = max(ahead, v.Vote.Height-executed[n.Index()])
				}
			})
		}
		h.Over = func() error {
			lost, views := x.lost(everybody)
			if x.heights() < 20 || ahead > 4 || x.gap > 40*time.Second {
				return fmt.Errorf("executions take up to %s: %d heights final in %s, %s without one, votes up to %d blocks ahead of execution, %d of %d views lost", p.SlowRun, x.heights(), p.Watch, x.gap, ahead, lost, views)
			}
			return nil
		}
		return h
	}
	return p
}

// uncommitted sends no commit votes and certificates while it is told so, and looks at
// what is sent.
func uncommitted(t engine.Transport, now func() bool, sees func(*types.Message)) engine.Transport {
	return filtered{t, func(data []byte) bool {
		m, err := wire.DecodeMessage(data)
		if err != nil {
			return false
		}
		sees(&m)
		return now() && (m.Commit != nil || m.CC != nil)
	}}
}

// noCommits has all commit votes lost for a while: what is certified and not final does
// not pile up without bound, and all goes on afterwards.
func noCommits(seed uint64) sim.Plan {
	p := calm(seed, 8*time.Second)
	p.Conduct = func(w *sim.World) sim.Hooks {
		x := watching(w)
		h := x.hooks()
		h.Load = func() int { return 60 }
		var above, back uint64
		h.Transport = func(n *sim.Node, t engine.Transport) engine.Transport {
			return uncommitted(t, func() bool { return x.on && w.Elapsed() < x.from+3*time.Second }, func(m *types.Message) {
				s, up := n.Status()
				if p := m.Proposal; up && p != nil && p.Block != nil && len(p.Block.Payload) > 0 && p.Block.Header.Height > s.Consensus.FinalHeight {
					above = max(above, p.Block.Header.Height-s.Consensus.FinalHeight)
				}
			})
		}
		h.Calm = func() {
			x.calm()
			w.Call(4*time.Second, func() { back = x.top })
		}
		h.Over = func() error {
			if above > 70 || above < 40 || x.top < back+50 {
				return fmt.Errorf("no commit votes for 3 s: a payload was proposed %d heights above the last final one; %d heights final since", above, x.top-back)
			}
			return nil
		}
		return h
	}
	return p
}
