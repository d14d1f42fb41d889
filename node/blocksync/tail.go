package blocksync

import "github.com/bedrock-bft/bedrock/node/types"

// Tail says up to where fetched blocks can be stored: up to a height that a certificate
// names. The first certificate above what was fetched is kept until that is reached.
// Without that, a peer whose ranges all end below their certificates would have the
// asker hold the whole chain: at most MaxTail blocks and one range wait with it.
//
// The zero value has nothing; it begins anew where what was fetched is dropped.
type Tail struct{ ahead *types.CC }

// Add takes a verified range that continues what was fetched, and answers the
// certificates of what is fetched now, of ascending heights.
func (t *Tail) Add(r *Range) []*types.CC {
	last := r.Outcomes[len(r.Outcomes)-1].Height
	var reached []*types.CC
	if t.ahead != nil && t.ahead.Outcome.Height <= last {
		reached, t.ahead = append(reached, t.ahead), nil
	}
	cc := r.Certificate
	switch {
	case cc == nil:
	case cc.Outcome.Height > last:
		if t.ahead == nil {
			t.ahead = cc
		}
	case len(reached) == 0 || reached[0].Outcome.Height < last:
		reached = append(reached, cc)
	}
	return reached
}
