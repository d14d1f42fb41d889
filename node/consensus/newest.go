package consensus

import (
	"bytes"

	"github.com/bedrock-bft/bedrock/node/types"
)

// Newest gives the newest signed messages of the validator with that network and
// consensus key that the Core holds, at most one a kind: votes as received, and
// what of it stands in the highest certificates. Who asks verifies them. A
// bls12381 certificate is given whole, since no single signature can be taken out
// of it. // rule: own-echo
func (c *Core) Newest(network Peer, consensusKey []byte) []types.Message {
	i := -1
	for k := range c.set.Epoch.Validators {
		v := &c.set.Epoch.Validators[k]
		if Peer(v.NetworkKey) == network && bytes.Equal(v.ConsensusKey, consensusKey) {
			i = k
		}
	}
	if i < 0 {
		return nil
	}
	var out []types.Message
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
	return append(out, c.certifiedBy(i)...)
}

// certifiedBy gives what validator i signed of the lock, the highest CC and the
// entry TC.
func (c *Core) certifiedBy(i int) []types.Message {
	var out []types.Message
	split := c.set.Scheme().ID() == types.SchemeEd25519
	take := func(a *types.Aggregate, whole types.Message, single func(sig []byte) types.Message) {
		sig, signed := c.signatureIn(a, i)
		switch {
		case !signed:
		case split:
			out = append(out, single(sig))
		default:
			out = append(out, whole)
		}
	}
	if q := c.safety.Lock; q.View > 0 && q.Prepares != nil {
		take(q.Prepares, types.Message{QC: &q}, func(sig []byte) types.Message {
			return types.Message{Prepare: &types.SignedPrepare{Epoch: q.Epoch, Validator: uint32(i),
				Vote: types.Prepare{View: q.View, Height: q.Height, Block: q.Block}, Signature: sig}}
		})
	}
	if cc := c.highestCC; cc != nil {
		take(&cc.Commits, types.Message{CC: cc}, func(sig []byte) types.Message {
			return types.Message{Commit: &types.SignedCommit{Epoch: cc.Epoch, Validator: uint32(i),
				Vote:      types.Commit{View: cc.View, Height: cc.Height, Block: cc.Block, Outcome: cc.Outcome.Hash()},
				Signature: sig}}
		})
	}
	if t := c.highTC; t != nil {
		for k := range t.Groups {
			g := &t.Groups[k]
			take(&g.Sigs, types.Message{TC: t}, func(sig []byte) types.Message {
				return types.Message{Timeout: &types.SignedTimeout{Epoch: t.Epoch, Validator: uint32(i),
					Vote: types.Timeout{View: t.View, HighView: g.HighView}, High: t.High, Signature: sig}}
			})
		}
	}
	return out
}

// signatureIn gives validator i's signature of an aggregate, as far as the scheme
// keeps them apart.
func (c *Core) signatureIn(a *types.Aggregate, i int) (sig []byte, signed bool) {
	signers, _, err := c.set.SignersOf(a)
	if err != nil {
		return nil, false
	}
	for k, s := range signers {
		if s != i {
			continue
		}
		if n := len(a.Signature) / len(signers); n*(k+1) <= len(a.Signature) {
			return a.Signature[n*k : n*(k+1)], true
		}
		return nil, true
	}
	return nil, false
}
