package plan

import (
	"encoding/hex"
	"fmt"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Step is what to do about one key.
type Step int

// Values of Step.
const (
	// Wait does nothing.
	Wait Step = iota
	// Keep: the claim is this Validator's.
	Keep
	// Create makes the claim.
	Create
	// Release deletes a claim whose holder is gone for good.
	Release
)

// Holder says whether who holds a claim still exists.
type Holder int

// Values of Holder.
const (
	// HolderThere: it exists, or nobody can tell.
	HolderThere Holder = iota
	// HolderGone: there is no Validator of that name and UID.
	HolderGone
)

// Keys are an instance's consensus key and what proves its possession.
type Keys struct {
	Key        v1alpha1.Key
	Possession string
}

// Wanted are the keys of a Validator that need a claim: those of instances that run
// or will. A superseded key stays claimed by nobody's doing: the chain takes none back.
func Wanted(v *v1alpha1.Validator) []Keys {
	var out []Keys
	for _, e := range v.Status.Instances {
		if e.ConsensusKey != "" && e.Role != v1alpha1.InstanceSuperseded {
			out = append(out, Keys{e.ConsensusKey, e.Possession})
		}
	}
	return out
}

// Name is the claim's, after the key has proved possession: a claim on a key that is
// not had would keep its owner out.
func (k *Keys) Name() (string, error) {
	key, err := hex.DecodeString(string(k.Key))
	if err != nil {
		return "", fmt.Errorf("consensus key %.80q is not hex", k.Key)
	}
	possession, err := hex.DecodeString(k.Possession)
	if err != nil {
		return "", fmt.Errorf("possession of consensus key %.80q is not hex", k.Key)
	}
	scheme := "ed25519"
	if len(key) != 32 {
		scheme = "bls12381"
	}
	s, err := types.SchemeByName(scheme)
	if err != nil {
		return "", err
	}
	if err := s.CheckKey(key, possession); err != nil {
		return "", fmt.Errorf("consensus key %.80s has not proved possession: %w", k.Key, err)
	}
	return names.KeyClaim(key), nil
}

// Judge decides about a key and the claim that has its name (nil: there is none).
func Judge(v *v1alpha1.Validator, k *Keys, claim *v1alpha1.ValidatorKeyClaim, holder Holder) (Step, verdict.Verdict) {
	const kind = v1alpha1.ValidatorKeyClaimed
	if claim == nil {
		return Create, verdict.False(kind, v1alpha1.ReasonWaiting, "its claim is being made")
	}
	at := claim.Spec.Validator
	if string(at.Namespace) == v.Namespace && string(at.Name) == v.Name && at.UID == string(v.UID) {
		if claim.Spec.ConsensusKey != k.Key {
			return Wait, verdict.False(kind, "ClaimDamaged", fmt.Sprintf("ValidatorKeyClaim %s is about another key: delete it", claim.Name))
		}
		if claim.DeletionTimestamp != nil {
			return Wait, verdict.False(kind, v1alpha1.ReasonWaiting, "its claim is being deleted; it is made again")
		}
		return Keep, verdict.True(kind, "Claimed", "no other Validator of the cluster has its key")
	}
	if holder == HolderGone {
		return Release, verdict.False(kind, v1alpha1.ReasonWaiting, fmt.Sprintf("the claim of %s/%s, which is gone, is being released", at.Namespace, at.Name))
	}
	return Wait, verdict.False(kind, v1alpha1.ReasonKeyClaimedElsewhere, fmt.Sprintf(
		"Validator %s in namespace %s has the same consensus key: a key signs for one validator. Delete one of the two; to move a validator, use a handoff", at.Name, at.Namespace))
}
