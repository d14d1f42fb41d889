package consensus

import (
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// syncAhead is how many heights a commit certificate may be above the last final
// block before block sync is asked to fill in, rather than single blocks.
const syncAhead = 16

// maxFetchDepth bounds how far an unknown chain is walked down in one step.
const maxFetchDepth = 4096

// peerState limits what one peer makes us send.
type peerState struct {
	answeredAt uint64
	askedAt    uint64
	epochAt    uint64
	ahead      uint64 // highest view that it was seen in
}

// peer gives the state of a peer. When too many are known all are forgotten, which
// only lets each be answered once more.
func (c *Core) peer(p Peer) *peerState {
	s := c.peers[p]
	if s == nil {
		if len(c.peers) >= maxPeers {
			clear(c.peers)
		}
		s = &peerState{}
		c.peers[p] = s
	}
	return s
}

// allow limits one kind of answer to one a resend interval.
func (c *Core) allow(at *uint64) bool {
	if *at != 0 && c.now.MonoMs < *at+c.cfg.Timing.ResendMs {
		return false
	}
	*at = max(c.now.MonoMs, 1)
	return true
}

// ahead asks whoever is in a later view for what led there. One view ahead is
// ordinary, so the question waits for the next resend then. // rule: catch-up
func (c *Core) ahead(from Peer, view uint64) {
	if from == (Peer{}) {
		return
	}
	p := c.peer(from)
	p.ahead = max(p.ahead, view)
	if view > c.view+1 && c.allow(&p.askedAt) {
		c.askCertificates(from)
	}
}

func (c *Core) askCertificates(from Peer) {
	c.eff.emit(AskCertificates{Peer: from, Epoch: c.set.Epoch.Number, View: c.view})
}

// askAhead asks validators that have stayed ahead for a resend interval.
func (c *Core) askAhead() {
	for i := range c.set.Epoch.Validators {
		key := Peer(c.set.Epoch.Validators[i].NetworkKey)
		if p := c.peers[key]; p != nil && p.ahead > c.view && c.allow(&p.askedAt) {
			c.askCertificates(key)
		}
	}
}

// answerCertificates answers a peer's question.
func (c *Core) answerCertificates(e CertificatesAsked) {
	switch {
	case e.From == (Peer{}):
	case e.Epoch < c.set.Epoch.Number:
		c.answerEpoch(e.From, e.Epoch)
	case e.Epoch == c.set.Epoch.Number && c.allow(&c.peer(e.From).answeredAt):
		c.sendCertificates(e.From, e.View)
	}
}

// fetchHint notes who should have the body of a certified block: its signers.
// rule: catch-up
func (c *Core) fetchHint(n *node, q *types.QC) {
	if n.block != nil || n == c.tip {
		return
	}
	a := q.Prepares
	if q.Commit != nil {
		a = &q.Commit.Commits
	}
	n.fetchFrom = c.signers(a)
}

// fetchMissing asks for the bodies that the rules wait for: of what is certified,
// of what is proposed by id, of an own vote on record, and of their ancestors.
// rule: catch-up
func (c *Core) fetchMissing() {
	c.resend.patience = 0
	if cc := c.pendingCC; cc != nil && cc.Outcome.Height > c.tip.height+syncAhead {
		if c.resend.syncAt == 0 || c.now.MonoMs >= c.resend.syncAt+c.cfg.Timing.ResendMs {
			c.resend.syncAt = max(c.now.MonoMs, 1)
			c.eff.emit(SyncNeeded{Certificate: cc, From: c.signers(&cc.Commits)})
		}
		return
	}
	if cc := c.pendingCC; cc != nil {
		c.fetchChain(c.nodes[cc.Outcome.Block])
	}
	c.fetchChain(c.nodes[c.safety.Lock.Block])
	for _, p := range c.proposals {
		if p.view == c.view && p.main != nil {
			c.fetchChain(c.nodes[p.main.BlockID])
		}
		if p.view == c.view && p.optimistic != nil {
			c.fetchChain(c.nodes[p.optimistic.BlockID])
		}
	}
	if c.resign.prepare {
		c.fetchChain(c.nodes[c.safety.VotedBlock])
	}
}

// signers lists whose signatures an aggregate holds, without this node.
func (c *Core) signers(a *types.Aggregate) []Peer {
	var peers []Peer
	for i := range c.set.Epoch.Validators {
		if i != c.self && signedBy(a, i) {
			peers = append(peers, Peer(c.set.Epoch.Validators[i].NetworkKey))
		}
	}
	return peers
}

// fetchChain asks for the lowest missing body of n's chain.
func (c *Core) fetchChain(n *node) {
	if n == nil {
		return
	}
	from := n.fetchFrom
	for range maxFetchDepth {
		if n == c.tip {
			return
		}
		if n.block == nil {
			c.fetch(n, from)
			return
		}
		if len(n.fetchFrom) > 0 {
			from = n.fetchFrom
		}
		h := &n.block.Header
		p := c.nodes[h.Parent]
		if p == nil {
			if h.Height <= c.tip.height+1 {
				return // conflicts with what is final: never ours
			}
			p = c.named(h.Parent, 0, h.Height-1)
		}
		n = p
	}
}

// fetchPatience is how long a body that should be on its way is waited for.
func (c *Core) fetchPatience() uint64 { return c.cfg.Timing.SettleMs / 2 }

// onItsWay reports whether a missing body has probably been sent to us: a validator
// gets the proposals of the newest views, on another stream than votes and
// certificates, so that these often come before the block.
func (c *Core) onItsWay(n *node) bool {
	if c.self < 0 || n.fetchedAt != 0 || n.view+1 < c.view {
		return false
	}
	if n.missedAt == 0 {
		n.missedAt = max(c.now.MonoMs, 1)
	}
	return c.now.MonoMs < n.missedAt+c.fetchPatience()
}

// fetch asks for one body, again at each resend interval.
func (c *Core) fetch(n *node, from []Peer) {
	if c.onItsWay(n) {
		c.resend.patience = n.missedAt + c.fetchPatience()
		return
	}
	if n.fetchedAt != 0 && c.now.MonoMs < n.fetchedAt+c.cfg.Timing.ResendMs {
		return
	}
	n.fetchedAt = max(c.now.MonoMs, 1)
	if len(n.fetchFrom) == 0 {
		n.fetchFrom = from
	}
	c.eff.emit(FetchBlock{ID: n.id, Height: n.height, View: n.view, From: c.withOthers(n.fetchFrom)})
}

// withOthers adds the validators that are not in first: whoever signed for a
// descendant may have lost an ancestor's body in a crash, if another block's vote
// was its last.
func (c *Core) withOthers(first []Peer) []Peer {
	peers := slices.Clone(first)
	for i := range c.set.Epoch.Validators {
		if p := Peer(c.set.Epoch.Validators[i].NetworkKey); i != c.self && !slices.Contains(peers, p) {
			peers = append(peers, p)
		}
	}
	return peers
}
