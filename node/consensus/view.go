package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// enter goes to a later view, never back: by a QC (or CC) or a TC of the view
// before. // rule: enter-view
func (c *Core) enter(view uint64, q *types.QC, t *types.TC, by source) {
	if view <= c.view {
		return
	}
	c.view, c.enteredAt = view, c.now.MonoMs
	// Timers and waits end with their view. // rule: timeout
	c.due, c.learnedAt = dueTimeout{}, 0
	c.safety.EntryQC, c.safety.EntryTC = q, t
	c.eff.emit(EnteredView{Epoch: c.set.Epoch.Number, View: view, Leader: c.set.Leader(view), ByTC: t != nil})
	if t != nil {
		c.pass(types.Message{TC: t})
	} else if by == inTimeout || by == byItself || c.trouble(q.View) {
		c.passLock()
	}
	keep := c.proposals[:0]
	for _, p := range c.proposals {
		if p.view >= view {
			keep = append(keep, p)
		}
	}
	clear(c.proposals[len(keep):])
	c.proposals = keep
	c.forgetStale()
}

// trouble reports whether anybody gave up that view or a later one. Without it, a
// QC that was assembled from multicast votes, or came in a multicast proposal, is
// not passed on: everybody gets the same. Whoever does not times out, and that is
// answered with the QC (stale).
func (c *Core) trouble(view uint64) bool { return c.maxTimeout >= view }

// pass multicasts a certificate.
func (c *Core) pass(m types.Message) {
	if c.self >= 0 {
		c.eff.emit(Multicast{Message: m})
	}
}

// passLock multicasts the lock, once a view.
func (c *Core) passLock() {
	l := c.safety.Lock // of a view above all that were passed on: so both callers
	c.passed = l.View
	if l.Commit != nil {
		c.pass(types.Message{CC: l.Commit})
		return
	}
	c.pass(types.Message{QC: &l})
}

// stale answers a sign that somebody gave up a view that we hold a certificate of:
// by passing the lock on, and to the sender alone where that happened before. This
// is what brings a QC that was shown to one validator only to the next leader
// within the settle time. // rule: enter-view
func (c *Core) stale(from Peer, view uint64) {
	if from == (Peer{}) || view >= c.view {
		return
	}
	if c.safety.Lock.View >= view && c.safety.Lock.View > c.passed {
		c.passLock()
		return
	}
	if view+1 == c.view && c.safety.Lock.View < view {
		return // the TC of that view led here and was passed on
	}
	if p := c.peer(from); c.allow(&p.answeredAt) {
		c.sendCertificates(from, view)
	}
}

// sendCertificates sends a peer in that view what leads it here.
func (c *Core) sendCertificates(to Peer, view uint64) {
	if l := c.safety.Lock; l.View >= view && l.View > 0 {
		c.eff.emit(Send{To: to, Message: types.Message{QC: &l}})
	}
	if t := c.safety.EntryTC; t != nil && t.View >= view {
		c.eff.emit(Send{To: to, Message: types.Message{TC: t}})
	}
	if c.highestCC != nil && c.highestCC.View >= view {
		c.eff.emit(Send{To: to, Message: types.Message{CC: c.highestCC}})
	}
}
