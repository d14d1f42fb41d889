package ledger

import (
	"encoding/binary"
	"fmt"
	"math/big"
)

// Amount is an unsigned 128-bit number of base units.
type Amount struct{ Hi, Lo uint64 }

// AmountOf is a small amount.
func AmountOf(n uint64) Amount { return Amount{Lo: n} }

// IsZero reports whether the amount is 0.
func (a Amount) IsZero() bool { return a == Amount{} }

// Big is the amount as a big integer.
func (a Amount) Big() *big.Int {
	n := new(big.Int).SetUint64(a.Hi)
	return n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(a.Lo))
}

// String is the amount in decimal.
func (a Amount) String() string { return a.Big().String() }

// MarshalText writes decimal.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads decimal.
func (a *Amount) UnmarshalText(text []byte) error {
	parsed, err := ParseAmount(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// ParseAmount reads a decimal number below 2^128, digits only.
func ParseAmount(s string) (Amount, error) {
	if len(s) == 0 || len(s) > 39 {
		return Amount{}, fmt.Errorf("amount %q: want 1 to 39 digits", s)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return Amount{}, fmt.Errorf("amount %q: want digits only", s)
		}
	}
	n, _ := new(big.Int).SetString(s, 10)
	if n.BitLen() > 128 {
		return Amount{}, fmt.Errorf("amount %q is 2^128 or more", s)
	}
	var b [16]byte
	n.FillBytes(b[:])
	return Amount{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}, nil
}

func (a Amount) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, a.Lo)
	return binary.LittleEndian.AppendUint64(b, a.Hi)
}
