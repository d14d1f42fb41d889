package signer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// AdoptOptions say how an identity is taken back.
type AdoptOptions struct {
	// Folder is the identity set aside that is taken back; empty: the only one
	// that can be.
	Folder string
	// Marks that the volume has now, as for Init.
	Marks []string
	// NoOtherCopy is a person's statement that no other copy of the volume
	// exists, and none will be started.
	NoOtherCopy bool
	// AllowUnsafeFileSystem accepts network and overlay file systems.
	AllowUnsafeFileSystem bool
}

// Adopt takes an identity back that is bound to other marks: one that is still
// in place, or one that a start has set aside for that reason. The next start
// asks for its signatures as every start does (own-echo). // rule: volume-foreign
func Adopt(dir string, opt AdoptOptions) (Record, error) {
	if err := CheckMarks(opt.Marks); err != nil {
		return Record{}, err
	}
	if !opt.NoOtherCopy {
		return Record{}, errors.New("adopt: two copies of one identity are what makes a validator sign twice: " +
			"make sure that no other copy of this volume exists or will be started, then say so with --no-other-copy")
	}
	lock, err := lockVolume(dir, opt.AllowUnsafeFileSystem)
	if err != nil {
		return Record{}, err
	}
	defer lock.Close()
	if err := settle(dir); err != nil {
		return Record{}, err
	}
	inPlace, err := adoptInPlace(dir, opt)
	if err != nil || inPlace {
		if err != nil {
			return Record{}, fmt.Errorf("adopt: %w", err)
		}
		return ReadRecord(dir)
	}
	aside, err := chooseAside(dir, opt.Folder)
	if err != nil {
		return Record{}, fmt.Errorf("adopt: %w", err)
	}
	if err := takeBack(dir, aside, opt); err != nil {
		return Record{}, fmt.Errorf("adopt: %w", err)
	}
	return ReadRecord(dir)
}

// adoptInPlace names the present marks on a volume that was not started under
// them yet.
func adoptInPlace(dir string, opt AdoptOptions) (bool, error) {
	if opt.Folder != "" {
		return false, nil
	}
	record, err := ReadRecord(dir)
	if errors.Is(err, ErrNoIdentity) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s := &Signer{dir: dir, opt: Options{Marks: opt.Marks}, record: record}
	why, _, err := s.load()
	if err != nil || why != AsideMarks {
		return false, err
	}
	if there, err := exists(filepath.Join(dir, voteLogName)); err != nil || !there {
		return false, errors.Join(err, errors.New("the vote log is missing: this identity must never sign again"))
	}
	return true, bindMarks(dir, opt.Marks)
}

// bindMarks records the marks of now.
func bindMarks(dir string, given []string) error {
	path := filepath.Join(dir, marksName)
	there, err := exists(path)
	if err != nil {
		return err
	}
	if !there {
		if _, err := writeMarks(path, given); err != nil {
			return fmt.Errorf("write marks: %w", err)
		}
		return syncDir(dir)
	}
	if _, err := rewriteMarks(path, given); err != nil {
		return fmt.Errorf("write marks: %w", err)
	}
	return nil
}

func chooseAside(dir, folder string) (SetAside, error) {
	asides, err := listAsides(dir)
	if err != nil {
		return SetAside{}, err
	}
	var fit []SetAside
	for _, a := range asides {
		if folder != "" && a.Folder != folder {
			continue
		}
		if there, err := exists(filepath.Join(dir, a.Folder, identityName)); err != nil {
			return SetAside{}, err
		} else if !there && folder == "" { // taken back before: all but the removal was done
			continue
		}
		if a.Why == AsideMarks || a.Why == AsideAdopted {
			fit = append(fit, a)
		} else if folder != "" {
			return a, fmt.Errorf("%s was set aside because of %s (%s): it must never sign again; use the new identity and let the chain name it", a.Folder, a.Why, a.Detail)
		}
	}
	switch len(fit) {
	case 0:
		return SetAside{}, fmt.Errorf("nothing to take back in %s: the identity in place fits its marks", dir)
	case 1:
		return fit[0], nil
	}
	names := make([]string, len(fit))
	for i := range fit {
		names[i] = fmt.Sprintf("%s (%.16s)", fit[i].Folder, fit[i].NetworkKey)
	}
	return SetAside{}, fmt.Errorf("several identities were set aside: name one with --folder: %v", names)
}

// takeBack puts the identity in place aside and moves the other one back, its
// record last. A crash in between leaves no record in place: adopt again.
func takeBack(dir string, aside SetAside, opt AdoptOptions) error {
	from := filepath.Join(dir, aside.Folder)
	inPlace, err := exists(filepath.Join(dir, identityName))
	if err != nil {
		return err
	}
	places := []string{from}
	if !inPlace { // an adoption that broke off
		places = append(places, dir)
	}
	for _, name := range []string{voteLogName, networkName, consensusName} {
		if err := inOneOf(name, places); err != nil {
			return err
		}
	}
	if inPlace {
		if _, err := putAside(dir, AsideAdopted, "in favour of "+aside.Folder); err != nil {
			return err
		}
	}
	if err := moveAll(from, dir, []string{marksName, continuedName, voteLogName, networkName, consensusName}); err != nil {
		return err
	}
	if err := bindMarks(dir, opt.Marks); err != nil {
		return err
	}
	if err := moveAll(from, dir, []string{identityName}); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(from), syncDir(dir))
}

func inOneOf(name string, dirs []string) error {
	for _, dir := range dirs {
		if there, err := exists(filepath.Join(dir, name)); err != nil || there {
			return err
		}
	}
	return fmt.Errorf("%s of the identity is missing: it must never sign again", name)
}
