package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// ownMessages are the own signed votes that may have to be sent again.
type ownMessages struct {
	prepare     *types.SignedPrepare
	commits     []*types.SignedCommit // rising views; until final
	timeout     *types.SignedTimeout
	timeoutLock uint64 // view of the lock that the last timeout reported
}

func (o *ownMessages) addCommit(v *types.SignedCommit) {
	if n := len(o.commits); n > 0 && o.commits[n-1].Vote.View >= v.Vote.View {
		return
	}
	if len(o.commits) == maxOwnCommits {
		o.commits = o.commits[1:]
	}
	o.commits = append(o.commits, v)
}

func (o *ownMessages) forget(final uint64) {
	keep := o.commits[:0]
	for _, v := range o.commits {
		if v.Vote.Height > final {
			keep = append(keep, v)
		}
	}
	clear(o.commits[len(keep):])
	o.commits = keep
}

// resendState is when things were sent again last, and what they were: only what
// has stood for a whole interval is sent again, so that a chain in full flow
// resends nothing.
type resendState struct {
	next     uint64 // MonoMs
	view     uint64
	lock     uint64
	cc       uint64
	commit   uint64 // view of the newest own commit vote
	timeouts uint64
	syncAt   uint64
	turn     uint64 // of passOnNewest
	calm     uint64 // intervals in which nothing was missing and nothing changed
	patience uint64 // when a body that is on its way is fetched after all; 0: none
}

// resendDue sends again what others may have missed. // rule: resend
func (c *Core) resendDue() {
	r := &c.resend
	if c.now.MonoMs < r.next {
		return
	}
	r.next = c.now.MonoMs + c.cfg.Timing.ResendMs
	c.askAhead()
	if c.self >= 0 {
		c.resendVotes()
		if !c.calm() {
			c.resendCertificates()
		}
	}
	if c.self >= 0 || c.wasMember {
		c.resendEpoch()
	}
	r.view, r.lock, r.timeouts = c.view, c.safety.Lock.View, c.safety.TimeoutView
	r.cc, r.commit = 0, 0
	if c.highestCC != nil {
		r.cc = c.highestCC.View
	}
	if c.safety.Commit != nil {
		r.commit = c.safety.Commit.View
	}
}

// calmInterval is how many intervals apart certificates are sent while nothing is
// missing: only somebody who comes back wants them then.
const calmInterval = 8

// calm reports whether this interval's certificates can be left out: for a while
// nothing has changed, everything certified is final, and nobody here gave up the
// view.
func (c *Core) calm() bool {
	r := &c.resend
	if r.view != c.view || r.lock != c.safety.Lock.View || c.safety.TimeoutView >= c.view ||
		c.pendingCC != nil || c.safety.Lock.Height > c.tip.height || c.epochCert != nil {
		r.calm = 0
		return false
	}
	r.calm++
	return r.calm > 2 && r.calm%calmInterval != 0
}

func (c *Core) multicast(m types.Message) { c.eff.emit(Multicast{Message: m}) }

func (c *Core) resendVotes() {
	if c.mayNotSign() {
		return // nothing is repeated that could not be signed
	}
	r, o := &c.resend, &c.own
	if o.prepare != nil && o.prepare.Vote.View == c.view && r.view == c.view {
		c.multicast(types.Message{Prepare: o.prepare})
	}
	for _, v := range o.commits {
		if v.Vote.View <= r.commit {
			c.multicast(types.Message{Commit: v})
		}
	}
	if c.safety.TimeoutView < c.view || r.timeouts != c.safety.TimeoutView {
		return
	}
	if c.safety.Lock.View > o.timeoutLock {
		c.eff.persist()
		c.signTimeout(c.safety.TimeoutView)
	} else if o.timeout != nil && o.timeout.Vote.View == c.safety.TimeoutView {
		c.multicast(types.Message{Timeout: o.timeout})
	}
}

func (c *Core) resendCertificates() {
	r, l := &c.resend, c.safety.Lock
	if l.View > 0 && l.View == r.lock && (c.highestCC == nil || c.highestCC.View < l.View) {
		c.multicast(types.Message{QC: &l})
	}
	switch {
	case c.highestCC == nil:
	case c.highestCC.View == r.cc:
		c.multicast(types.Message{CC: c.highestCC})
	default:
		c.passOnNewest()
	}
	if r.view != c.view {
		return
	}
	if t := c.safety.EntryTC; t != nil {
		c.multicast(types.Message{TC: t})
	} // else entered by a QC: the lock is that, or higher
}

// passOnNewest sends the highest CC to one other validator, each time the next.
// In a chain in full flow nobody's CC stands for an interval, and those who hold
// the outcomes make theirs from votes: whoever came back from far behind has no
// outcome, and would never see one. All together send each about one an interval.
func (c *Core) passOnNewest() {
	n := uint64(len(c.set.Epoch.Validators))
	if n < 2 {
		return
	}
	r := &c.resend
	to := (uint64(c.self) + 1 + r.turn%(n-1)) % n
	r.turn++
	c.eff.emit(Send{To: Peer(c.set.Epoch.Validators[to].NetworkKey), Message: types.Message{CC: c.highestCC}})
}

// resendEpoch sends the certificate that began this epoch, to the validators of
// both, until a block of it is final. // rule: resend, epoch-leave
func (c *Core) resendEpoch() {
	if c.hasFinal || c.root.Certificate == nil {
		return
	}
	c.eff.emit(Multicast{To: BothEpochs, Message: types.Message{EpochStart: c.present()}})
}

// present is the proof of the present epoch; its certificate is nil in epoch 1.
func (c *Core) present() *types.EpochStart {
	return &types.EpochStart{Epoch: c.set.Epoch, Certificate: c.root.Certificate}
}

// scheduleWake asks for a tick at the next time that a rule depends on.
func (c *Core) scheduleWake() {
	at := c.resend.next
	soon := func(t uint64) {
		if t > c.now.MonoMs && t < at {
			at = t
		}
	}
	sign := !c.mayNotSign()
	if sign && c.safety.TimeoutView < c.view && !c.due.fired {
		soon(c.deadline())
	}
	if sign && c.due.at != 0 {
		soon(c.executionWait())
	}
	soon(c.resend.patience)
	if late := c.finalityLate(); late != never {
		soon(late)
	}
	if sign && c.set.Leader(c.view) == uint32(c.self) && c.safety.ProposedView < c.view {
		soon(c.enteredAt + c.cfg.Timing.IdleMs)
		soon(c.fallbackWait())
		soon(c.parentWait())
	}
	for _, p := range c.proposals {
		if p.view != c.view {
			continue
		}
		for _, q := range []*types.Proposal{p.main, p.optimistic} {
			if q != nil && c.nodes[q.BlockID] != nil {
				if ahead, limit := c.nodes[q.BlockID].timeMs, c.latestTimestamp(); ahead > limit {
					soon(c.now.MonoMs + ahead - limit)
				}
			}
		}
	}
	if at != c.wakeAt {
		c.wakeAt = at
		c.eff.emit(WakeAt{MonoMs: at})
	}
}
