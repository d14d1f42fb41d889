package types

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Hash is a SHA-256 digest. The zero value stands for "none".
type Hash [32]byte

// SumHash is the SHA-256 of b.
func SumHash(b []byte) Hash { return sha256.Sum256(b) }

// IsZero reports whether h is the absent hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// String is h in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is the first eight hex digits, for logs that carry the whole id elsewhere.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// MarshalText writes h in hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hex digits.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// ParseHash reads 64 hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	b, err := hex.DecodeString(s)
	if err != nil {
		return h, fmt.Errorf("parse hash %q: %w", s, err)
	}
	if len(b) != len(h) {
		return h, fmt.Errorf("parse hash %q: %d hex digits, want 64", s, len(s))
	}
	copy(h[:], b)
	return h, nil
}

// HashFromBytes copies 32 bytes.
func HashFromBytes(b []byte) (Hash, error) {
	var h Hash
	if len(b) != len(h) {
		return h, fmt.Errorf("hash of %d bytes, want %d", len(b), len(h))
	}
	copy(h[:], b)
	return h, nil
}
