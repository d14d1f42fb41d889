package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// verdict is what is known of a block's validity.
type verdict uint8

const (
	verdictUnknown verdict = iota
	verdictAsked
	verdictValid
	verdictInvalid
)

// node is a block above the last final one (or that one): as far as it is known,
// from its body or from a certificate alone.
type node struct {
	id     types.Hash
	view   uint64
	height uint64
	block  *types.Block // nil: only a certificate, or a proposal by id, names it
	timeMs uint64

	verdict  verdict
	executed bool
	outcome  types.Outcome
	change   *types.Epoch
	end      *node // the ancestor (or itself) that ended the epoch; rule: epoch-end

	qc          *types.QC
	certifiedAt uint64
	logged      bool // the body is in the vote log

	fetchFrom []Peer // who should have the body
	fetchedAt uint64 // when it was asked for last; 0: never
	missedAt  uint64 // when it was first found missing; 0: never
}

func finalNode(f Final) *node {
	return &node{id: f.Outcome.Block, view: f.View, height: f.Outcome.Height, timeMs: f.TimestampMs,
		verdict: verdictValid, executed: true, outcome: f.Outcome}
}

// named gives the node of a certified or proposed block, made without its
// body if it is unknown. Nil at or below the last final height.
func (c *Core) named(id types.Hash, view, height uint64) *node {
	if n := c.nodes[id]; n != nil {
		return n
	}
	if height <= c.tip.height {
		return nil
	}
	n := &node{id: id, view: view, height: height}
	c.nodes[id] = n
	c.order = append(c.order, n)
	return n
}

// addBlock gives a known node its body, or makes one. The caller has checked that
// somebody who may ask for it did: a leader's signature, or a certificate.
func (c *Core) addBlock(b *types.Block) *node {
	h := &b.Header
	if h.Genesis != c.cfg.Genesis || h.Epoch != c.set.Epoch.Number || h.Height <= c.tip.height {
		return nil
	}
	n := c.named(b.ID(), h.View, h.Height)
	if n.block != nil {
		return n
	}
	// A certificate binds the id; view and height are the header's.
	n.block, n.view, n.height, n.timeMs = b, h.View, h.Height, h.TimestampMs
	return n
}

// parent gives n's parent if it is known (its body may not be).
func (c *Core) parent(n *node) *node {
	if n == nil || n.block == nil {
		return nil
	}
	return c.nodes[n.block.Header.Parent]
}

// chain lists n and its ancestors above the last final block, n first. whole is
// false if a body is missing, or the chain does not reach the last final block.
func (c *Core) chain(n *node) (line []*node, whole bool) {
	for n != c.tip {
		line = append(line, n)
		p := c.parent(n)
		if p == nil || p.height+1 != n.height {
			return line, false
		}
		n = p
	}
	return line, true
}

// inFlight lists the bodies of n and its ancestors above the last final block.
func (c *Core) inFlight(n *node) []*types.Block {
	line, _ := c.chain(n)
	blocks := make([]*types.Block, 0, len(line))
	for _, a := range line {
		if a.block != nil {
			blocks = append(blocks, a.block)
		}
	}
	return blocks
}

// cut makes n the last final block and drops all that does not descend from it.
func (c *Core) cut(n *node) {
	var dropped []types.Hash
	keep := make([]*node, 0, len(c.order))
	below := make(map[types.Hash]bool) // final blocks of this cut
	for a := n; a != nil && a != c.tip; a = c.parent(a) {
		below[a.id] = true
	}
	old := c.tip
	c.tip = n
	n.block, n.qc = nil, nil
	for _, a := range c.order {
		if a == n || a == old || below[a.id] {
			continue
		}
		if a.height > n.height && c.mayDescend(a, n) {
			keep = append(keep, a)
			continue
		}
		dropped = append(dropped, a.id)
	}
	c.order = append([]*node{n}, keep...)
	c.nodes = make(map[types.Hash]*node, len(c.order))
	for _, a := range c.order {
		c.nodes[a.id] = a
	}
	if len(dropped) > 0 {
		c.eff.emit(DropBlocks{IDs: dropped})
	}
}

// mayDescend reports whether a descends from n or is not known not to.
func (c *Core) mayDescend(a, n *node) bool {
	for a.height > n.height {
		if a.block == nil {
			return true
		}
		p := c.nodes[a.block.Header.Parent]
		if p == nil {
			return a.height > n.height+1
		}
		a = p
	}
	return a == n
}

// forgetStale drops blocks of past views that nobody certified and nothing
// certified stands on.
func (c *Core) forgetStale() {
	needed := make(map[*node]bool)
	for _, a := range c.order {
		if a.qc != nil || a.view+staleViews >= c.view || a.id == c.safety.VotedBlock || a == c.tip || a.id == c.executing {
			for n := a; n != nil && !needed[n]; n = c.parent(n) {
				needed[n] = true
			}
		}
	}
	if len(needed) == len(c.order) {
		return
	}
	var dropped []types.Hash
	keep := c.order[:0]
	for _, a := range c.order {
		if needed[a] {
			keep = append(keep, a)
			continue
		}
		delete(c.nodes, a.id)
		dropped = append(dropped, a.id)
	}
	clear(c.order[len(keep):])
	c.order = keep
	c.eff.emit(DropBlocks{IDs: dropped})
}

func (c *Core) blockFetched(e BlockFetched) {
	if e.Block == nil {
		return
	}
	n := c.nodes[e.Block.ID()]
	if n == nil || n.block != nil || n == c.tip {
		return
	}
	c.addBlock(e.Block)
}
