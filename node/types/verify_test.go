package types

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixture is an epoch of validators with those powers.
type fixture struct {
	t    *testing.T
	keys []PrivateKey
	set  *ValidatorSet
	root Root
}

var testGenesis = SumHash([]byte("genesis"))

func epochOf(t *testing.T, s Scheme, number uint64, powers ...uint64) (Epoch, []PrivateKey) {
	keys := testKeys(t, s, len(powers))
	e := Epoch{Number: number, Scheme: s.ID(), ExecutorHash: SumHash([]byte("x")), Engine: 1, MaxBytes: 1 << 20, MaxGas: 1}
	for i, p := range powers {
		e.Validators = append(e.Validators, Validator{ConsensusKey: keys[i].Public(), Possession: keys[i].Possession(),
			NetworkKey: SumHash([]byte{byte(i)}), Power: p})
	}
	return e, keys
}

func newFixture(t *testing.T, s Scheme, powers ...uint64) *fixture {
	e, keys := epochOf(t, s, 3, powers...)
	set, err := NewValidatorSet(testGenesis, e, s)
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{t: t, keys: keys, set: set, root: Root{Height: 10, Block: SumHash([]byte("root"))}}
}

func (f *fixture) sign(i int, m Signable) []byte { return f.keys[i].Sign(m.SignBytes(f.set.Domain())) }

func (f *fixture) aggregate(m Signable, signers ...int) Aggregate {
	var sigs [][]byte
	for _, i := range signers {
		sigs = append(sigs, f.sign(i, m))
	}
	a, err := f.set.Aggregate(signers, sigs)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func (f *fixture) qc(view uint64, signers ...int) *QC {
	b := SumHash([]byte{byte(view)})
	a := f.aggregate(Prepare{View: view, Height: 10 + view, Block: b}, signers...)
	return &QC{Epoch: 3, View: view, Height: 10 + view, Block: b, Prepares: &a}
}

func (f *fixture) cc(view uint64, o Outcome, signers ...int) *CC {
	b := SumHash([]byte{byte(view)})
	return &CC{Epoch: 3, View: view, Height: 10 + view, Block: b, Outcome: o,
		Commits: f.aggregate(Commit{View: view, Height: 10 + view, Block: b, Outcome: o.Hash()}, signers...)}
}

func (f *fixture) outcome(view uint64) Outcome {
	return Outcome{Height: 10 + view, Block: SumHash([]byte{byte(view)}), StateRoot: SumHash([]byte("s")), FailedRun: NoFailedRun}
}

func (f *fixture) tc(view uint64, groups ...[]int) *TC {
	tc := &TC{Epoch: 3, View: view}
	for k, signers := range groups {
		h := uint64(k) // group k reports view k
		tc.Groups = append(tc.Groups, TimeoutGroup{HighView: h, Sigs: f.aggregate(Timeout{View: view, HighView: h}, signers...)})
	}
	if n := len(groups) - 1; n > 0 {
		tc.High = *f.qc(uint64(n), 0, 1, 2)
	} else {
		tc.High = QC{Epoch: 3, Height: f.root.Height, Block: f.root.Block}
	}
	return tc
}

func TestCertificates(t *testing.T) {
	for _, s := range []Scheme{Ed25519{}, BLS12381{}} {
		t.Run(s.Name(), func(t *testing.T) {
			f := newFixture(t, s, 1, 1, 1, 1)
			good := f.qc(5, 0, 1, 3)
			cc := f.cc(5, f.outcome(5), 1, 2, 3)
			byCommit := &QC{Epoch: 3, View: 5, Height: 15, Block: cc.Block, Commit: cc}
			for name, err := range map[string]error{
				"QC":            f.set.VerifyQC(good, f.root),
				"QC of all":     f.set.VerifyQC(f.qc(5, 0, 1, 2, 3), f.root),
				"QC by commits": f.set.VerifyQC(byCommit, f.root),
				"root":          f.set.VerifyQC(&QC{Epoch: 3, Height: 10, Block: f.root.Block}, f.root),
				"CC":            f.set.VerifyCC(cc),
				"TC":            f.set.VerifyTC(f.tc(4, []int{0}, []int{2, 3}), f.root),
				"TC of roots":   f.set.VerifyTC(f.tc(4, []int{0, 1, 2}), f.root),
			} {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			f.refuseQCs(good, byCommit)
			f.refuseCCs(cc)
			f.refuseTCs()
		})
	}
}

func (f *fixture) refused(name string, err error, want string) {
	f.t.Helper()
	if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), want) {
		f.t.Errorf("%s: error %v, want one with %q", name, err, want)
	}
}

