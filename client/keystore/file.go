package keystore

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/google/uuid"
)

// MaxBytes bounds a keystore file.
const MaxBytes = 64 << 10

// fileVersion is EIP-2335's.
const fileVersion = 4

// file is a keystore as it is written. Members beyond EIP-2335: kind and scheme.
type file struct {
	Crypto      crypto `json:"crypto"`
	Description string `json:"description,omitempty"`
	Kind        string `json:"kind,omitempty"`
	Path        string `json:"path"`
	Pubkey      string `json:"pubkey"`
	Scheme      string `json:"scheme,omitempty"`
	UUID        string `json:"uuid"`
	Version     int    `json:"version"`
}

type crypto struct {
	KDF      module `json:"kdf"`
	Checksum module `json:"checksum"`
	Cipher   module `json:"cipher"`
}

type module struct {
	Function string          `json:"function"`
	Params   json.RawMessage `json:"params"`
	Message  string          `json:"message"`
}

type scryptParams struct {
	DKLen int    `json:"dklen"`
	N     int    `json:"n"`
	P     int    `json:"p"`
	R     int    `json:"r"`
	Salt  string `json:"salt"`
}

type pbkdf2Params struct {
	DKLen int    `json:"dklen"`
	C     int    `json:"c"`
	PRF   string `json:"prf"`
	Salt  string `json:"salt"`
}

type cipherParams struct {
	IV string `json:"iv"`
}

// Public is what a keystore tells without its password.
type Public struct {
	Kind        string `json:"kind"`
	Scheme      string `json:"scheme"`
	PublicKey   string `json:"public_key"` // hex
	Description string `json:"description,omitempty"`
	UUID        string `json:"uuid"`
}

// Inspect reads what a keystore tells without its password.
func Inspect(raw []byte) (Public, error) {
	f, err := parse(raw)
	if err != nil {
		return Public{}, err
	}
	return Public{Kind: f.Kind, Scheme: f.Scheme, PublicKey: f.Pubkey, Description: f.Description, UUID: f.UUID}, nil
}

func parse(raw []byte) (*file, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFormat, len(raw), MaxBytes)
	}
	var f file
	if err := strict(raw, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if f.Version != fileVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrFormat, f.Version, fileVersion)
	}
	if f.Kind == "" && f.Scheme == "" { // another program's EIP-2335 file
		f.Kind, f.Scheme = KindConsensus, "bls12381"
	}
	if err := checkKind(f.Kind, f.Scheme); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if _, err := uuid.Parse(f.UUID); err != nil {
		return nil, fmt.Errorf("%w: uuid: %w", ErrFormat, err)
	}
	if _, err := hex.DecodeString(f.Pubkey); err != nil {
		return nil, fmt.Errorf("%w: pubkey: %w", ErrFormat, err)
	}
	if len(f.Description) > maxDescription || !utf8.ValidString(f.Description) {
		return nil, fmt.Errorf("%w: description of more than %d bytes", ErrFormat, maxDescription)
	}
	return &f, nil
}

// strict decodes one JSON value and refuses unknown members and what follows.
func strict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("something follows the document")
	}
	return nil
}
