package spec

import "fmt"

// visitor takes a state that one action leads to, and the action's name.
type visitor func(action string, s Fence)

// next calls visit with every state that one action leads to.
func (s *Fence) next(r FenceRules, b Bound, visit visitor) {
	for i := range b.Slots {
		s.starts(i, r, b, visit)
		s.adopts(i, r, visit)
		if s.Proc[i].Running {
			s.runs(i, r, b, visit)
		}
	}
	s.hears(visit)
	s.changes(r, visit)
	if s.Faults < b.Faults {
		for i := range b.Slots {
			s.fails(i, r, b, visit)
		}
	}
}

// starts starts a process on the volume in slot i. // rule: exclusive-volume
func (s *Fence) starts(i int, r FenceRules, b Bound, visit visitor) {
	if s.Proc[i].Running {
		return
	}
	t := *s
	v := &t.Slot[i]
	foreign := v.Identity == 0 || // rule: identity-born
		int(v.Home) != i && !r.AnyMarks || // rule: volume-foreign
		v.Torn && !r.LostMemory // rule: key-with-memory
	if foreign && !t.birth(i, r, b) {
		return
	}
	if v.Torn {
		v.Torn, v.Vote = false, [fenceViews]int8{}
	}
	t.Proc[i] = Process{Running: true, Echoed: r.NoEcho}
	visit(fmt.Sprintf("start on %d", i), t)
}

// adopts is a person who takes an identity back whose volume is mounted under other
// marks, and states that there is no other copy. // rule: volume-foreign
func (s *Fence) adopts(i int, r FenceRules, visit visitor) {
	v := s.Slot[i]
	if v.Identity == 0 || int(v.Home) == i || s.Proc[i].Running || s.copied(i) && !r.FalseStatement {
		return
	}
	t := *s
	v.Home = int8(i)
	if t.place(v, i, r) {
		visit(fmt.Sprintf("the identity in %d is adopted", i), t)
	}
}

// copied reports whether another volume, or the backup, holds the identity in slot i.
func (s *Fence) copied(i int) bool {
	for k := range s.Slot {
		if k != i && s.Slot[k].Identity == s.Slot[i].Identity {
			return true
		}
	}
	return s.Backup.Identity == s.Slot[i].Identity
}

// birth sets aside what lies in slot i, for ever, and makes a new identity with an
// empty vote log and the slot's marks. // rule: identity-born, volume-foreign
func (s *Fence) birth(i int, r FenceRules, b Bound) bool {
	id := s.Born + 1
	if r.SharedIdentity {
		id = 1
	}
	if id > b.Identities {
		return false
	}
	s.Born = max(s.Born, id)
	s.Slot[i] = Volume{Identity: id, Home: int8(i), Epoch: s.Chain} // it comes to the chain as it is now
	s.Proc[i] = Process{}
	return true
}

// runs is what a running process can do.
func (s *Fence) runs(i int, r FenceRules, b Bound, visit visitor) {
	t := *s
	t.Proc[i] = Process{}
	visit(fmt.Sprintf("kill %d", i), t)
	s.enters(i, r, visit)
	s.echoes(i, r, b, visit)
	s.signs(i, r, b, visit)
}

// enters takes the process into the next epoch, by its certificate. // rule: epoch-enter
func (s *Fence) enters(i int, r FenceRules, visit visitor) {
	v := &s.Slot[i]
	certified := v.Epoch < s.Chain
	executed := r.ExecutedSet && v.Epoch == s.Chain && s.Chain < epochs && s.mayName(v.Identity, r)
	if !certified && !executed {
		return
	}
	t := *s
	w := &t.Slot[i]
	if !r.KeysKept && certified && s.wasNamed(w.Identity, w.Epoch) && s.Set[w.Epoch] != w.Identity {
		w.Keyless = true // the epoch that left it out has ended, so it had a final block; rule: key-deleted
	}
	w.Epoch, w.Vote = w.Epoch+1, [fenceViews]int8{}
	visit(fmt.Sprintf("%d enters epoch %d", i, w.Epoch), t)
}

// wasNamed reports whether the set of an epoch below e named identity.
func (s *Fence) wasNamed(identity, e int8) bool {
	for k := int8(1); k < e; k++ {
		if s.Set[k] == identity {
			return true
		}
	}
	return false
}

// echoes asks the peers, which are in the newest epoch and hold what they heard of
// that one. // rule: own-echo
func (s *Fence) echoes(i int, r FenceRules, b Bound, visit visitor) {
	v := &s.Slot[i]
	if s.Proc[i].Echoed || v.Epoch != s.Chain && !r.EchoBehind || !s.named(v, r) {
		return
	}
	t := *s
	if s.Set[s.Chain] == v.Identity && s.unaccounted(v, s.Heard, s.Chain) {
		if v.Epoch == s.Chain && t.birth(i, r, b) {
			visit(fmt.Sprintf("%d is foreign by own-echo", i), t)
		}
		return // of a later epoch than its own: asked again there
	}
	t.Proc[i].Echoed = true
	visit(fmt.Sprintf("own-echo of %d passes", i), t)
}

