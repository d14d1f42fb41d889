package signer

import (
	"errors"
	"slices"
)

// After makes a new identity on a volume whose own has left the chain for good, and sets
// the old one aside, unused; it says whether the volume held that one. A second call
// finds the new identity and makes none. A brought key is not taken in again: the chain
// takes none back. // rule: identity-once, volume-foreign
func After(dir string, opt InitOptions, left string) (made bool, err error) {
	if err := CheckMarks(opt.Marks); err != nil {
		return false, err
	}
	if there, err := exists(dir); err != nil || !there { // before a folder is made for the lock
		return false, err
	}
	lock, err := lockVolume(dir, opt.AllowUnsafeFileSystem)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := settle(dir); err != nil {
		return false, err
	}
	record, err := ReadRecord(dir)
	switch {
	case errors.Is(err, ErrNoIdentity): // broken off between the two?
		asides, err := listAsides(dir)
		if err != nil || !slices.ContainsFunc(asides, func(a SetAside) bool { return a.NetworkKey == left && a.Why == AsideSuperseded }) {
			return false, err
		}
	case err != nil:
		return false, err
	case record.NetworkKey != left:
		return false, nil
	default:
		if _, err := putAside(dir, AsideSuperseded, "it has left the chain"); err != nil {
			return false, err
		}
	}
	opt.BroughtKey = nil
	_, err = bear(dir, opt)
	return err == nil, err
}
