package storage

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// codeKey is where the hash of a module's compiled code is kept, for an engine.
func codeKey(module [32]byte, engine uint32) []byte {
	return fmt.Appendf(nil, "code/%x/%d", module, engine)
}

// CodeHash implements executor.CodeLedger: the hash of compiled code that this
// node wrote.
func (s *Store) CodeHash(module [32]byte, engine uint32) (code [32]byte, ok bool, err error) {
	leave, err := s.enter()
	if err != nil {
		return code, false, err
	}
	defer leave()
	b, err := s.get(famMeta, codeKey(module, engine))
	if err != nil || b == nil {
		return code, false, err
	}
	hash, err := types.HashFromBytes(b)
	if err != nil {
		return code, false, fmt.Errorf("hash of compiled code of module %x: %w: %w", module, ErrDamaged, err)
	}
	return hash, true, nil
}

// RecordCodeHash implements executor.CodeLedger, synced.
func (s *Store) RecordCodeHash(module [32]byte, engine uint32, code [32]byte) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	b := s.newBatch(256)
	b.put(famMeta, codeKey(module, engine), code[:])
	return s.write(b, s.durable)
}
