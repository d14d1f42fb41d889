package spec

// Bounds of the fence's model. Identities and views are what State can hold; Bound
// says how much of that is explored.
const (
	slots      = 3 // places where a signer volume can be mounted, each with marks of its own
	epochs     = 3 // so two epoch changes
	identities = 4
	fenceViews = 2 // of an epoch
)

// Volume is what lies on a signer volume.
type Volume struct {
	Identity int8 // 0: nothing was born here
	Home     int8 // the slot whose marks it records
	Epoch    int8 // of its SafetyState
	Vote     [fenceViews]int8
	Torn     bool // both copies of the vote log are damaged
	Keyless  bool // superseded, its keys deleted
}

// Process runs on the volume in its slot.
type Process struct {
	Running bool
	Echoed  bool // own-echo passed
}

// Fence is all that bears on which process of one validator may sign: its volumes,
// the processes on them, the chain's epochs, and what was ever signed. All volumes
// hold one consensus key (brought from outside), which is the hard case: with keys
// born on their volumes two identities could never contradict each other.
type Fence struct {
	Slot   [slots]Volume
	Proc   [slots]Process
	Backup Volume
	Set    [epochs + 1]int8 // the identity that each certified epoch's set names; 0: none
	Chain  int8             // the newest certified epoch
	Born   int8             // identities so far
	Faults int8
	Signed votes
	Heard  votes // of those, what peers hold
}

// votes is a bit for each identity, epoch, view and block.
type votes uint64

func voteBit(identity, epoch int8, view int, block int8) votes {
	at := ((int(identity)-1)*epochs+int(epoch)-1)*fenceViews + view
	return 1 << (2*at + int(block) - 1)
}

// inEpoch is all bits of an epoch.
func inEpoch(epoch int8) (v votes) {
	for i := int8(1); i <= identities; i++ {
		for view := range fenceViews {
			v |= voteBit(i, epoch, view, 1) | voteBit(i, epoch, view, 2)
		}
	}
	return v
}

func (v votes) has(identity, epoch int8, view int, block int8) bool {
	return v&voteBit(identity, epoch, view, block) != 0
}

// FenceRules switches rules of docs/keys.md off. The zero value is all of them.
type FenceRules struct {
	SharedIdentity bool // identity-born: identities come from outside, all the same
	AnyIdentity    bool // instance-match: the key alone is looked for in the set
	ExecutedSet    bool // instance-match: a set that is only executed is enough
	LostMemory     bool // key-with-memory: a damaged vote log starts empty
	AnyMarks       bool // volume-foreign: marks are not compared
	NoEcho         bool // own-echo: nobody is asked
	EchoBehind     bool // own-echo: who answers may be in a later epoch
	FalseStatement bool // volume-foreign: an identity is adopted though another copy exists
	NoSync         bool // persist-first, sync-failure: what was signed may not be on the volume
	Return         bool // identity-once: what left the set may come back
	KeysKept       bool // key-deleted: superseded keys stay

	// UnheardRollback lets a disk be rolled back in place though nobody heard what
	// was signed since. No rule covers it, and docs/keys.md says so.
	UnheardRollback bool
}

// Bound is how far the fence is explored.
type Bound struct {
	Slots      int  // for volumes, and processes on them; at most 3
	Identities int8 // that can be born; at most 4
	Views      int  // of an epoch; at most 2
	Faults     int8 // clones, backups, restores, remounts, damages
	States     int  // at most so many
}

// firstFence is epoch 1, whose set names the one instance there is.
func firstFence() Fence {
	var s Fence
	s.Chain, s.Born, s.Set[1] = 1, 1, 1
	s.Slot[0] = Volume{Identity: 1, Home: 0, Epoch: 1}
	return s
}

// Violation names a view in which the key signed two blocks; empty: none.
func (s *Fence) Violation() string {
	for e := int8(1); e <= epochs; e++ {
		for v := range fenceViews {
			var blocks [3]bool
			for i := int8(1); i <= identities; i++ {
				blocks[1] = blocks[1] || s.Signed.has(i, e, v, 1)
				blocks[2] = blocks[2] || s.Signed.has(i, e, v, 2)
			}
			if blocks[1] && blocks[2] {
				return "two blocks signed in one view"
			}
		}
	}
	return ""
}

// named reports whether the process on v finds its identity in its epoch's set.
// rule: instance-match
func (s *Fence) named(v *Volume, r FenceRules) bool {
	if v.Epoch > s.Chain {
		return true // entered by a set that is executed only, and names it
	}
	if r.AnyIdentity {
		return s.Set[v.Epoch] != 0
	}
	return s.Set[v.Epoch] == v.Identity
}

// mayName reports whether the next epoch's set may name identity: 0 leaves the
// validator out. // rule: identity-once
func (s *Fence) mayName(identity int8, r FenceRules) bool {
	if identity == 0 || identity == s.Set[s.Chain] || r.Return {
		return true
	}
	for e := int8(1); e < s.Chain; e++ {
		if s.Set[e] == identity {
			return false
		}
	}
	return true
}

// unaccounted reports a signature among held, of this identity and of epoch from on,
// that the volume's vote log does not account for. // rule: own-echo
func (s *Fence) unaccounted(v *Volume, held votes, from int8) bool {
	for e := max(from, v.Epoch); e <= s.Chain; e++ {
		for view := range fenceViews {
			for b := int8(1); b <= 2; b++ {
				if held.has(v.Identity, e, view, b) && (e > v.Epoch || v.Vote[view] != b) {
					return true
				}
			}
		}
	}
	return false
}
