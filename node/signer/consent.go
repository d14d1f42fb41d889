package signer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
)

// consentTags begin what an identity signs outside of the protocol and of its own
// transactions: that it may be joined, and that it takes an instance's place.
var consentTags = [][]byte{[]byte("\x0ebedrock/join/1"), []byte("\x10bedrock/rotate/1")}

// Consent signs a join's or a rotation's statement (docs/encodings.md, "Ledger
// transactions") with the network identity; nothing else. It gives no right to
// sign votes: the chain does. // rule: rotate
func (s *Signer) Consent(statement []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.consent(statement)
}

func (s *Signer) consent(statement []byte) ([]byte, error) {
	if why, ok := s.guard.suspended[heldDeleted]; ok {
		return nil, fmt.Errorf("%w to consent: %s", ErrRefused, why)
	}
	for _, tag := range consentTags {
		if bytes.HasPrefix(statement, tag) {
			return ed25519.Sign(s.network, statement), nil
		}
	}
	return nil, fmt.Errorf("%w to consent: the statement is neither a join's nor a rotation's", ErrRefused)
}

// ConsentAtRest signs as Consent does with the identity of a volume whose node
// does not run (disk.ErrLocked if it does: ask its admin service then). statement
// is made of the public record. A volume that its node would find foreign is
// refused: that identity is never used again.
func ConsentAtRest(dir string, opt Options, statement func(Record) ([]byte, error)) (Record, []byte, error) {
	if err := CheckMarks(opt.Marks); err != nil {
		return Record{}, nil, err
	}
	if there, err := exists(dir); err != nil || !there { // before a folder is made for the lock
		return Record{}, nil, errors.Join(err, fmt.Errorf("%s: %w", dir, ErrNoIdentity))
	}
	lock, err := lockVolume(dir, opt.AllowUnsafeFileSystem)
	if err != nil {
		return Record{}, nil, err
	}
	record, signature, err := consentAtRest(dir, opt, statement)
	return record, signature, errors.Join(err, lock.Close())
}

func consentAtRest(dir string, opt Options, statement func(Record) ([]byte, error)) (Record, []byte, error) {
	if err := settle(dir); err != nil {
		return Record{}, nil, err
	}
	record, err := ReadRecord(dir)
	if err != nil {
		return Record{}, nil, missingIdentity(dir, err)
	}
	s := &Signer{dir: dir, opt: opt, record: record, guard: guard{suspended: map[string]string{}}}
	why, detail, err := s.load()
	if err != nil {
		return Record{}, nil, err
	}
	if why != "" {
		return Record{}, nil, fmt.Errorf("%s is foreign here (%s: %s): start the node, which makes a new identity, or see `bedrock identity adopt`", dir, why, detail)
	}
	b, err := statement(record)
	if err != nil {
		return Record{}, nil, err
	}
	signature, err := s.consent(b)
	return record, signature, err
}
