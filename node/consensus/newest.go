package consensus

import (
	"bytes"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Newest gives the newest signed messages of the validator with that network and
// consensus key that the Core holds: of each kind as received, and what of it stands
// in the highest certificates and in the one that ended the epoch before. Who asks
// verifies them. A bls12381 certificate is given whole, since no single signature can
// be taken out of it. Of an epoch before the present one next to nothing is held any
// more: who asks about that gets the present epoch's start too, last, which says that
// the rest proves nothing about the epoch asked about. // rule: own-echo
func (c *Core) Newest(epoch uint64, network Peer, consensusKey []byte) []types.Message {
	out := append(c.endOfPrevious(network, consensusKey), c.newestOfPresent(network, consensusKey)...)
	if epoch < c.set.Epoch.Number {
		out = append(out, types.Message{EpochStart: c.present()})
	}
	return out
}

func (c *Core) newestOfPresent(network Peer, consensusKey []byte) (out []types.Message) {
	i := memberOf(&c.set.Epoch, network, consensusKey)
	if i < 0 {
		return nil
	}
	for _, p := range []*types.Proposal{c.led[i].optimistic, c.led[i].main} {
		if p != nil {
			out = append(out, types.Message{Proposal: p})
		}
	}
	if s := c.prepares[i].newest(); s != nil {
		out = append(out, types.Message{Prepare: s.vote})
	}
	if s := c.commits[i].newest(); s != nil {
		out = append(out, types.Message{Commit: s.vote})
	}
	if s := c.timeouts[i].newest(); s != nil {
		out = append(out, types.Message{Timeout: s.vote})
	}
	if q := c.safety.Lock; q.View > 0 && q.Prepares != nil {
		out = append(out, c.inQC(&q, i)...)
	}
	if c.highestCC != nil {
		out = append(out, c.inCC(c.highestCC, i)...)
	}
	if c.highTC != nil {
		out = append(out, c.inTC(c.highTC, i)...)
	}
	return out
}

// memberOf is the index of the validator with those keys, or -1.
func memberOf(e *types.Epoch, network Peer, consensusKey []byte) int {
	for i := range e.Validators {
		v := &e.Validators[i]
		if Peer(v.NetworkKey) == network && bytes.Equal(v.ConsensusKey, consensusKey) {
			return i
		}
	}
	return -1
}

// endOfPrevious gives what the validator signed of the certificate that ended the
// epoch before: the one thing of that epoch that is kept.
func (c *Core) endOfPrevious(network Peer, consensusKey []byte) []types.Message {
	cc := c.root.Certificate
	if cc == nil || c.history.Previous == nil {
		return nil
	}
	if i := memberOf(c.history.Previous, network, consensusKey); i >= 0 {
		return c.inCC(cc, i)
	}
	return nil
}

func (c *Core) inQC(q *types.QC, i int) []types.Message {
	sig, signed := signatureIn(q.Prepares, i)
	switch {
	case !signed:
		return nil
	case c.cfg.Scheme.ID() != types.SchemeEd25519:
		return []types.Message{{QC: q}}
	}
	return []types.Message{{Prepare: &types.SignedPrepare{Epoch: q.Epoch, Validator: uint32(i),
		Vote: types.Prepare{View: q.View, Height: q.Height, Block: q.Block}, Signature: sig}}}
}

func (c *Core) inCC(cc *types.CC, i int) []types.Message {
	sig, signed := signatureIn(&cc.Commits, i)
	switch {
	case !signed:
		return nil
	case c.cfg.Scheme.ID() != types.SchemeEd25519:
		return []types.Message{{CC: cc}}
	}
	return []types.Message{{Commit: &types.SignedCommit{Epoch: cc.Epoch, Validator: uint32(i),
		Vote: types.Commit{View: cc.View, Height: cc.Height, Block: cc.Block, Outcome: cc.Outcome.Hash()}, Signature: sig}}}
}

func (c *Core) inTC(t *types.TC, i int) []types.Message {
	for k := range t.Groups {
		g := &t.Groups[k]
		sig, signed := signatureIn(&g.Sigs, i)
		switch {
		case !signed:
			continue
		case c.cfg.Scheme.ID() != types.SchemeEd25519:
			return []types.Message{{TC: t}}
		}
		return []types.Message{{Timeout: &types.SignedTimeout{Epoch: t.Epoch, Validator: uint32(i),
			Vote: types.Timeout{View: t.View, HighView: g.HighView}, High: t.High, Signature: sig}}}
	}
	return nil
}

// signedBy reports whether validator i is among an aggregate's signers.
func signedBy(a *types.Aggregate, i int) bool {
	return i/8 < len(a.Signers) && a.Signers[i/8]&(1<<(i%8)) != 0
}

// signatureIn gives validator i's part of a verified aggregate: its own signature
// where the scheme keeps them apart, in order of index.
func signatureIn(a *types.Aggregate, i int) (sig []byte, signed bool) {
	if !signedBy(a, i) {
		return nil, false
	}
	rank, count := 0, 0
	for k := range 8 * len(a.Signers) {
		if signedBy(a, k) {
			count++
			if k < i {
				rank++
			}
		}
	}
	size := len(a.Signature) / count
	return a.Signature[rank*size : (rank+1)*size], true
}
