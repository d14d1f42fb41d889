package signer

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bedrock-bft/bedrock/node/types"
)

const (
	keyFileHead  = "bedrock-key-1"
	maxKeyBytes  = 1 << 10
	secretBytes  = types.SecretBytes
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

// newConsensusKey makes the key of a 32-byte secret.
func newConsensusKey(scheme types.SchemeID, secret []byte) (types.PrivateKey, error) {
	s, err := types.SchemeByID(scheme)
	if err != nil {
		return nil, err
	}
	return s.PrivateKey(secret)
}

// bearConsensusKey makes a new secret. A scheme may refuse some of the numbers
// (bls12381 takes about half of them).
func bearConsensusKey(scheme types.SchemeID) (secret []byte, key types.PrivateKey, err error) {
	const tries = 128
	for range tries {
		secret = make([]byte, types.SecretBytes)
		if _, err = io.ReadFull(rand.Reader, secret); err != nil {
			return nil, nil, err
		}
		if key, err = newConsensusKey(scheme, secret); err == nil {
			return secret, key, nil
		}
	}
	return nil, nil, fmt.Errorf("make consensus key: %w", err)
}
