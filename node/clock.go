package node

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
)

// clock is the machine's: monotonic milliseconds since the process began, and
// the wall clock.
type clock struct{ origin time.Time }

func newClock() clock { return clock{origin: time.Now()} }

// Now implements engine.Clock.
func (c clock) Now() consensus.Now {
	now := time.Now()
	return consensus.Now{MonoMs: uint64(now.Sub(c.origin).Milliseconds()), WallMs: uint64(max(0, now.UnixMilli()))}
}

// After implements engine.Clock.
func (c clock) After(mono uint64, f func()) func() {
	wait := time.Duration(mono)*time.Millisecond - time.Since(c.origin)
	timer := time.AfterFunc(max(0, wait), f)
	return func() { timer.Stop() }
}