func (f *fixture) refuseQCs(good, byCommit *QC) {
	check := func(name, want string, change func(*QC)) {
		q := *good
		a := Aggregate{Signers: bytes.Clone(q.Prepares.Signers), Signature: bytes.Clone(q.Prepares.Signature)}
		q.Prepares = &a
		change(&q)
		f.refused("QC: "+name, f.set.VerifyQC(&q, f.root), want)
	}
	check("epoch", "epoch 9", func(q *QC) { q.Epoch = 9 })
	check("view", "signatures", func(q *QC) { q.View++ })
	check("height", "signatures", func(q *QC) { q.Height++ })
	check("height of the root", "at or below", func(q *QC) { q.Height = 10 })
	check("block", "signatures", func(q *QC) { q.Block[0]++ })
	check("no votes", "without votes", func(q *QC) { q.Prepares = nil })
	check("both", "both", func(q *QC) { q.Commit = byCommit.Commit })
	check("bitmap", "bitmap of 2 bytes", func(q *QC) { q.Prepares.Signers = append(q.Prepares.Signers, 0) })
	check("no bitmap", "bitmap of 0 bytes", func(q *QC) { q.Prepares.Signers = nil })
	check("stray bit", "bit 6", func(q *QC) { q.Prepares.Signers[0] |= 0x40 })
	check("no quorum", "power 2 of 4", func(q *QC) { q.Prepares.Signers[0] &= 0x3 })
	check("one more signer", "signatures", func(q *QC) { q.Prepares.Signers[0] |= 0x04 })
	check("root with votes", "root", func(q *QC) { q.View = 0 })
	check("root of another block", "root", func(q *QC) { *q = QC{Epoch: 3, Height: 10, Block: Hash{1}} })
	wrong := *byCommit
	wrong.View++
	f.refused("QC by commits of another view", f.set.VerifyQC(&wrong, f.root), "another block")
}

func (f *fixture) refuseCCs(good *CC) {
	check := func(name, want string, change func(*CC)) {
		c := *good
		change(&c)
		f.refused("CC: "+name, f.set.VerifyCC(&c), want)
	}
	check("epoch", "epoch 9", func(c *CC) { c.Epoch = 9 })
	check("view 0", "view 0", func(c *CC) { c.View = 0 })
	check("outcome", "signatures", func(c *CC) { c.Outcome.StateRoot[0]++ })
	check("outcome's height", "another height", func(c *CC) { c.Outcome.Height-- })
	check("outcome of another block", "neither", func(c *CC) { c.Outcome.Block[0]++ })
	check("weak", "power 2", func(c *CC) { c.Commits = f.cc(5, c.Outcome, 0, 1).Commits })

	end := f.outcome(4)
	end.NextEpoch = Hash{9}
	if err := f.set.VerifyCC(f.cc(5, end, 0, 1, 2)); err != nil {
		f.t.Errorf("CC of a descendant of the epoch's end: %v", err)
	}
	end.Height = 15
	f.refused("CC: end at its descendant's height", f.set.VerifyCC(f.cc(5, end, 0, 1, 2)), "neither")
}

func (f *fixture) refuseTCs() {
	check := func(name, want string, change func(*TC)) {
		c := f.tc(4, []int{0}, []int{2, 3})
		change(c)
		f.refused("TC: "+name, f.set.VerifyTC(c, f.root), want)
	}
	check("epoch", "epoch 9", func(c *TC) { c.Epoch = 9 })
	check("view", "signatures", func(c *TC) { c.View = 5 })
	check("view 0", "view 0", func(c *TC) { c.View = 0 })
	check("no groups", "0 groups", func(c *TC) { c.Groups = nil })
	check("weak", "power 2", func(c *TC) { c.Groups = c.Groups[1:] })
	check("reports its own view", "reports view 1", func(c *TC) { c.View = 1 })
	check("high below", "its QC is of view 0", func(c *TC) { c.High = QC{Epoch: 3, Height: 10, Block: f.root.Block} })
	check("high above", "its QC is of view 3", func(c *TC) { c.High = *f.qc(3, 0, 1, 2) })
	check("high invalid", "QC with power", func(c *TC) { c.High = *f.qc(1, 0, 1) })
	check("order", "its QC", func(c *TC) { c.Groups[0], c.Groups[1] = c.Groups[1], c.Groups[0] })
	check("equal groups", "rise", func(c *TC) { c.Groups[0].HighView = 1 })
	check("twice", "twice", func(c *TC) { c.Groups[0].Sigs = f.aggregate(Timeout{View: 4}, 0, 2) })
	check("bitmap", "bitmap", func(c *TC) { c.Groups[0].Sigs.Signers = nil })
	check("an empty group", "signatures", func(c *TC) {
		c.Groups[1].Sigs = f.aggregate(Timeout{View: 4, HighView: 1}, 1, 2, 3)
		c.Groups[0].Sigs = Aggregate{Signers: []byte{0}}
	})
}

