package signer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
)

// errDamaged says that a volume's files do not fit together.
var errDamaged = errors.New("signer volume is damaged")

// Options say how a volume is opened.
type Options struct {
	// Marks as given by whoever mounts the volume; none: the machine's own.
	Marks []string
	// AllowUnsafeFileSystem accepts network and overlay file systems.
	AllowUnsafeFileSystem bool
}

// Opened says what Open found.
type Opened struct {
	// Boots counts how often this volume was opened; whoever supervises keeps a
	// copy and suspends signing when it falls. // rule: boot-count
	Boots uint64
	// SetAside is the identity that was set aside just now; nil: none was. The
	// new one is in no validator set until the chain names it.
	SetAside *SetAside
}

// Open takes a signer volume for the life of the process. A volume that is
// foreign gets a new identity, and the old one is set aside. ErrNoIdentity where
// `identity init` was never run. // rule: volume-foreign, exclusive-volume
func Open(dir string, opt Options) (*Signer, Opened, error) {
	if err := CheckMarks(opt.Marks); err != nil {
		return nil, Opened{}, err
	}
	lock, err := lockVolume(dir, opt.AllowUnsafeFileSystem)
	if err != nil {
		return nil, Opened{}, err
	}
	s, opened, err := open(dir, opt, lock)
	if err != nil {
		return nil, Opened{}, errors.Join(err, lock.Close())
	}
	return s, opened, nil
}

func open(dir string, opt Options, lock io.Closer) (*Signer, Opened, error) {
	var opened Opened
	if err := settle(dir); err != nil {
		return nil, opened, err
	}
	record, err := ReadRecord(dir)
	if errors.Is(err, ErrNoIdentity) {
		record, opened.SetAside, err = bearAfter(dir, opt, err)
	}
	if err != nil {
		return nil, opened, missingIdentity(dir, err)
	}
	s := &Signer{dir: dir, opt: opt, lock: lock, record: record, guard: guard{suspended: map[string]string{}}}
	why, detail, err := s.load()
	if err != nil {
		return nil, opened, err
	}
	if why != "" {
		aside, err := s.renew(why, detail)
		if err != nil {
			return nil, opened, err
		}
		opened.SetAside = &aside
	}
	opened.Boots, err = countBoot(dir)
	return s, opened, err
}

// missingIdentity tells a volume that lost its record from an empty one.
func missingIdentity(dir string, cause error) error {
	if !errors.Is(cause, ErrNoIdentity) {
		return cause
	}
	asides, err := listAsides(dir)
	if err != nil {
		return err
	}
	if len(asides) > 0 {
		return fmt.Errorf("%w (%d were set aside here: `bedrock identity adopt` takes one back)", cause, len(asides))
	}
	return cause
}

// bearAfter goes on where a start broke off after it had set the identity aside and before
// the new one was born; cause where the volume tells of something else. An adoption that
// broke off is a person's to carry on, and files in place are of an identity that lost its
// record. // rule: volume-foreign
func bearAfter(dir string, opt Options, cause error) (Record, *SetAside, error) {
	asides, err := listAsides(dir)
	if err != nil {
		return Record{}, nil, err
	}
	if len(asides) == 0 || asides[len(asides)-1].Why == AsideAdopted {
		return Record{}, nil, cause
	}
	for _, name := range identityFiles {
		if there, err := exists(filepath.Join(dir, name)); err != nil || there {
			return Record{}, nil, errors.Join(err, cause)
		}
	}
	last := asides[len(asides)-1]
	before, err := ReadRecord(filepath.Join(dir, last.Folder))
	if err != nil {
		return Record{}, nil, errors.Join(cause, err)
	}
	scheme, err := before.SchemeID()
	if err != nil {
		return Record{}, nil, errors.Join(cause, err)
	}
	record, err := bear(dir, InitOptions{Scheme: scheme, Marks: opt.Marks, AllowUnsafeFileSystem: opt.AllowUnsafeFileSystem})
	return record, &last, err
}

// load reads marks and keys; why is not empty if the identity must not be used.
func (s *Signer) load() (why, detail string, err error) {
	if detail, err = superseded(s.dir); err != nil || detail != "" {
		return AsideSuperseded, detail, err // rule: identity-once
	}
	marksPath := filepath.Join(s.dir, marksName)
	recorded, err := readMarks(marksPath)
	if errors.Is(err, fs.ErrNotExist) {
		return AsideMarks, "the marks file is missing", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read the volume's marks: %w", err)
	}
	now, err := marksNow(marksPath, s.opt.Marks)
	if err != nil {
		return "", "", err
	}
	if differ := now.difference(&recorded); differ != "" {
		return AsideMarks, differ, nil
	}
	there, err := exists(s.VoteLogDir())
	if err != nil {
		return "", "", err
	}
	if !there {
		return AsideVoteLog, "the vote log is missing", nil
	}
	err = s.loadKeys()
	if errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist) {
		return AsideDamaged, err.Error(), nil
	}
	return "", "", err
}

