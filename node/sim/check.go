package sim

import (
	"bytes"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	"github.com/bedrock-bft/bedrock/node/wire"
)

// checks hold what must be true after every event; the first that is not ends the run.
type checks struct {
	w      *world
	sets   map[uint64]*types.ValidatorSet // by epoch
	final  []types.Outcome                // by height, as some node told it first
	ledger ledger                         // after them
	told   []uint64                       // by node, the highest height
	signed map[signedKey]types.Hash

	roots    map[uint64]types.Root // by epoch
	last     uint64                // the newest epoch
	executed uint64                // transactions of final blocks
	promises
	certificates
	signs map[int]int // by validator, how many messages that no other has the place of
}

// signedKey is what a validator signs once.
type signedKey struct {
	node  int
	epoch uint64
	kind  types.Kind
	view  uint64
}

func newChecks(w *world, set *types.ValidatorSet) *checks {
	return &checks{w: w, sets: map[uint64]*types.ValidatorSet{1: set}, final: []types.Outcome{w.genesisOutcome()}, told: make([]uint64, len(w.nodes)), signed: map[signedKey]types.Hash{},
		roots: map[uint64]types.Root{1: {Block: w.genesis}}, last: 1, promises: newPromises(), certificates: newCertificates(), signs: map[int]int{}}
}

// violated ends the run, but if the node is one that may.
func (c *checks) violated(n *node, format string, args ...any) {
	if c.faulty(n.index) {
		c.w.log.Debug("a faulty node", "node", n.index, "does", fmt.Sprintf(format, args...))
		return
	}
	what := fmt.Sprintf(format, args...)
	if t := c.w.hooks.Tolerated; t != nil && t(what) {
		return
	}
	c.w.s.Fail(&Violation{Rule: format, What: fmt.Sprintf("node %d: %s\n%s", n.index, what, c.w.standing())})
}

// Violation is what a run must not show.
type Violation struct {
	Rule string // the same for what violates in the same way
	What string
}

// Error implements error.
func (v *Violation) Error() string { return v.What }

// highest is the height up to which some honest node told that blocks are final; lowest,
// up to which all of them did.
func (c *checks) highest() uint64 { return uint64(len(c.final) - 1) }

func (c *checks) lowest() uint64 {
	least := ^uint64(0)
	for i, height := range c.told {
		if !c.faulty(i) {
			least = min(least, height)
		}
	}
	return least
}

// told by a node that blocks are final.
func (c *checks) toldFinal(n *node, blocks []engine.FinalBlock, cc *types.CC) {
	if h := c.w.hooks.Final; h != nil {
		h(n.index, blocks, cc)
	}
	if c.faulty(n.index) {
		return
	}
	if set := c.sets[cc.Epoch]; set == nil {
		c.violated(n, "it tells of blocks up to %d by a certificate of epoch %d, which has not begun", cc.Outcome.Height, cc.Epoch)
	} else if err := set.VerifyCC(cc); err != nil {
		c.violated(n, "it tells of blocks up to %d by a certificate that does not verify: %v", cc.Outcome.Height, err)
	}
	if last := blocks[len(blocks)-1].Outcome; last != cc.Outcome {
		c.violated(n, "it tells of height %d by a certificate of another outcome", last.Height)
	}
	for i := range blocks {
		o := blocks[i].Outcome
		switch {
		case o.Height < uint64(len(c.final)):
			if was := c.final[o.Height]; o != was {
				c.violated(n, "AGREEMENT: height %d is block %s with state %s here, and %s with %s elsewhere", o.Height, o.Block, o.StateRoot, was.Block, was.StateRoot)
			}
		case o.Height > uint64(len(c.final)):
			c.violated(n, "it tells of height %d, the one before was never told of", o.Height)
		default:
			c.follows(n, &blocks[i])
			c.final = append(c.final, o)
			c.convicted(n, blocks[i].Block)
			c.begun(n, blocks[i].Change)
			hash := o.Hash()
			c.w.s.Note('f', hash[:])
			c.w.tell("height %d of epoch %d, view %d, is final: node %d tells it first", o.Height, cc.Epoch, cc.View, n.index)
		}
	}
	c.told[n.index] = max(c.told[n.index], cc.Outcome.Height)
}

