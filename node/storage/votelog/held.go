package votelog

import (
	"cmp"
	"slices"

	"github.com/bedrock-bft/bedrock/node/types"
)

// decided is what a record that is synced in both copies says of what may leave.
type decided struct {
	synced uint64 // recorded synced height
	epoch  uint64 // of the recorded SafetyState
	final  map[uint64]types.Hash
}

// droppable decides whether the body or outcome of one block may leave.
// // rule: log-drop
func (d *decided) droppable(epoch, height uint64, id types.Hash) bool {
	if height <= d.synced || epoch < d.epoch {
		return true
	}
	final, known := d.final[height]
	return known && final != id
}

// body is a block in the log.
type body struct {
	epoch, height uint64
	segment       uint64 // the newest one that holds it
	bytes         int64
	seq           uint64
}

// outcome is a signed or final outcome in the log.
type outcome struct {
	outcomeEntry
	segment uint64
	seq     uint64
}

// held indexes what the segments hold and is still needed.
type held struct {
	decided  decided
	bodies   map[types.Hash]body
	outcomes map[types.SignedOutcome]outcome
	bytes    int64
}

func newHeld() *held {
	return &held{
		decided:  decided{final: make(map[uint64]types.Hash)},
		bodies:   make(map[types.Hash]body),
		outcomes: make(map[types.SignedOutcome]outcome),
	}
}

// addBody notes a body; one held already moves to the newer segment.
func (h *held) addBody(id types.Hash, b body) {
	if old, ok := h.bodies[id]; ok {
		b.seq = old.seq
		h.bytes -= old.bytes
	}
	h.bodies[id] = b
	h.bytes += b.bytes
}

func (h *held) addOutcome(o outcome) {
	if old, ok := h.outcomes[o.signed]; ok {
		o.seq = old.seq
	}
	h.outcomes[o.signed] = o
}

// advance takes over what a record says, once it is synced in both copies.
func (h *held) advance(synced, epoch uint64) {
	h.decided.synced = max(h.decided.synced, synced)
	h.decided.epoch = max(h.decided.epoch, epoch)
	h.sweep()
}

// setFinal notes which block owns a height.
func (h *held) setFinal(height uint64, id types.Hash) {
	if height > h.decided.synced {
		h.decided.final[height] = id
		h.sweep()
	}
}

// sweep forgets what is no longer needed.
func (h *held) sweep() {
	d := &h.decided
	for id, b := range h.bodies {
		if d.droppable(b.epoch, b.height, id) {
			h.bytes -= b.bytes
			delete(h.bodies, id)
		}
	}
	for key, o := range h.outcomes {
		if d.droppable(o.epoch, o.signed.Height, o.signed.Block) {
			delete(h.outcomes, key)
		}
	}
	for height := range d.final {
		if height <= d.synced {
			delete(d.final, height)
		}
	}
}

// needs reports whether something needed lies in the segment and nowhere newer.
func (h *held) needs(segment uint64) bool {
	for _, b := range h.bodies {
		if b.segment == segment {
			return true
		}
	}
	for _, o := range h.outcomes {
		if o.segment == segment {
			return true
		}
	}
	return false
}

// expendable lists the segments that may go: nothing in them is needed and the
// latest record, synced in both copies, lies in a later one. // rule: log-drop
func (h *held) expendable(segments []uint64, latest uint64) []uint64 {
	var gone []uint64
	for _, s := range segments {
		if s < latest && !h.needs(s) {
			gone = append(gone, s)
		}
	}
	return gone
}

// sortedOutcomes are the needed outcomes, oldest first.
func (h *held) sortedOutcomes() []outcomeEntry {
	list := make([]outcome, 0, len(h.outcomes))
	for _, o := range h.outcomes {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b outcome) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.signed.Height, b.signed.Height),
			cmp.Compare(a.signed.View, b.signed.View), slices.Compare(a.signed.Outcome[:], b.signed.Outcome[:]))
	})
	out := make([]outcomeEntry, len(list))
	for i := range list {
		out[i] = list[i].outcomeEntry
	}
	return out
}
