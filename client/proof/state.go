package proof

import "github.com/bedrock-bft/bedrock/node/types"

// VerifyInclusion checks an encoded state proof (docs/encodings.md, State
// proof): that under the state root the raw key has exactly this value. Nothing
// about the root is checked; [Verify] leads from genesis to one.
func VerifyInclusion(root [32]byte, key, value, proof []byte) error {
	return checkInclusion(types.Hash(root), key, value, proof)
}

// VerifyAbsence checks an encoded state proof: that under the state root the raw
// key has no value.
func VerifyAbsence(root [32]byte, key, proof []byte) error {
	return checkAbsence(types.Hash(root), key, proof)
}