// follows holds the next final block against the one before it.
func (c *checks) follows(n *node, f *engine.FinalBlock) {
	o, h, before := f.Outcome, &f.Block.Header, &c.final[len(c.final)-1]
	for j, tx := range f.Block.Payload {
		if f.Execution.Receipts[j].Code == 0 {
			c.ledger.apply(tx)
			c.executed++
		}
	}
	switch {
	case f.Block.ID() != o.Block || h.Parent != before.Block || o.Parent != before.Hash() || h.Height != o.Height:
		c.violated(n, "final block %s at height %d does not follow %s", f.Block.ID(), o.Height, before.Block)
	case h.Epoch != c.last: // rule: epoch-end
		c.violated(n, "final block %s at height %d is of epoch %d, which is not %d", f.Block.ID(), o.Height, h.Epoch, c.last)
	case c.ledger.root() != o.StateRoot:
		c.violated(n, "final block %s leaves the state %s, its outcome says %s", f.Block.ID(), c.ledger.root(), o.StateRoot)
	}
}

// begun learns of the epoch that begins after the last final block.
func (c *checks) begun(n *node, next *types.Epoch) {
	o := &c.final[len(c.final)-1]
	if next == nil != o.NextEpoch.IsZero() || next != nil && (next.Digest() != o.NextEpoch || next.Number != c.last+1) {
		c.violated(n, "height %d does not name the epoch that it begins", o.Height)
	}
	if next == nil {
		return
	}
	c.last, c.roots[next.Number] = next.Number, types.Root{Height: o.Height, Block: o.Block}
	set, err := types.NewValidatorSet(c.w.genesis, *next, c.w.scheme)
	if err != nil {
		c.violated(n, "epoch %d has no valid set: %v", next.Number, err)
		return
	}
	c.sets[next.Number] = set
}

// opened holds what a node finds on its volumes against what it told before.
func (c *checks) opened(n *node, synced uint64) {
	if tip := n.store.Tip(); tip < synced && !n.store.filling {
		c.violated(n, "the store ends at height %d, the vote log saw %d synced", tip, synced)
	}
	for h := range n.store.heights {
		if h < len(c.final) && n.store.heights[h].outcome != c.final[h] {
			c.violated(n, "it stores another outcome of height %d than was told", h)
		}
	}
}

// sent looks at what a node gives to the network.
func (c *checks) sent(n *node, data []byte) {
	m, err := wire.DecodeMessage(data)
	if err != nil {
		c.violated(n, "it sends what does not decode: %v", err)
		return
	}
	if c.faulty(n.index) {
		return
	}
	c.certified(n, &m)
	key := signedKey{epoch: m.Epoch(), view: m.View()}
	var validator uint32
	var what types.Signable
	switch {
	case m.Proposal != nil:
		p := m.Proposal
		validator, what, key.kind = p.Proposer, types.ProposalID{Kind: p.Kind, View: p.View, Block: p.BlockID}, types.KindProposeNormal
		if p.Kind == types.KindProposeOptimistic {
			key.kind = p.Kind
		}
	case m.Prepare != nil:
		validator, what, key.kind = m.Prepare.Validator, m.Prepare.Vote, types.KindPrepare
	case m.Commit != nil:
		validator, what, key.kind = m.Commit.Validator, m.Commit.Vote, types.KindCommit
	case m.Timeout != nil:
		validator, what, key.kind = m.Timeout.Validator, m.Timeout.Vote, types.KindTimeout
	default:
		return // certificates
	}
	signer, ok := c.nodeOf(key.epoch, validator) // of copies the first
	if !ok || !bytes.Equal(c.sets[key.epoch].Epoch.Validators[validator].ConsensusKey, n.key.Public()) {
		return // passed on
	}
	key.node = signer
	id := types.SumHash(what.SignBytes(types.Domain{Genesis: c.w.genesis, Epoch: key.epoch}))
	if p := m.Proposal; p != nil {
		id = p.BlockID // normal or fallback: one block
	}
	was, before := c.signed[key]
	if before && was != id && m.Timeout == nil { // these may report a lock that rose
		c.violated(n, "DOUBLE VOTE: two different messages of kind %d in view %d of epoch %d", key.kind, key.view, key.epoch)
	} else if !before {
		c.signsNew(n, &key)
	}
	if was != id {
		c.promised(n, &m)
	}
	c.signed[key] = id
}

