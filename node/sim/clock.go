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

// clock is a node's: the virtual time, and a wall clock that is off by a little.
type clock struct {
	n  *node
	on task.Runtime
}

var _ engine.Clock = (*clock)(nil)

// Now implements engine.Clock.
func (c *clock) Now() consensus.Now {
	return consensus.Now{MonoMs: uint64(c.n.w.s.Elapsed().Milliseconds()) + 1, WallMs: uint64(c.on.Now().UnixMilli() + c.n.skew)}
}

// After implements engine.Clock.
func (c *clock) After(mono uint64, f func()) (cancel func()) {
	return c.on.After(time.Duration(mono-1)*time.Millisecond-c.n.w.s.Elapsed(), "timer of consensus", f)
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
