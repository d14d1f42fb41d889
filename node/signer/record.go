package signer

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bedrock-bft/bedrock/node/types"
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
	recordVersion  = 1
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
type Record struct {
	Version      int    `json:"version"`
	Scheme       string `json:"scheme"`        // ed25519 or bls12381
	ConsensusKey string `json:"consensus_key"` // hex
	Possession   string `json:"possession"`    // hex; empty for ed25519
	NetworkKey   string `json:"network_key"`   // hex, Ed25519
	VolumeID     string `json:"volume_id"`     // hex; hash of the marks that it was born under
	Source       string `json:"source"`        // of the consensus key: born or brought
	CreatedMs    int64  `json:"created_ms"`    // Unix time
}

// Keys are the record's keys as bytes.
func (r *Record) Keys() (consensus []byte, network [32]byte, possession []byte, err error) {
	if consensus, err = hex.DecodeString(r.ConsensusKey); err != nil {
		return nil, network, nil, fmt.Errorf("consensus_key of identity record: %w", err)
	}
	n, err := hex.DecodeString(r.NetworkKey)
	if err != nil || len(n) != len(network) {
		return nil, network, nil, fmt.Errorf("network_key of identity record is not 64 hex digits: %q", r.NetworkKey)
	}
	if possession, err = hex.DecodeString(r.Possession); err != nil {
		return nil, network, nil, fmt.Errorf("possession of identity record: %w", err)
	}
	return consensus, [32]byte(n), possession, nil
}

// SchemeID is the record's scheme.
func (r *Record) SchemeID() (types.SchemeID, error) {
	switch r.Scheme {
	case "ed25519":
		return types.SchemeEd25519, nil
	case "bls12381":
		return types.SchemeBLS12381, nil
	}
	return 0, fmt.Errorf("scheme %q of identity record: want ed25519 or bls12381", r.Scheme)
}

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
func ParseRecord(raw []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("read identity record: %w", err)
	}
	if r.Version != recordVersion {
		return r, fmt.Errorf("identity record has version %d, this program knows %d: use the release that wrote it", r.Version, recordVersion)
	}
	if _, _, _, err := r.Keys(); err != nil {
		return r, err
	}
	_, err := r.SchemeID()
	return r, err
}

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
