package types

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (f *fixture) message(i int, m Signable) EvidenceMessage {
	out := EvidenceMessage{Signature: f.sign(i, m)}
	switch x := m.(type) {
	case ProposalID:
		out.Proposal = &x
	case Prepare:
		out.Prepare = &x
	case Commit:
		out.Commit = &x
	case Timeout:
		out.Timeout = &x
	}
	return out
}

func TestEvidence(t *testing.T) {
	a, b := SumHash([]byte("a")), SumHash([]byte("b"))
	normalA := ProposalID{Kind: KindProposeNormal, View: 4, Block: a}
	for _, s := range []Scheme{Ed25519{}, BLS12381{}} {
		f := newFixture(t, s, 1, 1, 1, 1)
		for _, c := range []struct {
			name string
			kind EvidenceKind
			x, y Signable
			ok   bool
		}{
			{"two optimistic", EvidenceProposals, ProposalID{KindProposeOptimistic, 4, a}, ProposalID{KindProposeOptimistic, 4, b}, true},
			{"normal and fallback", EvidenceProposals, normalA, ProposalID{KindProposeFallback, 4, b}, true},
			{"optimistic and normal", EvidenceProposals, normalA, ProposalID{KindProposeOptimistic, 4, b}, false},
			{"one block", EvidenceProposals, normalA, ProposalID{KindProposeFallback, 4, a}, false},
			{"two views", EvidenceProposals, normalA, ProposalID{KindProposeNormal, 5, b}, false},
			{"two prepares", EvidencePrepares, Prepare{4, 9, a}, Prepare{4, 9, b}, true},
			{"prepares of two views", EvidencePrepares, Prepare{4, 9, a}, Prepare{5, 9, b}, false},
			{"prepares as commits", EvidenceCommits, Prepare{4, 9, a}, Prepare{4, 9, b}, false},
			{"two commits", EvidenceCommits, Commit{4, 9, a, a}, Commit{4, 9, b, a}, true},
			{"two outcomes", EvidenceCommits, Commit{4, 9, a, a}, Commit{4, 9, a, b}, true},
			{"the same commit", EvidenceCommits, Commit{4, 9, a, a}, Commit{4, 9, a, a}, false},
			{"amnesia", EvidenceAmnesia, Commit{4, 9, a, a}, Timeout{4, 3}, true},
			{"amnesia later", EvidenceAmnesia, Commit{4, 9, a, a}, Timeout{8, 3}, true},
			{"remembers", EvidenceAmnesia, Commit{4, 9, a, a}, Timeout{8, 4}, false},
			{"timeout before", EvidenceAmnesia, Commit{4, 9, a, a}, Timeout{3, 2}, false},
			{"amnesia turned round", EvidenceAmnesia, Timeout{4, 3}, Commit{4, 9, a, a}, false},
			{"no such kind", 9, Prepare{4, 9, a}, Prepare{4, 9, b}, false},
		} {
			e := NewEvidence(c.kind, 3, 2, f.message(2, c.x), f.message(2, c.y))
			err := f.set.VerifyEvidence(&e)
			if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrEvidence) {
				t.Errorf("%s: %s: %v", s.Name(), c.name, err)
			}
			got, err := DecodeEvidence(e.Encode())
			if (err == nil) != c.ok {
				t.Errorf("%s: %s: decode: %v", s.Name(), c.name, err)
			}
			if c.ok {
				turned := NewEvidence(c.kind, 3, 2, f.message(2, c.x), f.message(2, c.y))
				if c.kind != EvidenceAmnesia {
					turned = NewEvidence(c.kind, 3, 2, f.message(2, c.y), f.message(2, c.x))
				}
				if d := cmp.Diff(&e, got); d != "" || turned.Hash() != e.Hash() {
					t.Errorf("%s: %s: %s", s.Name(), c.name, d)
				}
			}
		}
		good := NewEvidence(EvidencePrepares, 3, 2, f.message(2, Prepare{4, 9, a}), f.message(2, Prepare{4, 9, b}))
		other, epoch, swapped := good, good, good
		other.Validator = 1
		epoch.Epoch = 4
		swapped.First, swapped.Second = good.Second, good.First
		nothing := Evidence{Kind: EvidencePrepares, Epoch: 3}
		for name, e := range map[string]Evidence{"another validator": other, "another epoch": epoch, "pair turned round": swapped, "nothing": nothing} {
			if f.set.VerifyEvidence(&e) == nil {
				t.Errorf("%s: %s: accepted", s.Name(), name)
			}
		}
		refuseEvidence(t, good.Encode())
	}
}