func TestQuorumsByPower(t *testing.T) {
	f := newFixture(t, Ed25519{}, 4, 3, 2, 1) // total 10: quorum 7, weak 4
	for power, want := range map[uint64][2]bool{3: {false, false}, 4: {false, true}, 6: {false, true}, 7: {true, true}} {
		if f.set.IsQuorum(power) != want[0] || f.set.IsWeakQuorum(power) != want[1] {
			t.Errorf("power %d", power)
		}
		if f.set.Epoch.IsQuorum(power) != want[0] || f.set.Epoch.IsWeakQuorum(power) != want[1] {
			t.Errorf("power %d by the epoch", power)
		}
	}
	if err := f.set.VerifyQC(f.qc(5, 0, 1), f.root); err != nil {
		t.Error(err)
	}
	if err := f.set.VerifyQC(f.qc(5, 1, 2, 3), f.root); err == nil {
		t.Error("6 of 10 is a quorum")
	}
}

func TestFilterValidFindsTheBadOnes(t *testing.T) {
	for _, s := range []Scheme{Ed25519{}, BLS12381{}} {
		f := newFixture(t, s, 1, 1, 1, 1, 1, 1, 1)
		m := Prepare{View: 2, Height: 12, Block: Hash{1}}
		var who []int
		var sigs [][]byte
		for i := range 7 {
			who, sigs = append(who, i), append(sigs, f.sign(i, m))
		}
		sigs[2] = f.sign(2, Prepare{View: 3})
		sigs[5] = nil
		want := []bool{true, true, false, true, true, false, true}
		if d := cmp.Diff(want, f.set.FilterValid(who, m, sigs)); d != "" {
			t.Errorf("%s: %s", s.Name(), d)
		}
	}
	f := newFixture(t, Ed25519{}, 1, 1)
	m := Timeout{View: 2}
	if !f.set.VerifyVote(1, m, f.sign(1, m)) || f.set.VerifyVote(0, m, f.sign(1, m)) || f.set.VerifyVote(2, m, f.sign(1, m)) {
		t.Error("VerifyVote")
	}
}

func TestEpochSets(t *testing.T) {
	for _, s := range []Scheme{Ed25519{}, BLS12381{}} {
		good, _ := epochOf(t, s, 4, 1, 2, 3)
		if err := CheckEpochChange(&good, s); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(*Epoch){
			"no validators":            func(e *Epoch) { e.Validators = nil },
			"scheme":                   func(e *Epoch) { e.Scheme = 7 },
			"power 0, want":            func(e *Epoch) { e.Validators[1].Power = 0 },
			"power 4294967296":         func(e *Epoch) { e.Validators[1].Power = 1 << 32 },
			"total power":              func(e *Epoch) { e.Validators[1].Power = 1<<32 - 1 },
			"have the same consensus":  func(e *Epoch) { e.Validators[2].ConsensusKey = e.Validators[0].ConsensusKey },
			"have the same network":    func(e *Epoch) { e.Validators[2].NetworkKey = e.Validators[0].NetworkKey },
			"validator 1: invalid key": func(e *Epoch) { e.Validators[1].Possession = []byte{1} },
			"validator 2: invalid key": func(e *Epoch) { e.Validators[2].ConsensusKey = []byte{1} },
			"limit of 0 bytes":         func(e *Epoch) { e.MaxBytes = 0 },
			"limit of 16777217 bytes":  func(e *Epoch) { e.MaxBytes = MaxBlockBytes + 1 },
			"no gas":                   func(e *Epoch) { e.MaxGas = 0 },
			"validators, at most":      func(e *Epoch) { e.Validators = make([]Validator, MaxValidators+1) },
		} {
			e := good
			e.Validators = append([]Validator(nil), good.Validators...)
			change(&e)
			if err := CheckEpochChange(&e, s); !errors.Is(err, ErrEpoch) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %q: %v", s.Name(), name, err)
			}
		}
		bad := good
		bad.Validators = append([]Validator(nil), good.Validators...)
		bad.Validators[0].ConsensusKey = []byte{1}
		if _, err := NewValidatorSet(testGenesis, bad, s); !errors.Is(err, ErrKey) {
			t.Errorf("%s: set with a bad key: %v", s.Name(), err)
		}
	}
}

