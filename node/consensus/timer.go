package consensus

import (
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// dueTimeout says that the present view should be timed out, since when: it may
// have to wait, for execution or for the right to sign. It ends with its view.
type dueTimeout struct {
	fired bool   // the view's timer did
	at    uint64 // MonoMs when the first reason came up; 0: none
}

// timer is the growing timer of a view: the same on all who share the lock.
// rule: timer
func (t Timing) timer(k uint64) uint64 {
	d := t.BaseMs
	for ; k > 0 && d < t.CapMs; k-- {
		next := d * t.GrowthPermille / 1000
		if next == d {
			return d // does not grow
		}
		d = next
	}
	return min(d, t.CapMs)
}

// viewTimer is how long the present view may take once there is something to
// propose.
func (c *Core) viewTimer() uint64 {
	// rule: silent-leader
	if l := c.set.Leader(c.view); int(l) != c.self && c.heard[l]+2*uint64(c.set.Len()) < c.view {
		return c.cfg.Timing.SettleMs
	}
	return c.cfg.Timing.timer(c.viewsSinceLock())
}

// learn notes when this view first knew of something to propose. // rule: idle
func (c *Core) learn() {
	s := c.proposalsOf(c.view)
	switch {
	case !c.hasWork() && (s == nil || s.main == nil && s.optimistic == nil):
		c.learnedAt = 0
	case c.learnedAt == 0:
		c.learnedAt = max(c.now.MonoMs, 1)
	}
}

// deadline is when the present view's timer fires: idle_interval is added until
// something to propose is known. // rule: idle
func (c *Core) deadline() uint64 {
	from := c.enteredAt + c.cfg.Timing.IdleMs
	if c.learnedAt != 0 {
		from = min(from, max(c.learnedAt, c.enteredAt))
	}
	return from + c.viewTimer()
}

// tryTimeout gives up the present view when its timer fired, or joins others who
// gave up this or a later one. // rule: timeout
func (c *Core) tryTimeout() bool {
	c.learn()
	target := uint64(0)
	if c.due.fired || c.safety.TimeoutView < c.view && c.now.MonoMs >= c.deadline() {
		c.due.fired = true
		target = c.view
	}
	if w := c.joinView(); w > c.safety.TimeoutView {
		target = max(target, w) // rule: timeout-join
	}
	if target <= c.safety.TimeoutView {
		return false
	}
	if c.due.at == 0 {
		c.due.at = max(c.now.MonoMs, 1)
	}
	if c.mayNotSign() || c.executionWait() > c.now.MonoMs {
		return false
	}
	c.castTimeout(target)
	return true
}

// executionWait is until when the timeout waits for the execution of the lock's
// block, if its commit vote could still be sent. // rule: timeout
func (c *Core) executionWait() uint64 {
	l := &c.safety.Lock
	n := c.nodes[l.Block]
	if n == nil || n == c.tip || n.executed || l.View <= c.safety.TimeoutView ||
		c.safety.Commit != nil && c.safety.Commit.View >= l.View {
		return 0
	}
	if _, whole := c.chain(n); !whole {
		return 0
	}
	return c.due.at + c.cfg.Timing.ExecutionLimitMs
}

func (c *Core) castTimeout(view uint64) {
	s := &c.safety
	s.TimeoutView = view // rises: tryTimeout saw to it
	if c.viewTimer() >= c.cfg.Timing.CapMs && c.due.fired {
		c.eff.emit(Alarm{Kind: AlarmViewsAtCap, Epoch: s.Epoch, View: c.view})
	}
	c.eff.persist()
	c.signTimeout(view)
}

// signTimeout reports the present lock.
func (c *Core) signTimeout(view uint64) {
	lock := c.safety.Lock
	c.own.timeoutLock = lock.View
	c.eff.sign(types.Message{Timeout: &types.SignedTimeout{Epoch: c.safety.Epoch, Validator: uint32(c.self),
		Vote: types.Timeout{View: view, HighView: lock.View}, High: lock}})
}

// joinView is the highest view w, at least the present one, such that a weak
// quorum sent timeouts of views >= w; 0 if there is none. // rule: timeout-join
func (c *Core) joinView() uint64 {
	for c.maxTimeout >= c.view && c.maxTimeout > c.safety.TimeoutView {
		var views []uint64
		for i := range c.timeouts {
			if s := c.timeouts[i].newest(); s != nil && s.view >= c.view && s.view > c.safety.TimeoutView {
				views = append(views, s.view)
			}
		}
		slices.Sort(views)
		w, checked := c.weakQuorumAt(views)
		if w == 0 || checked {
			return w
		}
	}
	return 0
}

// weakQuorumAt finds the highest of views that a weak quorum's timeouts reach, and
// verifies those; checked is false if one of them was invalid (and is gone).
func (c *Core) weakQuorumAt(views []uint64) (w uint64, checked bool) {
	for k := len(views) - 1; k >= 0; k-- {
		var power uint64
		for i := range c.timeouts {
			if s := c.timeouts[i].newest(); s != nil && s.view >= views[k] {
				power += c.set.Power(i)
			}
		}
		if !c.set.IsWeakQuorum(power) {
			continue
		}
		ok := true
		for i := range c.timeouts {
			if s := c.timeouts[i].newest(); s != nil && s.view >= views[k] && !s.verified {
				s.verified = c.set.VerifyVote(uint32(i), s.vote.Vote, s.vote.Signature)
				if !s.verified {
					s.vote, ok = nil, false
					c.reportValidator(i, "invalid signature of a timeout")
				}
			}
		}
		return views[k], ok
	}
	return 0, true
}
