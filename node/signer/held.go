package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Held is the record of the identity that a volume holds under the marks given, so
// that making it again is no error; ErrNoIdentity where it holds none. One that is
// foreign there, or left behind by the chain, is refused: it is never used again, and
// the node makes a new one when it starts. // rule: identity-born, volume-foreign
func Held(dir string, opt Options) (Record, error) {
	if err := CheckMarks(opt.Marks); err != nil {
		return Record{}, err
	}
	if there, err := exists(dir); err != nil || !there { // before a folder is made for the lock
		return Record{}, errors.Join(err, fmt.Errorf("%s: %w", dir, ErrNoIdentity))
	}
	lock, err := lockVolume(dir, opt.AllowUnsafeFileSystem)
	if err != nil {
		return Record{}, err
	}
	record, err := held(dir, opt)
	return record, errors.Join(err, lock.Close())
}

func held(dir string, opt Options) (Record, error) {
	if err := settle(dir); err != nil {
		return Record{}, err
	}
	record, err := ReadRecord(dir)
	if err != nil {
		return Record{}, missingIdentity(dir, err)
	}
	s := &Signer{dir: dir, opt: opt, record: record, guard: guard{suspended: map[string]string{}}}
	why, detail, err := s.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", filepath.Join(dir, identityName), err)
	}
	if err != nil {
		return Record{}, err
	}
	if why != "" {
		return Record{}, fmt.Errorf("%s holds identity %s, which is foreign here (%s: %s): use an empty volume; or start the node, which makes a new identity on it, or see `bedrock identity adopt`",
			dir, record.NetworkKey, why, detail)
	}
	return record, nil
}
