package byzantine

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Views counts what became of views after the last benign fault healed.
type Views struct {
	Honest     int           `json:"honest"`      // entered by honest nodes, led by one
	ByTimeout  int           `json:"by_timeout"`  // of these, those whose leader entered by a timeout certificate
	Lost       int           `json:"lost"`        // of the honest-led: nothing was certified
	LostViews  []uint64      `json:"lost_views"`  // the first of them
	Byzantine  int           `json:"byzantine"`   // entered, led by a Byzantine validator
	LongestGap time.Duration `json:"longest_gap"` // between two heights becoming final
}

// margin is how many views at the end are not judged: they were under way.
const margin = 4

type viewKey struct{ epoch, view uint64 }

// views measures liveness.
type views struct {
	k         *kit
	seen      []viewKey // entered after the healing, in order
	known     map[viewKey]bool
	byTC      map[viewKey]bool // the leader's entry
	certified map[viewKey]bool
	last      time.Duration // when a height became final
	tip       uint64
}

func newViews(k *kit) *views {
	return &views{k: k, known: map[viewKey]bool{}, byTC: map[viewKey]bool{}, certified: map[viewKey]bool{}}
}

// entered notes a view that an honest node entered.
func (v *views) entered(e consensus.EnteredView) {
	key := viewKey{e.Epoch, e.View}
	if e.ByTC {
		v.byTC[key] = true
	}
	if v.last == 0 || v.known[key] {
		return
	}
	v.known[key] = true
	v.seen = append(v.seen, key)
	v.judge()
}

// heard notes the certificates that honest nodes pass on.
func (v *views) heard(m *types.Message) {
	qc := func(q *types.QC) {
		if q != nil {
			v.certified[viewKey{q.Epoch, q.View}] = true
		}
	}
	switch {
	case m.Proposal != nil:
		qc(m.Proposal.QC)
		if m.Proposal.TC != nil {
			qc(&m.Proposal.TC.High)
		}
	case m.Timeout != nil:
		qc(&m.Timeout.High)
	case m.QC != nil:
		qc(m.QC)
	case m.CC != nil:
		v.certified[viewKey{m.CC.Epoch, m.CC.View}] = true
	case m.TC != nil:
		qc(&m.TC.High)
	}
}

// final notes what became final, and how long that took.
func (v *views) final(blocks []engine.FinalBlock, cc *types.CC) {
	v.certified[viewKey{cc.Epoch, cc.View}] = true
	for i := range blocks {
		h := &blocks[i].Block.Header
		v.certified[viewKey{h.Epoch, h.View}] = true
	}
	if cc.Outcome.Height <= v.tip {
		return
	}
	v.tip = cc.Outcome.Height
	now := v.k.w.Elapsed()
	if v.last > 0 {
		v.k.report.Views.LongestGap = max(v.k.report.Views.LongestGap, now-v.last)
	}
	if v.k.w.Healed() {
		v.last = now
	}
}

// judge counts the views that are far enough behind.
func (v *views) judge() {
	r := &v.k.report.Views
	for len(v.seen) > margin {
		key := v.seen[0]
		v.seen = v.seen[1:]
		leader, ok := v.k.leader(key.epoch, key.view)
		switch {
		case !ok:
		case v.k.faulty(leader):
			r.Byzantine++
		default:
			r.Honest++
			if v.byTC[key] {
				r.ByTimeout++
			}
			if !v.certified[key] {
				if r.Lost++; len(r.LostViews) < 20 {
					r.LostViews = append(r.LostViews, key.view)
				}
			}
		}
	}
}
