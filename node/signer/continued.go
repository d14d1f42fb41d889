package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bedrock-bft/bedrock/node/types"
)

// continuedName is a file on the volume: the recovery genesis that this instance signs
// under. It was held against what the instance had locked before, so it goes where the
// instance's vote log goes.
const continuedName = "continued"

// Continued is the recovery genesis that this instance signs under; zero: none.
// // rule: recovery-genesis
func (s *Signer) Continued() (types.Hash, error) { return ContinuedOn(s.dir) }

// ContinuedOn is Continued of a volume that no process uses.
func ContinuedOn(dir string) (types.Hash, error) {
	path := filepath.Join(dir, continuedName)
	b, err := readBounded(path, maxKeyBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return types.Hash{}, nil
	}
	if err != nil {
		return types.Hash{}, fmt.Errorf("read which recovery was taken: %w", err)
	}
	h, err := types.ParseHash(strings.TrimSpace(string(b)))
	if err != nil {
		return types.Hash{}, fmt.Errorf("%s is damaged: %w: write the hash of the recovery genesis that this instance signs under into it", path, err)
	}
	return h, nil
}

// SetContinued writes it down, before anything is signed under that genesis.
func (s *Signer) SetContinued(genesis types.Hash) error {
	if now, err := s.Continued(); err != nil || now == genesis {
		return err
	}
	if err := replace(filepath.Join(s.dir, continuedName), []byte(genesis.String()+"\n")); err != nil {
		return fmt.Errorf("write down which recovery was taken: %w", err)
	}
	return nil
}