func (s *Signer) loadKeys() error {
	scheme, err := s.record.SchemeID()
	if err != nil {
		return err
	}
	public, network, _, err := s.record.Keys()
	if err != nil {
		return err
	}
	seed, err := readKey(filepath.Join(s.dir, networkName), "network")
	if err != nil {
		return fmt.Errorf("read network key: %w", err)
	}
	s.network = ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(s.network.Public().(ed25519.PublicKey), network[:]) {
		return fmt.Errorf("%w: network key does not fit the identity record", errDamaged)
	}
	secret, err := readKey(filepath.Join(s.dir, consensusName), s.record.Scheme)
	if err != nil {
		return fmt.Errorf("read consensus key: %w", err)
	}
	if s.consensus, err = newConsensusKey(scheme, secret); err != nil {
		return err
	}
	if !bytes.Equal(s.consensus.Public(), public) {
		return fmt.Errorf("%w: consensus key does not fit the identity record", errDamaged)
	}
	return nil
}

// renew sets the identity aside and makes a new one. // rule: volume-foreign
func (s *Signer) renew(why, detail string) (SetAside, error) {
	scheme, err := s.record.SchemeID()
	if err != nil {
		return SetAside{}, err
	}
	aside, err := putAside(s.dir, why, detail)
	if err != nil {
		return aside, err
	}
	record, err := bear(s.dir, InitOptions{
		Scheme: scheme, Marks: s.opt.Marks, AllowUnsafeFileSystem: s.opt.AllowUnsafeFileSystem,
	})
	if err != nil {
		return aside, err
	}
	s.record = record
	return aside, s.loadKeys()
}

// Foreign sets the identity aside after Open: because the vote log cannot vouch
// for what was signed (AsideVoteLog, its files closed), or because peers hold
// newer signatures (AsideEcho). The process must end then: the new identity is
// used from the next start on. // rule: volume-foreign, own-echo
func (s *Signer) Foreign(why, detail string) (SetAside, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guard.suspended[heldForeign] = why + ": " + detail
	return s.renew(why, detail)
}

// DeleteKeys removes the secrets of a superseded instance; the vote log stays. The
// next Open sets the identity aside and makes a new one. // rule: key-deleted
func (s *Signer) DeleteKeys(detail string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guard.suspended[heldDeleted] = "this instance was superseded and its keys deleted"
	// Said first: keys that are missing without it are damage.
	if err := replace(filepath.Join(s.dir, supersededName), []byte(detail+"\n")); err != nil {
		return fmt.Errorf("delete superseded keys: %w", err)
	}
	for _, name := range []string{consensusName, networkName} {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete superseded keys: %w", err)
		}
	}
	return syncDir(s.dir)
}

// superseded is what DeleteKeys said of the identity in place; empty: nothing.
func superseded(dir string) (string, error) {
	b, err := readBounded(filepath.Join(dir, supersededName), maxRecordBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read why the identity was superseded: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// VoteLogDir is where the vote log of this identity lies.
func (s *Signer) VoteLogDir() string { return filepath.Join(s.dir, voteLogName) }

// Close gives the volume up. The signer must not be used after.
func (s *Signer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guard.suspended[heldClosed] = "the signer volume was closed"
	return s.lock.Close()
}

// countBoot raises the counter on the volume. // rule: boot-count
func countBoot(dir string) (uint64, error) {
	path := filepath.Join(dir, bootsName)
	var boots uint64
	b, err := readBounded(path, maxKeyBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("read boot counter: %w", err)
	}
	if err == nil {
		if boots, err = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 63); err != nil {
			return 0, fmt.Errorf("boot counter %s is damaged: %w; write the last number that was seen into it", path, err)
		}
	}
	boots++
	if err := replace(path, []byte(strconv.FormatUint(boots, 10)+"\n")); err != nil {
		if disk.IsFull(err) {
			err = fmt.Errorf("the signer volume is full: make room there (enlarge it, or remove what is not the node's), delete nothing of the node's own: %w", err)
		}
		return 0, fmt.Errorf("write boot counter %s: %w", path, err)
	}
	return boots, nil
}
