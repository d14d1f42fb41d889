package signer

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
)

// ErrExists says that a volume has an identity already.
var ErrExists = errors.New("signer volume has an identity already: an identity is made once")

// InitOptions say what identity is made.
type InitOptions struct {
	Scheme types.SchemeID
	// Marks as given by whoever mounts the volume; none: the machine's own.
	Marks []string
	// BroughtKey is the secret of a consensus key that was made elsewhere (32
	// bytes); nil: one is born here.
	BroughtKey []byte
	// AllowUnsafeFileSystem accepts network and overlay file systems.
	AllowUnsafeFileSystem bool
}

// Init makes the identity of a signer volume, once: network identity, consensus
// key, marks and an empty vote log, synced. // rule: identity-born
func Init(dir string, opt InitOptions) (Record, error) {
	if err := CheckMarks(opt.Marks); err != nil {
		return Record{}, err
	}
	lock, err := lockVolume(dir, opt.AllowUnsafeFileSystem)
	if err != nil {
		return Record{}, err
	}
	defer lock.Close()
	if err := settle(dir); err != nil {
		return Record{}, err
	}
	there, err := exists(filepath.Join(dir, identityName))
	if err != nil {
		return Record{}, err
	}
	if there {
		return Record{}, fmt.Errorf("%s: %w; show it with `bedrock identity show`", dir, ErrExists)
	}
	if asides, err := listAsides(dir); err != nil || len(asides) > 0 {
		return Record{}, errors.Join(err, fmt.Errorf("%s holds identities that were set aside and none in use: take one back with `bedrock identity adopt`, or use an empty volume", dir))
	}
	return bear(dir, opt)
}

// bear makes an identity on a volume that holds none. Everything is made in a
// folder that marks the birth as unfinished and moved into place, the record
// last: a birth that broke off leaves keys that nobody has been told of.
func bear(dir string, opt InitOptions) (Record, error) {
	for _, name := range identityFiles { // settle deletes what a birth left
		if there, err := exists(filepath.Join(dir, name)); err != nil || there {
			return Record{}, errors.Join(err, fmt.Errorf("make identity: %s is in the way: the volume is not empty; use another", filepath.Join(dir, name)))
		}
	}
	birth := filepath.Join(dir, birthName)
	if err := os.Mkdir(birth, 0o700); err != nil {
		return Record{}, fmt.Errorf("make identity: %w", err)
	}
	record, err := writeIdentity(birth, opt)
	if err != nil {
		return Record{}, fmt.Errorf("make identity: %w", err)
	}
	for _, name := range []string{voteLogName, networkName, consensusName, marksName, identityName} {
		// What was made before is there for good before the record is.
		if name == identityName {
			if err := syncDir(dir); err != nil {
				return Record{}, fmt.Errorf("make identity: %w", err)
			}
		}
		if err := moveNew(filepath.Join(birth, name), filepath.Join(dir, name)); err != nil {
			return Record{}, fmt.Errorf("make identity: %w", err)
		}
	}
	if err := os.Remove(birth); err != nil {
		return Record{}, fmt.Errorf("make identity: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return Record{}, fmt.Errorf("make identity: %w", err)
	}
	return record, nil
}

func writeIdentity(birth string, opt InitOptions) (Record, error) {
	_, network, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Record{}, err
	}
	secret, source := opt.BroughtKey, SourceBrought
	var consensus types.PrivateKey
	if secret == nil {
		source = SourceBorn
		secret, consensus, err = bearConsensusKey(opt.Scheme)
	} else {
		consensus, err = newConsensusKey(opt.Scheme, secret)
	}
	if err != nil {
		return Record{}, err
	}
	owner := [32]byte(network.Public().(ed25519.PublicKey))
	record := Record{
		Version:      recordVersion,
		Scheme:       schemeName(opt.Scheme),
		ConsensusKey: hex.EncodeToString(consensus.Public()),
		Possession:   hex.EncodeToString(consensus.Possession()),
		NetworkKey:   hex.EncodeToString(owner[:]),
		Source:       source,
		CreatedMs:    time.Now().UnixMilli(),
	}
	marks, err := writeMarks(filepath.Join(birth, marksName), opt.Marks)
	if err != nil {
		return Record{}, err
	}
	record.VolumeID = marks.volumeID()
	if err := createVoteLog(filepath.Join(birth, voteLogName), owner, opt.AllowUnsafeFileSystem); err != nil {
		return Record{}, err
	}
	if err := writeNew(filepath.Join(birth, networkName), keyLine("network", network.Seed())); err != nil {
		return Record{}, err
	}
	if err := writeNew(filepath.Join(birth, consensusName), keyLine(record.Scheme, secret)); err != nil {
		return Record{}, err
	}
	b, err := json.MarshalIndent(&record, "", "  ")
	if err != nil {
		return Record{}, err
	}
	if err := writeNew(filepath.Join(birth, identityName), append(b, '\n')); err != nil {
		return Record{}, err
	}
	return record, syncDir(birth)
}

// moveNew renames and never replaces.
func moveNew(from, to string) error {
	there, err := exists(to)
	if err != nil {
		return err
	}
	if there {
		return fmt.Errorf("move %s: %s is in the way", from, to)
	}
	return os.Rename(from, to)
}

// lockVolume makes sure of the folder, its file system and its lock.
// // rule: exclusive-volume
func lockVolume(dir string, allowUnsafe bool) (io.Closer, error) {
	var fs disk.OS
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("make signer volume %s: %w", dir, err)
	}
	if !allowUnsafe {
		if err := fs.CheckLocal(dir); err != nil {
			return nil, fmt.Errorf("signer volume: %w", err)
		}
	}
	lock, err := fs.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("lock signer volume: %w", err)
	}
	return lock, nil
}

func schemeName(id types.SchemeID) string {
	if id == types.SchemeBLS12381 {
		return "bls12381"
	}
	return "ed25519"
}