// signsNew holds a first message of one kind and view against what became of the volumes.
func (c *checks) signsNew(n *node, key *signedKey) {
	c.signs[key.node]++
	if n.stale { // rule: own-echo
		c.violated(n, "it signs with a signer volume that lacks what others have seen of its key")
	}
	if n.syncFailed == n.lives { // rule: sync-failure
		c.violated(n, "it signs after a failed sync of its signer volume")
	}
	if set := c.sets[key.epoch]; set != nil && n.endpoint != nil { // rule: instance-match
		if _, in := set.Epoch.IndexOfNetworkKey(n.endpoint.id); !in {
			c.violated(n, "it signs in epoch %d, which does not name its identity", key.epoch)
		}
	}
}

// faulty reports whether a node may break the rules.
func (c *checks) faulty(node int) bool {
	return c.w.nodes[node].unseen || c.w.hooks.Faulty != nil && c.w.hooks.Faulty(c.w.nodes[node].validator)
}

// convicted holds that final evidence is of faulty validators.
func (c *checks) convicted(n *node, b *types.Block) {
	for _, data := range b.Evidence {
		ev, err := types.DecodeEvidence(data)
		if err != nil {
			c.violated(n, "final block %s holds evidence that does not decode: %v", b.ID(), err)
			return
		}
		c.w.result.Evidence++
		who, ok := c.nodeOf(ev.Epoch, ev.Validator)
		if !ok || c.sets[ev.Epoch].VerifyEvidence(ev) != nil || !c.faulty(who) {
			c.violated(n, "final block %s holds evidence of epoch %d against validator %d, which is honest, or which does not verify", b.ID(), ev.Epoch, ev.Validator)
		}
	}
}

// accused hears that a node publishes evidence: of an honest one there is none.
func (c *checks) accused(n *node, data []byte) {
	ev, err := types.DecodeEvidence(data)
	if err != nil {
		c.violated(n, "it publishes evidence that does not decode: %v", err)
		return
	}
	if h := c.w.hooks.Accused; h != nil {
		h(n.index, ev)
	}
	if who, ok := c.nodeOf(ev.Epoch, ev.Validator); ok && c.faulty(who) {
		return
	}
	c.violated(n, "it accuses validator %d, which is honest, of kind %d", ev.Validator, ev.Kind)
}

// penalised hears that a node finds fault with a peer.
func (c *checks) penalised(n *node, peer p2p.PeerID, reason string) {
	if h := c.w.hooks.Penalised; h != nil {
		h(n.index, c.w.net.index[peer], reason)
	}
	if c.faulty(c.w.net.index[peer]) {
		return
	}
	c.violated(n, "it penalises node %d, which is honest: %s", c.w.net.index[peer], reason)
}

// alarmed hears of an alarm.
func (c *checks) alarmed(n *node, a consensus.Alarm) {
	if h := c.w.hooks.Alarmed; h != nil {
		h(n.index, a)
	}
	if a.Kind == consensus.AlarmConflict || a.Kind == consensus.AlarmDivergenceSuspected && c.w.hooks.Faulty == nil {
		c.violated(n, "alarm %s: %s", a.Kind, a.Detail)
	}
}

// end holds the nodes' stores against one another.
func (c *checks) end() {
	for _, n := range c.w.nodes { // faulty ones may store what they like
		c.opened(n, 0)
	}
}
