package sim

import (
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// certificates are those that honest nodes sent: each was verified once here, and no two
// contradict one another.
type certificates struct {
	seen  map[types.Hash]bool
	block map[place]types.Hash // certified by prepare votes or more
	named map[place]types.Hash // the outcome that commit votes certified
}

// place is one view of one epoch.
type place struct{ epoch, view uint64 }

func newCertificates() certificates {
	return certificates{seen: map[types.Hash]bool{}, block: map[place]types.Hash{}, named: map[place]types.Hash{}}
}

// certified looks at every certificate that an honest node sends.
func (c *checks) certified(n *node, m *types.Message) {
	c.qc(n, m.QC)
	c.cc(n, m.CC)
	c.tc(n, m.TC)
	if p := m.Proposal; p != nil {
		c.qc(n, p.QC)
		c.tc(n, p.TC)
	}
	if t := m.Timeout; t != nil {
		c.qc(n, &t.High)
		if t.High.View != t.Vote.HighView {
			c.violated(n, "its timeout reports view %d with a certificate of view %d", t.Vote.HighView, t.High.View)
		}
	}
	if s := m.EpochStart; s != nil {
		c.cc(n, s.Certificate)
	}
}

// fresh reports whether a certificate is seen for the first time.
func (c *checks) fresh(encoded []byte) bool {
	id := types.SumHash(encoded)
	seen := c.certificates.seen[id]
	c.certificates.seen[id] = true
	return !seen
}

// of is the set of an epoch that a certificate is of; nil: it has not begun.
func (c *checks) of(n *node, epoch uint64) *types.ValidatorSet {
	set := c.sets[epoch]
	if set == nil {
		c.violated(n, "it sends a certificate of epoch %d, which has not begun", epoch)
	}
	return set
}

func (c *checks) qc(n *node, q *types.QC) {
	if q == nil || !c.fresh(wire.EncodeQC(q)) {
		return
	}
	c.cc(n, q.Commit)
	if q.View == 0 { // the end of the epoch before, which its CC names
		if root := c.roots[q.Epoch]; q.Block != root.Block || q.Height != root.Height {
			c.violated(n, "it takes block %s at height %d for the root of epoch %d, which is %s at %d", q.Block, q.Height, q.Epoch, root.Block, root.Height)
		}
		return
	}
	set := c.of(n, q.Epoch)
	if set == nil {
		return
	}
	if err := set.VerifyQC(q, c.roots[q.Epoch]); err != nil {
		c.violated(n, "it sends a certificate of view %d that does not verify: %v", q.View, err)
	}
	c.one(n, place{q.Epoch, q.View}, q.Block)
}

func (c *checks) cc(n *node, cc *types.CC) {
	if cc == nil || !c.fresh(wire.EncodeCC(cc)) {
		return
	}
	set := c.of(n, cc.Epoch)
	if set == nil {
		return
	}
	if err := set.VerifyCC(cc); err != nil {
		c.violated(n, "it sends a commit certificate of view %d that does not verify: %v", cc.View, err)
	}
	at := place{cc.Epoch, cc.View}
	c.one(n, at, cc.Block)
	named := cc.Outcome.Hash()
	if was, ok := c.certificates.named[at]; ok && was != named {
		c.violated(n, "CONFLICT: view %d of epoch %d has commit certificates of two outcomes", cc.View, cc.Epoch)
	}
	c.certificates.named[at] = named
	if h := cc.Outcome.Height; h < uint64(len(c.final)) && c.final[h] != cc.Outcome {
		c.violated(n, "AGREEMENT: it sends a commit certificate of another outcome of height %d than was told", h)
	}
}

func (c *checks) tc(n *node, tc *types.TC) {
	if tc == nil || !c.fresh(wire.EncodeTC(tc)) {
		return
	}
	c.qc(n, &tc.High)
	set := c.of(n, tc.Epoch)
	if set == nil {
		return
	}
	if err := set.VerifyTC(tc, c.roots[tc.Epoch]); err != nil {
		c.violated(n, "it sends a timeout certificate of view %d that does not verify: %v", tc.View, err)
	}
}

// one holds that a view certifies one block.
func (c *checks) one(n *node, at place, block types.Hash) {
	if was, ok := c.certificates.block[at]; ok && was != block {
		c.violated(n, "CONFLICT: view %d of epoch %d has certificates of two blocks, %s and %s", at.view, at.epoch, was, block)
	}
	c.certificates.block[at] = block
}