// signs casts a vote: one a view, views rise. Nobody's first block of a view needs
// another name than 1. // rule: vote-once, persist-first
func (s *Fence) signs(i int, r FenceRules, b Bound, visit visitor) {
	v := &s.Slot[i]
	if !s.Proc[i].Echoed || v.Keyless || !s.named(v, r) {
		return
	}
	for view := b.Views - 1; view >= 0 && v.Vote[view] == 0; view-- {
		for block := int8(1); block <= 2; block++ {
			if block == 2 && !s.someone(v.Epoch, view) {
				break
			}
			t := *s
			t.Signed |= voteBit(v.Identity, v.Epoch, view, block)
			if r.NoSync {
				u := t
				u.Proc[i] = Process{}
				visit(fmt.Sprintf("%d signs block %d in epoch %d, view %d, and is killed before that is on its volume", i, block, v.Epoch, view+1), u)
			}
			t.Slot[i].Vote[view] = block
			visit(fmt.Sprintf("%d signs block %d in epoch %d, view %d", i, block, v.Epoch, view+1), t)
		}
	}
}

// someone reports whether the view has a signature.
func (s *Fence) someone(epoch int8, view int) bool {
	for id := int8(1); id <= identities; id++ {
		if s.Signed.has(id, epoch, view, 1) {
			return true
		}
	}
	return false
}

// hears brings what was signed to the peers.
func (s *Fence) hears(visit visitor) {
	if now := s.Signed & inEpoch(s.Chain); s.Heard != now {
		t := *s
		t.Heard = now
		visit("the peers hear what was signed", t)
	}
}

// changes ends the epoch: the next set names the same instance, another that was
// born, or none.
func (s *Fence) changes(r FenceRules, visit visitor) {
	if s.Chain == epochs {
		return
	}
	for id := int8(0); id <= s.Born; id++ {
		if s.mayName(id, r) {
			t := *s
			t.Chain++
			t.Set[t.Chain] = id
			t.forget()
			visit(fmt.Sprintf("epoch %d names identity %d", t.Chain, id), t)
		}
	}
}

// forget drops what makes no difference any more: what peers held of the epoch that is
// over, and whose the signatures of it are.
func (s *Fence) forget() {
	s.Heard = 0
	before := s.Chain - 1
	for view := range fenceViews {
		for block := int8(1); block <= 2; block++ {
			for i := int8(2); i <= identities; i++ {
				if s.Signed.has(i, before, view, block) {
					s.Signed |= voteBit(1, before, view, block)
					s.Signed &^= voteBit(i, before, view, block)
				}
			}
		}
	}
}

// fails is what befalls the volume in slot i: it is copied, backed up, restored from a
// backup, lost, damaged, or changes places with another.
func (s *Fence) fails(i int, r FenceRules, b Bound, visit visitor) {
	t := *s
	t.Faults++
	v := &t.Slot[i]
	if v.Identity != 0 && t.Backup != *v {
		u := t
		u.Backup = *v
		visit(fmt.Sprintf("back %d up", i), u)
	}
	if s.Proc[i].Running {
		return // what is mounted is not changed under it
	}
	if t.Backup.Identity != 0 && t.Backup != *v {
		if u := t; u.place(t.Backup, i, r) {
			visit(fmt.Sprintf("restore the backup to %d", i), u)
		}
	}
	if v.Identity != 0 {
		u := t
		u.Slot[i] = Volume{}
		visit(fmt.Sprintf("lose %d", i), u)
		if !v.Torn {
			u = t
			u.Slot[i].Torn = true
			visit(fmt.Sprintf("damage the vote log of %d", i), u)
		}
	}
	for k := range b.Slots {
		if k == i {
			continue
		}
		if u := t; s.Slot[k].Identity != 0 && u.place(s.Slot[k], i, r) {
			visit(fmt.Sprintf("clone %d to %d", k, i), u)
		}
		if u := t; k < i && !s.Proc[k].Running && u.place(s.Slot[k], i, r) && u.place(s.Slot[i], k, r) {
			visit(fmt.Sprintf("swap %d and %d", k, i), u)
		}
	}
}

// place puts a volume into slot i. Where its marks fit that is a disk rolled back in
// place, if it is not the newest: own-echo notices what the peers heard.
func (s *Fence) place(v Volume, i int, r FenceRules) bool {
	if int(v.Home) == i && v.Identity != 0 && !r.UnheardRollback && s.unaccounted(&v, s.Signed&^s.Heard, s.Chain) {
		return false
	}
	s.Slot[i] = v
	return true
}
