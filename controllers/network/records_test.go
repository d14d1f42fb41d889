package network_test

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
)

// publicRecord is what an identity Job leaves of a volume.
type publicRecord struct {
	Identity     v1alpha1.Ed25519Key `json:"network_key"`
	ConsensusKey v1alpha1.Key        `json:"consensus_key"`
}

func recordOf(volume string) (publicRecord, error) {
	var r publicRecord
	err := json.Unmarshal([]byte(chaintest.Record(volume, 1)), &r)
	return r, err
}

func resourceOf(s string) *resource.Quantity {
	q := resource.MustParse(s)
	return &q
}
