package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/node/genesis"
)

// Names on a signer volume.
const (
	identityName  = "identity.json"
	networkName   = "network.key"
	consensusName = "consensus.key"
	marksName     = "marks"
	bootsName     = "boots"
	voteLogName   = "votelog"
	birthName     = "birth.tmp"
	pendingName   = "aside.pending"
	reasonName    = "reason.json"
	// supersededName says that the identity's keys were deleted, and why.
	supersededName = "superseded"
	asidePrefix    = "aside-"
)

const (
	recordVersion  = genesis.RecordVersion
	maxRecordBytes = 64 << 10
)

// Key sources of a record.
const (
	SourceBorn    = "born"    // made on this volume; never exported
	SourceBrought = "brought" // imported once
)

// ErrNoIdentity says that a volume has no identity yet.
var ErrNoIdentity = errors.New("signer volume has no identity: make one with `bedrock identity init`")

// Record is the public record of an identity: what a genesis ceremony needs.
type Record = genesis.Record

// ReadRecord reads a volume's public record. ErrNoIdentity where there is none.
func ReadRecord(dir string) (Record, error) {
	var r Record
	b, err := readBounded(filepath.Join(dir, identityName), maxRecordBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s: %w", dir, ErrNoIdentity)
	}
	if err != nil {
		return r, fmt.Errorf("read identity record: %w", err)
	}
	if r, err = ParseRecord(b); err != nil {
		return r, fmt.Errorf("%s: %w: put the original file back, or begin with an empty signer volume and a new identity", filepath.Join(dir, identityName), err)
	}
	return r, nil
}

// ParseRecord reads a public record.
func ParseRecord(raw []byte) (Record, error) { return genesis.ParseRecord(raw) }

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, at most %d", path, info.Size(), limit)
	}
	return os.ReadFile(path)
}

// writeNew writes a file that must not exist and syncs it. // rule: identity-born
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// replace writes a file aside, syncs it and renames it into place.
func replace(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(tmp, data); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
