package genesis

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/bedrock-bft/bedrock/node/types"
)

// RecordVersion is the version of public records.
const RecordVersion = 1

// MaxRecordBytes bounds a public record's JSON, so that it fits a pod's termination
// message. // rule: identity-born
const MaxRecordBytes = 4096

// Record is the public record of an instance's identity: what a ceremony needs of it.
// `bedrock identity init` prints it.
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

// Check verifies the consensus key and, with bls12381, its proof of possession.
func (r *Record) Check() error {
	id, err := r.SchemeID()
	if err != nil {
		return err
	}
	consensus, _, possession, err := r.Keys()
	if err != nil {
		return err
	}
	v := Validator{ConsensusKey: consensus, Possession: possession}
	return v.checkConsensusKey(id)
}

// ParseRecord reads a public record. Keys are not verified: Check does.
func ParseRecord(raw []byte) (Record, error) {
	var r Record
	if len(raw) > MaxRecordBytes {
		return r, fmt.Errorf("identity record of %d bytes, at most %d", len(raw), MaxRecordBytes)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("read identity record: %w", err)
	}
	if r.Version != RecordVersion {
		return r, fmt.Errorf("identity record has version %d, this program knows %d: use the release that wrote it", r.Version, RecordVersion)
	}
	if _, _, _, err := r.Keys(); err != nil {
		return r, err
	}
	_, err := r.SchemeID()
	return r, err
}
