package types

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

func testKeys(t testing.TB, s Scheme, n int) []PrivateKey {
	t.Helper()
	keys := make([]PrivateKey, n)
	for i := range keys {
		secret := SumHash(fmt.Appendf(nil, "secret %d", i))
		secret[0] &= 0x3f // below the BLS group's order
		k, err := s.PrivateKey(secret[:])
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = k
	}
	return keys
}

func ring(t testing.TB, s Scheme, keys []PrivateKey) Keyring {
	t.Helper()
	var pub [][]byte
	for _, k := range keys {
		pub = append(pub, k.Public())
	}
	r, err := s.Keyring(pub)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSchemes(t *testing.T) {
	for _, id := range []SchemeID{SchemeEd25519, SchemeBLS12381} {
		s, err := SchemeByID(id)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(s.Name(), func(t *testing.T) {
			if again, err := SchemeByName(s.Name()); err != nil || again.ID() != id || s.ID() != id {
				t.Fatalf("by name: %v %v", again, err)
			}
			keys := testKeys(t, s, 5)
			r := ring(t, s, keys)
			msg := []byte("message")
			var sigs [][]byte
			for i, k := range keys {
				if err := s.CheckKey(k.Public(), k.Possession()); err != nil {
					t.Fatal(err)
				}
				sig := k.Sign(msg)
				if !bytes.Equal(sig, k.Sign(msg)) {
					t.Error("signing is not deterministic")
				}
				if !r.Verify(i, msg, sig) || r.Verify(i, []byte("other"), sig) || r.Verify((i+1)%5, msg, sig) ||
					r.Verify(i, msg, nil) || r.Verify(i, msg, sig[1:]) {
					t.Error("verify one")
				}
				bad := bytes.Clone(sig)
				bad[7] ^= 1
				if r.Verify(i, msg, bad) {
					t.Error("a changed signature verifies")
				}
				sigs = append(sigs, sig)
			}
			who := []int{0, 2, 4}
			some := [][]byte{sigs[0], sigs[2], sigs[4]}
			agg, err := s.Aggregate(some)
			if err != nil {
				t.Fatal(err)
			}
			if !r.VerifySame(who, msg, some) || !r.VerifyAggregate(who, msg, agg) {
				t.Error("a good aggregate is refused")
			}
			for name, ok := range map[string]bool{
				"other signers":   r.VerifyAggregate([]int{0, 2, 3}, msg, agg),
				"fewer":           r.VerifyAggregate([]int{0, 2}, msg, agg),
				"none":            r.VerifyAggregate(nil, msg, nil) || r.VerifySame(nil, msg, nil),
				"other message":   r.VerifyAggregate(who, []byte("x"), agg),
				"one missing":     r.VerifySame(who, msg, some[:2]),
				"cut":             r.VerifyAggregate(who, msg, agg[1:]),
				"one of another":  r.VerifySame(who, msg, [][]byte{sigs[0], sigs[1], sigs[4]}),
				"one of nobody's": r.VerifySame(who, msg, [][]byte{sigs[0], {1, 2}, sigs[4]}),
			} {
				if ok {
					t.Errorf("%s: verifies", name)
				}
			}
			for name, err := range map[string]error{
				"short key":       s.CheckKey(make([]byte, 5), nil),
				"short in ring":   second(s.Keyring([][]byte{make([]byte, 5)})),
				"short secret":    second(s.PrivateKey(make([]byte, 31))),
				"short signature": second(s.Aggregate([][]byte{{1}})),
			} {
				if err == nil {
					t.Errorf("%s: accepted", name)
				}
			}
		})
	}
	if _, err := SchemeByID(9); err == nil {
		t.Error("scheme 9")
	}
	if _, err := SchemeByName("rsa"); err == nil {
		t.Error("scheme rsa")
	}
}

func second[T any](_ T, err error) error { return err }

func TestKeysThatAreNone(t *testing.T) {
	bls := testKeys(t, BLS12381{}, 2)
	infinity := append([]byte{0xc0}, make([]byte, 95)...)
	for name, err := range map[string]error{
		"ed25519 with possession":   Ed25519{}.CheckKey(testKeys(t, Ed25519{}, 1)[0].Public(), []byte{1}),
		"bls possession of another": BLS12381{}.CheckKey(bls[0].Public(), bls[1].Possession()),
		"bls without possession":    BLS12381{}.CheckKey(bls[0].Public(), nil),
		"bls identity":              BLS12381{}.CheckKey(infinity, bls[0].Possession()),
		"bls garbage":               BLS12381{}.CheckKey(bytes.Repeat([]byte{0x91}, 96), bls[0].Possession()),
		"bls secret zero":           second(BLS12381{}.PrivateKey(make([]byte, 32))),
		"bls secret too large":      second(BLS12381{}.PrivateKey(bytes.Repeat([]byte{0xff}, 32))),
		"bls aggregate of nothing":  second(BLS12381{}.Aggregate(nil)),
		"bls aggregate of garbage":  second(BLS12381{}.Aggregate([][]byte{bytes.Repeat([]byte{0x91}, 48)})),
		"ed25519 not a point":       second(Ed25519{}.Keyring([][]byte{{0x02, 31: 0}})),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// blsVector is a case that both curve libraries must give and judge alike.
type blsVector struct {
	Comment    string   `json:"comment"`
	Secrets    []string `json:"secrets"`
	Public     []string `json:"public"`
	Possession []string `json:"possession"`
	Message    string   `json:"message"`
	Signatures []string `json:"signatures"`
	Aggregate  string   `json:"aggregate"`
}

// blsRefusal is a key or signature that both libraries must refuse.
type blsRefusal struct {
	Comment string `json:"comment"`
	Key     string `json:"key,omitempty"`
	Sig     string `json:"signature,omitempty"`
}

type blsFile struct {
	Cases    []blsVector  `json:"cases"`
	Refusals []blsRefusal `json:"refusals"`
}

const blsPath = "../../test/vectors/bls.json"

func makeBLSVectors(t *testing.T) blsFile {
	var f blsFile
	for _, n := range []int{1, 3, 7} {
		v := blsVector{Comment: fmt.Sprintf("%d signers", n), Message: hex.EncodeToString(fmt.Appendf(nil, "message of %d", n))}
		msg, _ := hex.DecodeString(v.Message)
		var sigs [][]byte
		for i, k := range testKeys(t, BLS12381{}, n) {
			secret := SumHash(fmt.Appendf(nil, "secret %d", i))
			secret[0] &= 0x3f
			v.Secrets = append(v.Secrets, hex.EncodeToString(secret[:]))
			v.Public = append(v.Public, hex.EncodeToString(k.Public()))
			v.Possession = append(v.Possession, hex.EncodeToString(k.Possession()))
			sigs = append(sigs, k.Sign(msg))
			v.Signatures = append(v.Signatures, hex.EncodeToString(sigs[i]))
		}
		agg, err := BLS12381{}.Aggregate(sigs)
		if err != nil {
			t.Fatal(err)
		}
		v.Aggregate = hex.EncodeToString(agg)
		f.Cases = append(f.Cases, v)
	}
	f.Refusals = blsRefusals(t)
	return f
}

func blsRefusals(t *testing.T) []blsRefusal {
	k := testKeys(t, BLS12381{}, 1)[0]
	sig := k.Sign([]byte("x"))
	flip := func(b []byte, i int, mask byte) string {
		c := bytes.Clone(b)
		c[i] ^= mask
		return hex.EncodeToString(c)
	}
	out := []blsRefusal{
		{Comment: "identity of G2", Key: "c0" + hex.EncodeToString(make([]byte, 95))},
		{Comment: "identity of G1", Sig: "c0" + hex.EncodeToString(make([]byte, 47))},
		{Comment: "key without the compression flag", Key: flip(k.Public(), 0, 0x80)},
		{Comment: "signature without the compression flag", Sig: flip(sig, 0, 0x80)},
		{Comment: "identity flag on a point", Key: flip(k.Public(), 0, 0x40)},
		{Comment: "identity flag on a point", Sig: flip(sig, 0, 0x40)},
		{Comment: "field element not below the modulus", Sig: "9f" + hex.EncodeToString(bytes.Repeat([]byte{0xff}, 47))},
		{Comment: "field element not below the modulus", Key: "9f" + hex.EncodeToString(bytes.Repeat([]byte{0xff}, 95))},
		// x = 0 is on the curve of G1 with y = 2, outside the subgroup.
		{Comment: "on the curve, not in the subgroup", Sig: "80" + hex.EncodeToString(make([]byte, 47))},
	}
	// Small x for G2: on the curve or not, none of them is in the subgroup.
	for x := byte(1); x < 6; x++ {
		b := make([]byte, 96)
		b[0], b[95] = 0x80, x
		out = append(out, blsRefusal{Comment: "small x, outside G2", Key: hex.EncodeToString(b)})
	}
	return out
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBLSVectors runs with blst in cgo builds and with gnark-crypto without: both
// must make and judge the same bytes.
func TestBLSVectors(t *testing.T) {
	if os.Getenv("UPDATE_VECTORS") != "" {
		b, _ := json.MarshalIndent(makeBLSVectors(t), "", "  ")
		if err := os.WriteFile(blsPath, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(blsPath)
	if err != nil {
		t.Fatal(err)
	}
	var f blsFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	s := BLS12381{}
	for _, v := range f.Cases {
		msg := unhex(t, v.Message)
		var who []int
		var keys, sigs [][]byte
		for i := range v.Secrets {
			k, err := s.PrivateKey(unhex(t, v.Secrets[i]))
			if err != nil {
				t.Fatal(err)
			}
			if hex.EncodeToString(k.Public()) != v.Public[i] || hex.EncodeToString(k.Possession()) != v.Possession[i] ||
				hex.EncodeToString(k.Sign(msg)) != v.Signatures[i] {
				t.Fatalf("%s: key %d gives other bytes", v.Comment, i)
			}
			if err := s.CheckKey(k.Public(), unhex(t, v.Possession[i])); err != nil {
				t.Fatal(err)
			}
			who, keys, sigs = append(who, i), append(keys, k.Public()), append(sigs, k.Sign(msg))
		}
		agg, err := s.Aggregate(sigs)
		if err != nil || hex.EncodeToString(agg) != v.Aggregate {
			t.Fatalf("%s: aggregate %x, %v", v.Comment, agg, err)
		}
		r, err := s.Keyring(keys)
		if err != nil || !r.VerifyAggregate(who, msg, agg) || r.VerifyAggregate(who, append(msg, 0), agg) {
			t.Fatalf("%s: aggregate judged wrong, %v", v.Comment, err)
		}
	}
	good := testKeys(t, s, 1)[0]
	r := ring(t, s, []PrivateKey{good})
	if len(f.Refusals) < 10 {
		t.Fatalf("%d refusals", len(f.Refusals))
	}
	for _, x := range f.Refusals {
		if x.Key != "" {
			if _, err := s.Keyring([][]byte{unhex(t, x.Key)}); err == nil {
				t.Errorf("key: %s: accepted", x.Comment)
			}
			continue
		}
		sig := unhex(t, x.Sig)
		if _, err := s.Aggregate([][]byte{sig}); err == nil || r.Verify(0, []byte("x"), sig) {
			t.Errorf("signature: %s: accepted", x.Comment)
		}
	}
}

// TestEd25519BatchJudgesAsSingle holds the batch to the single verification on
// points of small and mixed order, where libraries differ.
func TestEd25519BatchJudgesAsSingle(t *testing.T) {
	small := unhex(t, "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05") // order 8
	identity := append([]byte{1}, make([]byte, 31)...)
	nonCanonical := unhex(t, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f") // y = 1, not reduced
	s := make([]byte, 32)
	honest := testKeys(t, Ed25519{}, 1)[0]
	msg := []byte("message")
	for _, key := range [][]byte{small, identity, nonCanonical} {
		for _, r := range [][]byte{small, identity, nonCanonical} {
			ring, err := Ed25519{}.Keyring([][]byte{key, honest.Public()})
			if err != nil {
				t.Fatal(err)
			}
			sig := append(bytes.Clone(r), s...)
			one := ring.Verify(0, msg, sig)
			if !one {
				t.Errorf("ZIP-215 accepts S = 0 with R and A of small order: %x %x", r, key)
			}
			if both := ring.VerifySame([]int{0, 1}, msg, [][]byte{sig, honest.Sign(msg)}); both != one {
				t.Errorf("batch says %v, single %v", both, one)
			}
		}
	}
	ring := ring(t, Ed25519{}, []PrivateKey{honest})
	high := honest.Sign(msg)
	high[63] |= 0xe0 // S not reduced
	if ring.Verify(0, msg, high) || ring.VerifySame([]int{0, 0}, msg, [][]byte{high, honest.Sign(msg)}) {
		t.Error("S that is not reduced verifies")
	}
}
