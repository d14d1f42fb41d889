package executor

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// smallOrder are all encodings of points of order 1, 2, 4 and 8 that ZIP-215
// takes, the last six not canonical.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// edge is one signature that implementations disagree on.
type edge struct {
	name        string
	transaction []byte
	valid       bool
}

// bodyOf is the body of a transfer by any public key.
func bodyOf(key []byte, nonce uint64) []byte {
	body := append([]byte{byte(len("bedrock/tx/1"))}, "bedrock/tx/1"...)
	body = append(append(body, ledgerGenesis[:]...), key...)
	for _, number := range []uint64{nonce, 100_000, 1, 0} {
		body = binary.LittleEndian.AppendUint64(body, number)
	}
	body = append(append(body, 1), bytes.Repeat([]byte{5}, 32)...)
	return append(append(body, 1), make([]byte, 15)...)
}

func assembleTransaction(body, signature []byte) []byte {
	transaction := append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
	return append(append(transaction, 1), signature...)
}

func point(t *testing.T, encoded []byte) *curve.EdwardsPoint {
	t.Helper()
	compressed, err := curve.NewCompressedEdwardsYFromBytes(encoded)
	if err != nil {
		t.Fatal(err)
	}
	p, err := curve.NewEdwardsPoint().SetCompressedY(compressed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func compressed(p *curve.EdwardsPoint) []byte {
	return curve.NewCompressedEdwardsY().SetEdwardsPoint(p)[:]
}

// mixedOrder signs with a key and a nonce point that each have a part of small
// order: the equation holds times the cofactor only.
func mixedOrder(t *testing.T, torsion []byte, nonce uint64) (key, body, signature []byte) {
	t.Helper()
	secret, random := scalar.NewFromUint64(12345+nonce), scalar.NewFromUint64(999_983*(nonce+1))
	base := curve.ED25519_BASEPOINT_TABLE
	a := curve.NewEdwardsPoint().Add(curve.NewEdwardsPoint().MulBasepoint(base, secret), point(t, torsion))
	r := curve.NewEdwardsPoint().Add(curve.NewEdwardsPoint().MulBasepoint(base, random), point(t, torsion))
	key = compressed(a)
	body = bodyOf(key, nonce)
	digest := sha512.Sum512(bytes.Join([][]byte{compressed(r), key, body}, nil))
	k, err := scalar.NewFromBytesModOrderWide(digest[:])
	if err != nil {
		t.Fatal(err)
	}
	s := scalar.New().Add(random, scalar.New().Mul(k, secret))
	var encoded [32]byte
	if err := s.ToBytes(encoded[:]); err != nil {
		t.Fatal(err)
	}
	return key, body, append(compressed(r), encoded[:]...)
}

func edges(t *testing.T) []edge {
	t.Helper()
	var list []edge
	add := func(name string, key, body, signature []byte, valid bool) {
		list = append(list, edge{name, assembleTransaction(body, signature), valid})
		if got := ed25519.VerifyWithOptions(key, body, signature, &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}); got != valid {
			t.Errorf("%s: Go says %v, want %v", name, got, valid)
		}
	}
	var points [][]byte
	for _, text := range smallOrder {
		encoded, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, encoded)
	}
	for i, key := range points {
		for j, r := range points {
			body := bodyOf(key, uint64(i*100+j))
			add(fmt.Sprintf("small order %d, %d", i, j), key, body, append(bytes.Clone(r), make([]byte, 32)...), true)
		}
		one := append(bytes.Clone(points[0]), make([]byte, 32)...)
		one[32] = 1
		add(fmt.Sprintf("small order %d, wrong s", i), key, bodyOf(key, 7), one, false)
	}
	for i, torsion := range points[:8] {
		key, body, signature := mixedOrder(t, torsion, uint64(i))
		add(fmt.Sprintf("mixed order %d", i), key, body, signature, true)
		other := bytes.Clone(body)
		other[len(other)-1]++
		add(fmt.Sprintf("mixed order %d, other message", i), key, other, signature, false)
		add(fmt.Sprintf("mixed order %d, s above the order", i), key, body, aboveOrder(signature), false)
	}
	noPoint := append(bytes.Repeat([]byte{2}, 1), make([]byte, 31)...)
	add("key is no point", noPoint, bodyOf(noPoint, 1), append(bytes.Clone(points[0]), make([]byte, 32)...), false)
	add("R is no point", points[0], bodyOf(points[0], 1), append(bytes.Clone(noPoint), make([]byte, 32)...), false)
	return list
}

// aboveOrder adds the group's order to s: the same signature, not canonical.
func aboveOrder(signature []byte) []byte {
	order, _ := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	changed, carry := bytes.Clone(signature), 0
	for i := range 32 {
		sum := int(changed[32+i]) + int(order[i]) + carry
		changed[32+i], carry = byte(sum), sum>>8
	}
	return changed
}

// Points of small and mixed order and encodings that are not canonical are
// judged the same alone and in batches, in the module and in Go (ZIP-215).
func TestEdgeSignatures(t *testing.T) {
	m := canonical(t, testEngine(t))
	list := edges(t)
	var valid, all [][]byte
	for _, e := range list {
		alone, err := m.Verify(context.Background(), ledgerGenesis, [][]byte{e.transaction})
		if err != nil {
			t.Fatal(err)
		}
		if (alone[0].Code == 0) != e.valid {
			t.Errorf("%s: alone the module says %+v, want valid %v", e.name, alone[0], e.valid)
		}
		all = append(all, e.transaction)
		if e.valid {
			valid = append(valid, e.transaction)
		}
	}
	verdicts := make([]Verdict, len(valid))
	if err := m.verifyOnce(context.Background(), ledgerGenesis, valid, verdicts); err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Code != 0 {
			t.Errorf("valid %d in one batch: got %+v", i, v)
		}
	}
	verdicts = make([]Verdict, len(all))
	if err := m.verifyOnce(context.Background(), ledgerGenesis, all, verdicts); err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if (v.Code == 0) != list[i].valid {
			t.Errorf("%s: in a batch the module says %+v, want valid %v", list[i].name, v, list[i].valid)
		}
	}
}
