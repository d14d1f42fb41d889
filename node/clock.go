package node

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
)

// clock is the engine's: monotonic milliseconds since the process began, and the wall
// clock. Both are as the reader says.
type clock struct {
	origin time.Time
	reader clockReader
}

func newClock() clock { return clock{origin: time.Now(), reader: newClockReader()} }

// Now implements engine.Clock.
func (c clock) Now() consensus.Now {
	now := time.Now()
	mono, wall := c.reader.read(now.Sub(c.origin), now)
	return consensus.Now{MonoMs: uint64(mono.Milliseconds()), WallMs: uint64(max(0, wall.UnixMilli()))}
}

// After implements engine.Clock.
func (c clock) After(mono uint64, f func()) func() {
	now := time.Now()
	read, _ := c.reader.read(now.Sub(c.origin), now)
	timer := time.AfterFunc(c.reader.real(max(0, time.Duration(mono)*time.Millisecond-read)), f)
	return func() { timer.Stop() }
}
