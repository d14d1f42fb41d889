package consensus

import "github.com/bedrock-bft/bedrock/node/types"

// effects gathers one step's effects: what depends on nothing first, then one
// Persist, then what must not leave before it. // rule: persist-first
type effects struct {
	done   []Effect // complete groups before the present one
	free   []Effect
	dirty  bool // SafetyState must be durable before the signatures below
	blocks []*types.Block
	record []types.SignedOutcome
	bound  []Effect
	lock   uint64 // view of the lock on record
}

func (e *effects) emit(x Effect) { e.free = append(e.free, x) }

// sign asks for a signature that the SafetyState accounts for.
func (e *effects) sign(m types.Message) { e.bound = append(e.bound, Sign{Message: m}) }

// persist makes the SafetyState durable in this step.
func (e *effects) persist() { e.dirty = true }

// flush closes the present group, so that what follows comes after it.
func (e *effects) flush(c *Core) {
	e.done = append(e.done, e.free...)
	if e.dirty {
		e.done = append(e.done, Persist{State: c.persisted(), Blocks: e.blocks, Outcomes: e.record})
		e.record, e.lock = nil, c.safety.Lock.View
	}
	e.done = append(e.done, e.bound...)
	e.free, e.bound, e.blocks, e.dirty = nil, nil, nil, false
}

func (e *effects) drain(c *Core) []Effect {
	e.flush(c)
	out := e.done
	e.done = nil
	return out
}

// persisted is the SafetyState as it goes to the vote log.
func (c *Core) persisted() types.SafetyState {
	s := c.safety
	if s.Commit != nil {
		v := *s.Commit
		s.Commit = &v
	}
	return s
}
