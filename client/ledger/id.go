package ledger

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// ID is 32 bytes shown as 64 hex digits: a validator's name, a network identity,
// an Ed25519 public key, an executor hash, a hash of evidence.
type ID [32]byte

// String is the ID in hex.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether all bytes are 0: none.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes hex.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what ParseID reads.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// ParseID reads 64 hex digits.
func ParseID(s string) (ID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(ID{}) {
		return ID{}, fmt.Errorf("%.80q is not 64 hex digits", s)
	}
	return ID(b), nil
}

// ascend reports whether the IDs of a list ascend, none twice.
func ascend[T any](list []T, id func(*T) *ID) bool {
	for i := 1; i < len(list); i++ {
		if bytes.Compare(id(&list[i-1])[:], id(&list[i])[:]) >= 0 {
			return false
		}
	}
	return true
}

func itself(id *ID) *ID { return id }
