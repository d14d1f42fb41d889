package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// AddressPrefix is the human-readable part of an address.
const AddressPrefix = "bed"

// Address is an account's: SHA-256 of its Ed25519 public key.
type Address [32]byte

// AddressOf is the address of a public key.
func AddressOf(key ed25519.PublicKey) Address { return sha256.Sum256(key) }

// String is the address in bech32m: bed1….
func (a Address) String() string { return encodeBech32m(AddressPrefix, a[:]) }

// MarshalText writes bech32m.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what ParseAddress reads.
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// ParseAddress reads bed1… in bech32m, or 64 hex digits.
func ParseAddress(s string) (Address, error) {
	var a Address
	if len(s) == 64 {
		if b, err := hex.DecodeString(s); err == nil {
			return Address(b), nil
		}
	}
	data, err := decodeBech32m(AddressPrefix, s)
	if err != nil {
		return a, fmt.Errorf("address %q: %w", s, err)
	}
	if len(data) != len(a) {
		return a, fmt.Errorf("address %q holds %d bytes, want 32", s, len(data))
	}
	return Address(data), nil
}

// Bech32m is BIP 350.
const (
	bechLetters  = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	bech32mConst = 0x2bc830a3
	maxBech32    = 90
)

func polymod(values []byte) uint32 {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	sum := uint32(1)
	for _, v := range values {
		top := sum >> 25
		sum = (sum&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range generator {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	return sum
}

func expand(prefix string) []byte {
	out := make([]byte, 0, 2*len(prefix)+1)
	for i := range len(prefix) {
		out = append(out, prefix[i]>>5)
	}
	out = append(out, 0)
	for i := range len(prefix) {
		out = append(out, prefix[i]&31)
	}
	return out
}

// regroup turns groups of from bits into groups of to bits. Without padding what
// is left over must be fewer than from bits, all zero.
func regroup(data []byte, from, to uint, pad bool) ([]byte, bool) {
	var acc, bits uint
	var out []byte
	for _, v := range data {
		acc, bits = acc<<from|uint(v), bits+from
		for bits >= to {
			bits -= to
			out = append(out, byte(acc>>bits&(1<<to-1)))
		}
		acc &= 1<<bits - 1
	}
	if pad {
		if bits > 0 {
			out = append(out, byte(acc<<(to-bits)))
		}
		return out, true
	}
	return out, bits < from && acc == 0
}

func encodeBech32m(prefix string, data []byte) string {
	groups, _ := regroup(data, 8, 5, true)
	sum := polymod(append(append(expand(prefix), groups...), make([]byte, 6)...)) ^ bech32mConst
	for i := range 6 {
		groups = append(groups, byte(sum>>(5*(5-i))&31))
	}
	var s strings.Builder
	s.WriteString(prefix + "1")
	for _, g := range groups {
		s.WriteByte(bechLetters[g])
	}
	return s.String()
}

func decodeBech32m(prefix, s string) ([]byte, error) {
	if len(s) > maxBech32 {
		return nil, fmt.Errorf("%d letters, at most %d", len(s), maxBech32)
	}
	rest, ok := strings.CutPrefix(s, prefix+"1")
	if !ok {
		return nil, fmt.Errorf("it does not begin with %s1", prefix)
	}
	if len(rest) < 6 {
		return nil, errors.New("it is cut off")
	}
	groups := make([]byte, len(rest))
	for i := range len(rest) {
		at := strings.IndexByte(bechLetters, rest[i])
		if at < 0 {
			return nil, fmt.Errorf("%q is no letter of an address (they are in lower case)", rest[i])
		}
		groups[i] = byte(at)
	}
	if polymod(append(expand(prefix), groups...)) != bech32mConst {
		return nil, errors.New("its checksum does not fit: a letter is wrong")
	}
	data, ok := regroup(groups[:len(groups)-6], 5, 8, false)
	if !ok {
		return nil, errors.New("its padding is not zero")
	}
	return data, nil
}
