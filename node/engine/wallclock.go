package engine

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/consensus"
)

// clockJumpMs is how far the wall clock may move against the monotonic one from
// one step to the next. A machine that was stopped and brought back, perhaps from
// an image, moves it by more; slewing does not.
const clockJumpMs = 2000

// clockOffset is the wall clock against the monotonic one.
func clockOffset(now consensus.Now) int64 { return int64(now.WallMs) - int64(now.MonoMs) }

// jumped is by how much the wall clock moved against the monotonic one since the
// loop looked last; 0: by no more than it may.
func (e *Engine) jumped(now consensus.Now) int64 {
	if by := clockOffset(now) - e.clock.Load(); by > clockJumpMs || by < -clockJumpMs {
		return by
	}
	return 0
}

// watchClock holds signing back after a jump until own-echo passed again: this
// process may be a copy, or have come back from an image. What waits to be signed
// is given up; the core signs it again from its record. // rule: own-echo
func (e *Engine) watchClock(now consensus.Now) {
	by := e.jumped(now)
	if by == 0 || e.cfg.Signer == nil {
		e.clock.Store(clockOffset(now))
		return
	}
	e.writer.refuse.Store(true) // before the writer takes the new offset for the old
	e.clock.Store(clockOffset(now))
	e.log.Warn("the wall clock jumped against the monotonic one: signing is held back until peers were asked again",
		"rule", "own-echo", "by_ms", by, "do", "check the clock's source; if this machine was restored from an image, set its volumes up anew")
	e.echo.hold(fmt.Sprintf("the wall clock jumped by %d ms: own-echo is asked again", by))
	e.writer.then(func() {
		// All that was signed is on record by now, and nothing is signed since.
		if e.writer.durable != nil {
			e.echo.account.Store(e.writer.durable)
		}
		e.writer.refuse.Store(false)
		e.postCall(e.echo.askAnew)
	})
}