// refuseEvidence cuts and extends an encoding: there is one of each value.
func refuseEvidence(t *testing.T, b []byte) {
	for i := range b {
		if _, err := DecodeEvidence(b[:i]); err == nil {
			t.Errorf("cut to %d bytes: accepted", i)
		}
	}
	if _, err := DecodeEvidence(append(bytes.Clone(b), 0)); err == nil {
		t.Error("a byte more: accepted")
	}
	if _, err := DecodeEvidence(make([]byte, MaxEvidenceBytes+1)); err == nil {
		t.Error("too long: accepted")
	}
}

func FuzzDecodeEvidence(f *testing.F) {
	e := NewEvidence(EvidenceAmnesia, 3, 1, EvidenceMessage{Commit: &Commit{View: 4}, Signature: make([]byte, 64)},
		EvidenceMessage{Timeout: &Timeout{View: 5, HighView: 1}, Signature: make([]byte, 64)})
	f.Add(e.Encode())
	p := NewEvidence(EvidenceProposals, 3, 1, EvidenceMessage{Proposal: &ProposalID{KindProposeNormal, 4, Hash{1}}},
		EvidenceMessage{Proposal: &ProposalID{KindProposeFallback, 4, Hash{2}}})
	f.Add(p.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := DecodeEvidence(b); err == nil && !bytes.Equal(e.Encode(), b) {
			t.Fatal("two encodings of one piece of evidence")
		}
	})
}

func TestFixedLayoutsDecode(t *testing.T) {
	h := Header{Genesis: Hash{1}, Epoch: 2, View: 3, Height: 4, Parent: Hash{5}, Proposer: 6, TimestampMs: 7, PayloadRoot: Hash{8}, EvidenceRoot: Hash{9}}
	o := Outcome{Height: 1, Block: Hash{2}, StateRoot: Hash{3}, ReceiptsRoot: Hash{4}, NextEpoch: Hash{5}, FailedRun: 6, Parent: Hash{7}}
	if got, err := DecodeHeader(h.Encode()); err != nil || got != h {
		t.Errorf("header: %v %v", got, err)
	}
	if got, err := DecodeOutcome(o.Encode()); err != nil || got != o {
		t.Errorf("outcome: %v %v", got, err)
	}
	for i := range h.Encode() {
		if _, err := DecodeHeader(h.Encode()[:i]); err == nil {
			t.Fatalf("header cut to %d", i)
		}
	}
	for i := range o.Encode() {
		if _, err := DecodeOutcome(o.Encode()[:i]); err == nil {
			t.Fatalf("outcome cut to %d", i)
		}
	}
	if _, err := DecodeHeader(append([]byte{16}, append([]byte("bedrock/header/2"), h.Encode()[17:]...)...)); err == nil {
		t.Error("another tag")
	}
}

func TestMessageEpochAndView(t *testing.T) {
	for _, m := range []Message{
		{Proposal: &Proposal{Epoch: 3, View: 9}},
		{Prepare: &SignedPrepare{Epoch: 3, Vote: Prepare{View: 9}}},
		{Commit: &SignedCommit{Epoch: 3, Vote: Commit{View: 9}}},
		{Timeout: &SignedTimeout{Epoch: 3, Vote: Timeout{View: 9}}},
		{QC: &QC{Epoch: 3, View: 9}}, {CC: &CC{Epoch: 3, View: 9}}, {TC: &TC{Epoch: 3, View: 9}},
	} {
		if m.Epoch() != 3 || m.View() != 9 {
			t.Errorf("%+v", m)
		}
	}
	start := Message{EpochStart: &EpochStart{Epoch: Epoch{Number: 3}}}
	if start.Epoch() != 3 || start.View() != 0 || (&Message{}).Epoch() != 0 || (&Message{}).View() != 0 {
		t.Error("epoch start or empty message")
	}
}
