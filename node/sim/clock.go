package sim

import (
	"errors"
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/storage/disk/simdisk"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// maxDrift is the most that a clock may be too fast or too slow by, in millionths.
const maxDrift = 200_000

// clock is a node's: its monotonic part runs too fast or too slow by n.drift millionths of
// the virtual time, and its wall clock is off by n.skew from that.
type clock struct {
	n  *node
	on task.Runtime
}

var _ engine.Clock = (*clock)(nil)

// Now implements engine.Clock.
func (c *clock) Now() consensus.Now {
	return consensus.Now{MonoMs: uint64(c.n.mono().Milliseconds()) + 1, WallMs: uint64(began.UnixMilli() + c.n.mono().Milliseconds() + c.n.skew)}
}

// After implements engine.Clock.
func (c *clock) After(mono uint64, f func()) (cancel func()) {
	wait := time.Duration(mono-1)*time.Millisecond - c.n.mono()
	if c.n.drift != 0 {
		wait = wait*1_000_000/time.Duration(1_000_000+c.n.drift) + time.Millisecond
	}
	return c.on.After(wait, "timer of consensus", f)
}

// began is what correct wall clocks show when a run begins.
var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// mono is what the node's monotonic clock has counted since the run began.
func (n *node) mono() time.Duration {
	elapsed := n.w.s.Elapsed()
	return elapsed + elapsed*time.Duration(n.drift)/1_000_000
}

// clockJumps sets wall clocks wrong, and some of them right again; in the end all.
func (w *world) clockJumps() {
	rng := stream(w.plan.Seed, "clock_jump_ns at run time")
	for {
		w.s.Sleep(between(rng, 200*time.Millisecond, 4*time.Second))
		if w.healed {
			break
		}
		n, right := w.nodes[rng.IntN(len(w.nodes))], rng.IntN(4) == 0
		to := between(rng, -w.plan.ClockJump, w.plan.ClockJump).Milliseconds()
		if right {
			to = 0
		}
		if w.happens("wall clock of node %d is %d ms wrong", n.index, to) {
			n.setClock(to)
		}
	}
	for _, n := range w.nodes {
		n.setClock(0)
	}
}

// setClock makes the node's wall clock wrong by so many milliseconds.
func (n *node) setClock(wrong int64) {
	n.skew = (n.w.s.Elapsed() - n.mono()).Milliseconds() + wrong
	n.w.result.ClockJumps++
}

// voteLog is the vote log on a disk that takes its time and may crash inside a write.
type voteLog struct {
	n   *node
	log *votelog.Log
}

var _ engine.VoteLog = (*voteLog)(nil)

// Append implements engine.VoteLog. It may end before the write, inside it, and after
// it, before anything that depends on it is sent.
func (l *voteLog) Append(r votelog.Record) error {
	wait := between(l.n.w.chance, 0, l.n.w.plan.SlowDisk)
	l.n.w.s.Sleep(wait / 2)
	err := l.log.Append(r)
	if errors.Is(err, simdisk.ErrCrashed) {
		l.n.died()
	}
	if err == nil {
		l.n.w.checks.recorded(l.n, &r.State)
	}
	if l.n.disk.FailedSyncs() > 0 {
		l.n.failedSync()
	}
	l.n.w.s.Sleep(wait / 2)
	return err
}

// Final implements engine.VoteLog.
func (l *voteLog) Final(height uint64, id types.Hash) { l.log.Final(height, id) }

// HeldBodyBytes implements engine.VoteLog.
func (l *voteLog) HeldBodyBytes() int64 { return l.log.HeldBodyBytes() }
