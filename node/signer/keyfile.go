package signer

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/bedrock-bft/bedrock/node/types"
)

const (
	keyFileHead  = "bedrock-key-1"
	maxKeyBytes  = 1 << 10
	secretBytes  = 32
	privateModes = 0o077
)

// keyLine is a key file's content: one line, so that nobody takes it for
// something to be edited.
func keyLine(kind string, secret []byte) []byte {
	return []byte(keyFileHead + " " + kind + " " + hex.EncodeToString(secret) + "\n")
}

// readKey reads a key file of this volume.
func readKey(path, kind string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&privateModes != 0 {
		return nil, fmt.Errorf("key file %s has mode %04o: others may have read it; if they did not, run `chmod 600 %s`",
			path, info.Mode().Perm(), path)
	}
	b, err := readBounded(path, maxKeyBytes)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(b))
	if len(fields) != 3 || fields[0] != keyFileHead {
		return nil, fmt.Errorf("%w: %s is no key file", errDamaged, path)
	}
	if fields[1] != kind {
		return nil, fmt.Errorf("%w: %s holds a key of kind %q, want %q", errDamaged, path, fields[1], kind)
	}
	secret, err := hex.DecodeString(fields[2])
	if err != nil || len(secret) != secretBytes {
		return nil, fmt.Errorf("%w: %s does not hold %d bytes in hex", errDamaged, path, secretBytes)
	}
	return secret, nil
}

// consensusKey signs with one scheme. The secret is 32 bytes in each.
type consensusKey interface {
	Public() []byte
	Possession() []byte // empty where the scheme has none
	Sign(msg []byte) []byte
}

// newConsensusKey makes the key of a 32-byte secret.
func newConsensusKey(scheme types.SchemeID, secret []byte) (consensusKey, error) {
	if len(secret) != secretBytes {
		return nil, fmt.Errorf("consensus secret of %d bytes, want %d", len(secret), secretBytes)
	}
	switch scheme {
	case types.SchemeEd25519:
		return ed25519Key(ed25519.NewKeyFromSeed(secret)), nil
	default:
		return nil, fmt.Errorf("signature scheme %d: use ed25519 or bls12381", scheme)
	}
}

type ed25519Key ed25519.PrivateKey

func (k ed25519Key) Public() []byte {
	return []byte(ed25519.PrivateKey(k).Public().(ed25519.PublicKey))
}
func (k ed25519Key) Possession() []byte     { return nil }
func (k ed25519Key) Sign(msg []byte) []byte { return ed25519.Sign(ed25519.PrivateKey(k), msg) }
