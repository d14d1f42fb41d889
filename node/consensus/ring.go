package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// ringSlots is how many views a validator's votes of one kind are kept for.
const ringSlots = 16

// ring keeps one validator's newest votes of one kind, one a view. A newer view
// that falls on the same slot replaces an older one, so a validator that names
// far views pushes out its own votes only.
type ring[T any] struct{ slots [ringSlots]slot[T] }

type slot[T any] struct {
	vote     *T
	view     uint64
	verified bool
}

func (r *ring[T]) at(view uint64) *slot[T] { return &r.slots[view%ringSlots] }

// get gives the vote of exactly that view.
func (r *ring[T]) get(view uint64) *slot[T] {
	if s := r.at(view); s.vote != nil && s.view == view {
		return s
	}
	return nil
}

func (r *ring[T]) newest() *slot[T] {
	var best *slot[T]
	for i := range r.slots {
		if s := &r.slots[i]; s.vote != nil && (best == nil || s.view > best.view) {
			best = s
		}
	}
	return best
}

// admission is what to do with a vote that arrived.
type admission uint8

const (
	refuse    admission = iota // duplicate, older than what is kept, or invalid
	admit                      // kept
	conflicts                  // signed, and unlike the one kept, which is signed too
)

// ballot is what admitting needs to know of a kind of vote.
type ballot[T any] struct {
	view      uint64
	validator uint32
	same      func(a, b *T) bool // equal in everything that is signed
	signable  func(*T) types.Signable
	signature func(*T) []byte
}

// take admits a vote. One that came over its validator's own connection is kept
// unverified; from anybody else it is verified first, so that nobody fills or
// blocks another's slots.
func take[T any](c *Core, r *ring[T], v *T, from Peer, b ballot[T]) admission {
	s := r.at(b.view)
	if s.vote != nil && s.view > b.view {
		return refuse
	}
	verify := func(x *T) bool { return c.set.VerifyVote(b.validator, b.signable(x), b.signature(x)) }
	own := from == Peer{}
	direct := own || from == Peer(c.set.Epoch.Validators[b.validator].NetworkKey)
	if old := r.get(b.view); old != nil {
		identical := b.same(old.vote, v) && string(b.signature(old.vote)) == string(b.signature(v))
		switch {
		case identical, old.verified && b.same(old.vote, v):
			return refuse
		case !own && !verify(v):
			c.report(from, "invalid signature of a vote")
			return refuse
		case old.verified || verify(old.vote):
			old.verified = true
			if b.same(old.vote, v) {
				return refuse
			}
			return conflicts
		}
		*s = slot[T]{vote: v, view: b.view, verified: true}
		return admit
	}
	if !direct && !verify(v) {
		c.report(from, "invalid signature of a vote")
		return refuse
	}
	*s = slot[T]{vote: v, view: b.view, verified: own || !direct}
	return admit
}

// report says that a peer sent something invalid.
func (c *Core) report(p Peer, reason string) {
	if p != (Peer{}) {
		c.eff.emit(ReportPeer{Peer: p, Reason: reason})
	}
}

// reportValidator is report for whoever owns that index.
func (c *Core) reportValidator(i int, reason string) {
	c.report(Peer(c.set.Epoch.Validators[i].NetworkKey), reason)
}

// verifyTogether checks the unverified among the slots, which hold one message,
// and clears those whose signature is invalid. A bls12381 sum that verifies proves
// that those signatures join, not each of them: they stay unverified.
func verifyTogether[T any](c *Core, slots []*slot[T], signers []int, m types.Signable, sig func(*T) []byte) {
	var todo []*slot[T]
	var who []int
	var sigs [][]byte
	for k, s := range slots {
		if !s.verified {
			todo, who, sigs = append(todo, s), append(who, signers[k]), append(sigs, sig(s.vote))
		}
	}
	if len(todo) == 0 {
		return
	}
	each := len(todo) == 1 || c.cfg.Scheme.ID() == types.SchemeEd25519
	for k, ok := range c.set.FilterValid(who, m, sigs) {
		if todo[k].verified = ok && each; !ok {
			todo[k].vote = nil
			c.reportValidator(who[k], "invalid signature of a vote")
		}
	}
}

// tally lists who voted like want in a view, with their power.
func tally[T any](c *Core, rings []ring[T], view uint64, like func(*T) bool) (slots []*slot[T], signers []int, power uint64) {
	for i := range rings {
		if s := rings[i].get(view); s != nil && like(s.vote) {
			slots, signers, power = append(slots, s), append(signers, i), power+c.set.Power(i)
		}
	}
	return slots, signers, power
}

// certify makes an aggregate of a quorum's votes on one message, or nil.
func certify[T any](c *Core, rings []ring[T], view uint64, m types.Signable, like func(*T) bool, sig func(*T) []byte) *types.Aggregate {
	slots, signers, power := tally(c, rings, view, like)
	if !c.set.IsQuorum(power) {
		return nil
	}
	verifyTogether(c, slots, signers, m, sig)
	slots, signers, power = tally(c, rings, view, like)
	if !c.set.IsQuorum(power) {
		return nil
	}
	return aggregate(c, slots, signers, sig)
}

func aggregate[T any](c *Core, slots []*slot[T], signers []int, sig func(*T) []byte) *types.Aggregate {
	sigs := make([][]byte, len(slots))
	for k, s := range slots {
		sigs[k] = sig(s.vote)
	}
	a, err := c.set.Aggregate(signers, sigs)
	if err != nil {
		return nil // verified signatures join: it is the own one, which is not verified
	}
	return &a
}

func prepareSignature(p *types.SignedPrepare) []byte { return p.Signature }
func commitSignature(v *types.SignedCommit) []byte   { return v.Signature }
func timeoutSignature(t *types.SignedTimeout) []byte { return t.Signature }
