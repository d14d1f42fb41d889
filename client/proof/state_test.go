package proof_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/bedrock-bft/bedrock/client/proof"
)

// stateVectors is test/vectors/merkle.json: what the Rust tree gives.
type stateVectors struct {
	Trees []struct {
		Name   string       `json:"name"`
		Root   hexBytes     `json:"root"`
		Proofs []stateProof `json:"proofs"`
	} `json:"trees"`
}

type stateProof struct {
	Key   hexBytes  `json:"key"`
	Value *hexBytes `json:"value"` // nil: absent
	Proof hexBytes  `json:"proof"`
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func (p stateProof) verify(root [32]byte, encoded []byte) error {
	if p.Value == nil {
		return proof.VerifyAbsence(root, p.Key, encoded)
	}
	return proof.VerifyInclusion(root, p.Key, *p.Value, encoded)
}

// eachStateVector runs f on every proof of the file, and fails if it has none of
// either kind.
func eachStateVector(t *testing.T, f func(t *testing.T, root [32]byte, p stateProof)) {
	t.Helper()
	text, err := os.ReadFile("../../test/vectors/merkle.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors stateVectors
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	present, absent := 0, 0
	for _, tree := range vectors.Trees {
		for i, p := range tree.Proofs {
			if p.Value == nil {
				absent++
			} else {
				present++
			}
			t.Run(fmt.Sprintf("%s/%d", tree.Name, i), func(t *testing.T) { f(t, [32]byte(tree.Root), p) })
		}
	}
	if present < 20 || absent < 20 {
		t.Errorf("%d proofs of inclusion and %d of absence: too few to say anything", present, absent)
	}
}

func TestStateProofVectors(t *testing.T) {
	eachStateVector(t, func(t *testing.T, root [32]byte, p stateProof) {
		if err := p.verify(root, p.Proof); err != nil {
			t.Fatal(err)
		}
		if p.Value != nil {
			if proof.VerifyInclusion(root, p.Key, append([]byte("x"), *p.Value...), p.Proof) == nil {
				t.Error("another value was taken")
			}
			if proof.VerifyAbsence(root, p.Key, p.Proof) == nil {
				t.Error("a proof of inclusion showed absence")
			}
		} else if proof.VerifyInclusion(root, p.Key, nil, p.Proof) == nil {
			t.Error("a proof of absence showed inclusion")
		}
		otherRoot := root
		otherRoot[31] ^= 1
		if p.verify(otherRoot, p.Proof) == nil {
			t.Error("another root was taken")
		}
	})
}

func TestStateProofRefusesAnyChangedByte(t *testing.T) {
	eachStateVector(t, func(t *testing.T, root [32]byte, p stateProof) {
		for at := range p.Proof {
			for _, mask := range []byte{0x01, 0x02, 0x03, 0x80, 0xff} {
				bad := append([]byte(nil), p.Proof...)
				bad[at] ^= mask
				if p.verify(root, bad) == nil {
					t.Errorf("byte %d changed by %#x was taken", at, mask)
				}
			}
			if p.verify(root, p.Proof[:at]) == nil {
				t.Errorf("cut to %d bytes was taken", at)
			}
		}
		if p.verify(root, append(append([]byte(nil), p.Proof...), 0)) == nil {
			t.Error("a byte more was taken")
		}
	})
}

func FuzzVerifyStateProof(f *testing.F) {
	f.Add([]byte{3, 0, 0})
	f.Add([]byte{1, 1, 0, 1})
	f.Add([]byte{3, 1, 0, 2})
	root := [32]byte([]byte("SPARSE_MERKLE_PLACEHOLDER_HASH__"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		absent := proof.VerifyAbsence(root, []byte("key"), encoded) == nil
		if absent != (string(encoded) == "\x03\x00\x00") {
			t.Errorf("%x: the empty tree has one proof of absence", encoded)
		}
		if proof.VerifyInclusion(root, []byte("key"), []byte("value"), encoded) == nil {
			t.Errorf("%x: the empty tree includes nothing", encoded)
		}
	})
}
