package plan

import (
	"encoding/hex"
	"fmt"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// schemes are the names of signature schemes in records and genesis documents.
var schemes = map[v1alpha1.Scheme]string{v1alpha1.SchemeEd25519: "ed25519", v1alpha1.SchemeBLS12381: "bls12381"}

// SchemeNamed is the scheme with a genesis document's name for it.
func SchemeNamed(name string) (v1alpha1.Scheme, error) {
	for scheme, n := range schemes {
		if n == name {
			return scheme, nil
		}
	}
	return "", fmt.Errorf("the genesis has the signature scheme %q: ed25519 and bls12381 are known", name)
}

// TakeRecord reads the record that an identity Job left, checks its keys with the
// proof of possession, and writes it into an instance's entry of the status.
func TakeRecord(e *v1alpha1.Instance, message string, scheme v1alpha1.Scheme) error {
	r, err := genesis.ParseRecord([]byte(message))
	if err != nil {
		return fmt.Errorf("the identity Job left no record but %.200q (%w): is the image a Bedrock node?", message, err)
	}
	if r.Scheme != schemes[scheme] {
		return fmt.Errorf("the volume's consensus key is of scheme %s, the chain's is %s: use an empty signer volume, or a key of the chain's scheme", r.Scheme, schemes[scheme])
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("the record's consensus key does not hold: %w", err)
	}
	if b, err := hex.DecodeString(r.VolumeID); err != nil || len(b) > 32 {
		return fmt.Errorf("the record's volume_id %.80q is not up to 64 hex digits", r.VolumeID)
	}
	e.Identity, e.ConsensusKey = v1alpha1.Ed25519Key(r.NetworkKey), v1alpha1.Key(r.ConsensusKey)
	e.Possession, e.VolumeID = r.Possession, r.VolumeID
	return nil
}
