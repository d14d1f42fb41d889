package types

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

const evidencePath = "../../test/vectors/evidence.json"

// evidenceFile is test/vectors/evidence.json: the ledger judges each case as the
// node does, natively and in its module.
type evidenceFile struct {
	Schemes []evidenceScheme `json:"schemes"`
}

type evidenceScheme struct {
	Scheme       string         `json:"scheme"`
	Genesis      string         `json:"genesis"`
	Epoch        uint64         `json:"epoch"`
	ConsensusKey []string       `json:"consensus_keys"`
	Possession   []string       `json:"possessions"`
	Cases        []evidenceCase `json:"cases"`
}

type evidenceCase struct {
	Comment   string `json:"comment"`
	Evidence  string `json:"evidence"`
	Hash      string `json:"hash"`
	Validator uint32 `json:"validator"`
	Valid     bool   `json:"valid"`
}

// evidenceMaker signs what honest validators do not.
type evidenceMaker struct {
	t      *testing.T
	keys   []PrivateKey
	domain Domain
	cases  []evidenceCase
}

func (m *evidenceMaker) signed(by int, s Signable, d Domain) EvidenceMessage {
	out := EvidenceMessage{Signature: m.keys[by].Sign(s.SignBytes(d))}
	switch v := s.(type) {
	case ProposalID:
		out.Proposal = &v
	case Prepare:
		out.Prepare = &v
	case Commit:
		out.Commit = &v
	case Timeout:
		out.Timeout = &v
	default:
		m.t.Fatalf("no message: %T", s)
	}
	return out
}

func (m *evidenceMaker) add(comment string, valid bool, e Evidence) {
	m.raw(comment, valid, e.Validator, e.Encode())
}

func (m *evidenceMaker) raw(comment string, valid bool, validator uint32, b []byte) {
	h := SumHash(append(appendTag(nil, "bedrock/evidence/1"), b...))
	m.cases = append(m.cases, evidenceCase{Comment: comment, Evidence: hex.EncodeToString(b), Hash: hex.EncodeToString(h[:]), Validator: validator, Valid: valid})
}

// pair is evidence of validator i in the maker's epoch.
func (m *evidenceMaker) pair(kind EvidenceKind, i int, a, b Signable) Evidence {
	return NewEvidence(kind, m.domain.Epoch, uint32(i), m.signed(i, a, m.domain), m.signed(i, b, m.domain))
}

func (m *evidenceMaker) make() {
	x, y := SumHash([]byte("x")), SumHash([]byte("y"))
	propose := func(k Kind, v uint64, b Hash) Signable { return ProposalID{Kind: k, View: v, Block: b} }
	prepare := func(v uint64, b Hash) Signable { return Prepare{View: v, Height: 7, Block: b} }
	commit := func(v uint64, b, o Hash) Signable { return Commit{View: v, Height: 7, Block: b, Outcome: o} }
	timeout := func(v, high uint64) Signable { return Timeout{View: v, HighView: high} }

	m.add("two optimistic proposals", true, m.pair(EvidenceProposals, 0, propose(KindProposeOptimistic, 5, x), propose(KindProposeOptimistic, 5, y)))
	m.add("a normal and a fallback proposal", true, m.pair(EvidenceProposals, 1, propose(2, 5, x), propose(3, 5, y)))
	m.add("two prepare votes", true, m.pair(EvidencePrepares, 2, prepare(6, x), prepare(6, y)))
	m.add("two outcomes of one block", true, m.pair(EvidenceCommits, 3, commit(6, x, x), commit(6, x, y)))
	m.add("amnesia", true, m.pair(EvidenceAmnesia, 4, commit(6, x, x), timeout(8, 5)))
	m.add("amnesia in one view", true, m.pair(EvidenceAmnesia, 4, commit(6, x, x), timeout(6, 5)))

	m.add("an optimistic and a normal proposal", false, m.pair(EvidenceProposals, 0, propose(1, 5, x), propose(2, 5, y)))
	m.add("proposals of two views", false, m.pair(EvidenceProposals, 0, propose(2, 5, x), propose(2, 6, y)))
	m.add("one block proposed twice", false, m.pair(EvidenceProposals, 0, propose(2, 5, x), propose(3, 5, x)))
	m.add("prepare votes of two views", false, m.pair(EvidencePrepares, 0, prepare(6, x), prepare(7, y)))
	m.add("one prepare vote twice", false, m.pair(EvidencePrepares, 0, prepare(6, x), prepare(6, x)))
	m.add("one commit vote twice", false, m.pair(EvidenceCommits, 0, commit(6, x, x), commit(6, x, x)))
	m.add("a timeout that reports the commit's view", false, m.pair(EvidenceAmnesia, 0, commit(6, x, x), timeout(8, 6)))
	m.add("a timeout before the commit", false, m.pair(EvidenceAmnesia, 0, commit(6, x, x), timeout(5, 4)))
	m.add("prepare votes under another kind", false, m.pair(EvidenceCommits, 0, prepare(6, x), prepare(6, y)))

	good := m.pair(EvidencePrepares, 0, prepare(6, x), prepare(6, y))
	other := good
	other.Validator = 1
	m.add("another validator's votes", false, other)
	beyond := good
	beyond.Validator = 99
	m.add("a validator that there is not", false, beyond)
	later := Domain{Genesis: m.domain.Genesis, Epoch: m.domain.Epoch + 1}
	m.add("votes signed for another epoch", false, NewEvidence(EvidencePrepares, m.domain.Epoch, 0, m.signed(0, prepare(6, x), later), m.signed(0, prepare(6, y), later)))
	foreign := Domain{Genesis: y, Epoch: m.domain.Epoch}
	m.add("votes signed for another chain", false, NewEvidence(EvidencePrepares, m.domain.Epoch, 0, m.signed(0, prepare(6, x), foreign), m.signed(0, prepare(6, y), m.domain)))
	half := m.signed(0, prepare(6, y), m.domain)
	half.Signature = append([]byte(nil), m.signed(0, prepare(6, x), m.domain).Signature...)
	m.add("one signature on both", false, NewEvidence(EvidencePrepares, m.domain.Epoch, 0, m.signed(0, prepare(6, x), m.domain), half))
	short := m.signed(0, prepare(6, y), m.domain)
	short.Signature = short.Signature[:47]
	m.add("a signature cut off", false, NewEvidence(EvidencePrepares, m.domain.Epoch, 0, m.signed(0, prepare(6, x), m.domain), short))
	swapped := good
	swapped.First, swapped.Second = good.Second, good.First
	m.add("the pair out of order", false, swapped)
	m.raw("a byte more", false, 0, append(good.Encode(), 0))
	m.raw("a byte less", false, 0, good.Encode()[:len(good.Encode())-1])
	m.raw("nothing", false, 0, nil)
}