func TestSchedule(t *testing.T) {
	of := func(powers ...uint64) []uint32 {
		var vs []Validator
		for _, p := range powers {
			vs = append(vs, Validator{Power: p})
		}
		return schedule(vs)
	}
	if d := cmp.Diff([]uint32{0, 1, 2, 3}, of(1, 1, 1, 1)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]uint32{0, 0, 1, 0, 2, 0, 0}, of(5, 1, 1)); d != "" {
		t.Error(d)
	}
	long := of(1<<31, 1<<30, 1<<30, 5)
	turns := map[uint32]int{}
	for _, v := range long {
		turns[v]++
	}
	if len(long) < 4000 || len(long) > 4200 || turns[0] < 2040 || turns[3] != 1 || turns[1] != turns[2] {
		t.Errorf("%d slots, turns %v", len(long), turns)
	}
	f := newFixture(t, Ed25519{}, 1, 1, 1, 1) // epoch 3: view 1 has slot 3
	for view, want := range map[uint64]uint32{1: 3, 2: 0, 3: 1, 5: 3, 1<<63 + 1: 3} {
		if got := f.set.Leader(view); got != want {
			t.Errorf("leader of view %d is %d, want %d", view, got, want)
		}
	}
}

func TestEpochChain(t *testing.T) {
	s := Ed25519{}
	e1, keys := epochOf(t, s, 1, 1, 1, 1)
	start := func(prev Epoch, height uint64, powers ...uint64) EpochStart {
		e, _ := epochOf(t, s, prev.Number+1, powers...)
		o := Outcome{Height: height, Block: SumHash([]byte{byte(height)}), NextEpoch: e.Digest()}
		set, err := NewValidatorSet(testGenesis, prev, s)
		if err != nil {
			t.Fatal(err)
		}
		m := Commit{View: 4, Height: height, Block: o.Block, Outcome: o.Hash()}
		var who []int
		var sigs [][]byte
		for i := range prev.Validators {
			who, sigs = append(who, i), append(sigs, keys[i].Sign(m.SignBytes(set.Domain())))
		}
		a, _ := set.Aggregate(who, sigs)
		return EpochStart{Epoch: e, Certificate: &CC{Epoch: prev.Number, View: 4, Height: height, Block: o.Block, Outcome: o, Commits: a}}
	}
	second := start(e1, 7, 1, 2, 1)
	third := start(second.Epoch, 9, 2, 1, 1)
	set, outcome, err := VerifyEpochChain(testGenesis, s, e1, []EpochStart{second, third})
	if err != nil || set.Epoch.Number != 3 || outcome.Height != 9 {
		t.Fatalf("%v %v %v", set, outcome, err)
	}
	if set, outcome, err := VerifyEpochChain(testGenesis, s, e1, nil); err != nil || set.Epoch.Number != 1 || outcome != nil {
		t.Fatalf("no starts: %v %v %v", set, outcome, err)
	}
	noCert, otherSet, low := second, second, start(second.Epoch, 7, 2, 1, 1)
	noCert.Certificate = nil
	otherSet.Epoch.MaxGas = 77
	badSig := second
	cc := *second.Certificate
	cc.Commits.Signature = bytes.Clone(cc.Commits.Signature)
	cc.Commits.Signature[3] ^= 1
	badSig.Certificate = &cc
	for name, c := range map[string][]EpochStart{
		"no certificate":  {noCert},
		"another epoch":   {otherSet},
		"does not follow": {third},
		"signatures":      {badSig},
		"above its root":  {second, low},
	} {
		if _, _, err := VerifyEpochChain(testGenesis, s, e1, c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := VerifyEpochChain(testGenesis, s, Epoch{}, nil); err == nil {
		t.Error("an empty first epoch")
	}
}

func TestOutcomeChain(t *testing.T) {
	var chain []Outcome
	parent := Outcome{Height: 3}
	for h := uint64(4); h < 8; h++ {
		o := Outcome{Height: h, Block: SumHash([]byte{byte(h)}), Parent: parent.Hash()}
		chain, parent = append(chain, o), o
	}
	if err := VerifyOutcomeChain(chain, &parent); err != nil {
		t.Fatal(err)
	}
	if err := VerifyOutcomeChain(nil, &parent); err == nil {
		t.Error("empty chain")
	}
	if err := VerifyOutcomeChain(chain[:3], &parent); err == nil {
		t.Error("chain that ends below")
	}
	for i := range chain {
		c := append([]Outcome(nil), chain...)
		c[i].StateRoot[0]++
		if err := VerifyOutcomeChain(c, &parent); err == nil {
			t.Errorf("outcome %d changed, accepted", i)
		}
	}
	gap := append([]Outcome{chain[0]}, chain[2:]...)
	if err := VerifyOutcomeChain(gap, &parent); err == nil {
		t.Error("gap")
	}
}

func TestNextOutcome(t *testing.T) {
	root := Outcome{Height: 5, Block: Hash{5}, StateRoot: Hash{55}, FailedRun: NoFailedRun}
	old := Epoch{Number: 2, ExecutorHash: Hash{1}, Engine: 1, Validators: []Validator{{Power: 1}}}
	now := Epoch{Number: 3, ExecutorHash: Hash{2}, Engine: 1, MaxBytes: 9, Validators: []Validator{{Power: 2}}}
	h := EpochHistory{Present: &now, Previous: &old, RootOutcome: &root}
	if !h.OnTrial() {
		t.Fatal("an epoch with another executor is on trial")
	}
	bad := ExecutionResult{StateRoot: Hash{99}, Change: &now}
	o := root
	for k := uint16(1); k <= RevertRun; k++ {
		next, change := h.NextOutcome(&o, o.Height+1, Hash{byte(50 + k)}, bad)
		if next.FailedRun != k || next.StateRoot != root.StateRoot || next.ReceiptsRoot != ListRoot(nil) || next.Parent != o.Hash() {
			t.Fatalf("failed block %d: %+v", k, next)
		}
		if (change != nil) != (k == RevertRun) || next.EndsEpoch() != (k == RevertRun) {
			t.Fatalf("failed block %d: change %v", k, change)
		}
		if k == RevertRun {
			if change.Number != 4 || change.ExecutorHash != old.ExecutorHash || change.Engine != 1 || change.MaxBytes != 9 || change.Validators[0].Power != 2 {
				t.Fatalf("reverted to %+v", change)
			}
			if (EpochHistory{Present: change, Previous: &now, RootOutcome: &next}).OnTrial() {
				t.Error("a reverted epoch is on trial")
			}
		}
		o = next
	}
	good, change := h.NextOutcome(&root, 6, Hash{6}, ExecutionResult{Success: true, StateRoot: Hash{66}, ReceiptsRoot: Hash{7}})
	if good.FailedRun != NoFailedRun || change != nil || good.EndsEpoch() || good.StateRoot != (Hash{66}) {
		t.Errorf("good block: %+v", good)
	}
	if again, _ := h.NextOutcome(&good, 7, Hash{7}, bad); again.FailedRun != NoFailedRun {
		t.Errorf("failed after a good block: run %d", again.FailedRun)
	}
	ends, change := h.NextOutcome(&good, 7, Hash{7}, ExecutionResult{Success: true, Change: &old})
	if change != &old || ends.NextEpoch != old.Digest() {
		t.Error("an epoch change is not in the outcome")
	}
	same := now
	calm := EpochHistory{Present: &now, Previous: &same, RootOutcome: &root}
	if o, _ := calm.NextOutcome(&root, 6, Hash{6}, bad); calm.OnTrial() || o.FailedRun != NoFailedRun {
		t.Errorf("same executor: run %d", o.FailedRun)
	}
	if (EpochHistory{Present: &now, RootOutcome: &root}).OnTrial() {
		t.Error("epoch 1 is on trial")
	}
	same.Engine = 2
	if !calm.OnTrial() {
		t.Error("another engine is another executor")
	}
}