func makeEvidenceVectors(t *testing.T) evidenceFile {
	var f evidenceFile
	for _, s := range []Scheme{Ed25519{}, BLS12381{}} {
		m := &evidenceMaker{t: t, domain: Domain{Genesis: Hash(bytes.Repeat([]byte{0x42}, 32)), Epoch: 1}}
		out := evidenceScheme{Scheme: s.Name(), Genesis: hex.EncodeToString(m.domain.Genesis[:]), Epoch: m.domain.Epoch}
		for i := range 5 {
			secret := SumHash([]byte{'e', 'v', byte(i)})
			secret[0] &= 0x3f // below the order of the curve's group
			k, err := s.PrivateKey(secret[:])
			if err != nil {
				t.Fatal(err)
			}
			m.keys = append(m.keys, k)
			out.ConsensusKey = append(out.ConsensusKey, hex.EncodeToString(k.Public()))
			out.Possession = append(out.Possession, hex.EncodeToString(k.Possession()))
		}
		m.make()
		out.Cases = m.cases
		f.Schemes = append(f.Schemes, out)
	}
	return f
}

func TestEvidenceVectors(t *testing.T) {
	if os.Getenv("UPDATE_VECTORS") != "" {
		b, err := json.MarshalIndent(makeEvidenceVectors(t), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(evidencePath, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(evidencePath)
	if err != nil {
		t.Fatal(err)
	}
	var f evidenceFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Schemes) != 2 {
		t.Fatalf("%d schemes, want 2", len(f.Schemes))
	}
	for _, v := range f.Schemes {
		set := evidenceSet(t, &v)
		for _, c := range v.Cases {
			e, err := DecodeEvidence(unhex(t, c.Evidence))
			if err == nil {
				err = set.VerifyEvidence(e)
			}
			if (err == nil) != c.Valid {
				t.Errorf("%s, %s: %v, valid is %v", v.Scheme, c.Comment, err, c.Valid)
			}
			if err == nil && e.Hash() != Hash(unhex(t, c.Hash)) {
				t.Errorf("%s, %s: hash %s, want %s", v.Scheme, c.Comment, e.Hash(), c.Hash)
			}
		}
	}
}

func evidenceSet(t *testing.T, v *evidenceScheme) *ValidatorSet {
	t.Helper()
	scheme, err := SchemeByName(v.Scheme)
	if err != nil {
		t.Fatal(err)
	}
	epoch := Epoch{Number: v.Epoch, Scheme: scheme.ID(), MaxBytes: 1, MaxGas: 1}
	for i := range v.ConsensusKey {
		epoch.Validators = append(epoch.Validators, Validator{ConsensusKey: unhex(t, v.ConsensusKey[i]), NetworkKey: [32]byte{byte(i + 1)}, Power: 10, Possession: unhex(t, v.Possession[i])})
	}
	if err := CheckEpochChange(&epoch, scheme); err != nil {
		t.Fatal(err)
	}
	set, err := NewValidatorSet(Hash(unhex(t, v.Genesis)), epoch, scheme)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
