package plan

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// Volume is what was read of one of an instance's two claims.
type Volume struct {
	Name     string
	Signer   bool   // the signer volume; else the chain volume
	Recorded string // UID in the status; empty: none yet
	Live     *corev1.PersistentVolumeClaim
	// Validator and ChainID are who it is for.
	Validator, ChainID string
	Size               resource.Quantity
	// Identified: the status names the identity that is on the signer volume.
	Identified bool
	// Genesis is what a genesis says of this Validator's identity.
	Genesis GenesisSays
	// Class is why the StorageClass cannot give a volume; empty: it can, or nobody
	// may look.
	Class string
}

// GenesisSays is what a genesis says of a Validator's first identity.
type GenesisSays int

// Values of GenesisSays.
const (
	// GenesisSilent: there is no genesis, or it does not name the Validator.
	GenesisSilent GenesisSays = iota
	// GenesisUnread: there is a genesis document that the network has not taken up.
	GenesisUnread
	// GenesisNames: the genesis names an identity for this Validator.
	GenesisNames
)

// Step is what to do with a claim.
type Step int

// Values of Step.
const (
	// Wait does nothing.
	Wait Step = iota
	// Create makes the claim; its UID is recorded when it is there.
	Create
	// Adopt takes a claim that is there: its UID is recorded.
	Adopt
	// Keep goes on with the one recorded.
	Keep
	// Grow asks for more room on the one recorded.
	Grow
)

// Claim decides about one claim. The verdict is for VolumesReady; Keep and Grow alone
// let a node run.
func Claim(v *Volume) (Step, verdict.Verdict) {
	switch {
	case v.Live == nil:
		return v.missing()
	case v.Live.DeletionTimestamp != nil:
		return Wait, v.bad("VolumeDeleting", "%s is being deleted; it goes once no pod uses it. %s", v.Name, v.afterwards())
	case v.Recorded == string(v.Live.UID):
		return v.present()
	case v.Recorded != "" && v.Signer && v.Identified: // rule: key-with-memory
		return Wait, v.bad(v1alpha1.ReasonVolumeReplaced, "%s is another volume (UID %s) than the one with the identity (UID %s): no new identity is made in its place. %s",
			v.Name, v.Live.UID, v.Recorded, takeoverAdvice)
	}
	return v.adopt()
}

// Lost says whether the signer volume with a known identity is not there: gone, or
// another one in its place. One that is being deleted is still in use.
func (v *Volume) Lost() bool {
	return v.Signer && v.Identified && (v.Live == nil || string(v.Live.UID) != v.Recorded)
}

const takeoverAdvice = "A takeover gives the validator a new instance: kubectl bedrock takeover"

func (v *Volume) bad(reason, format string, args ...any) verdict.Verdict {
	return verdict.False(v1alpha1.ValidatorVolumesReady, reason, fmt.Sprintf(format, args...))
}

func (v *Volume) afterwards() string {
	if v.Signer && v.Identified {
		return "With it goes the validator's key. " + takeoverAdvice
	}
	return "It is made again then"
}

// missing is a claim that is not there. // rule: own-pvcs
func (v *Volume) missing() (Step, verdict.Verdict) {
	create := v.bad("VolumeCreated", "%s is being made", v.Name)
	if !v.Signer {
		return Create, create // rebuilt from peers
	}
	switch {
	case v.Identified:
		return Wait, v.bad(v1alpha1.ReasonKeyMissing, "%s (UID %s) with the validator's identity is gone. %s", v.Name, v.Recorded, takeoverAdvice)
	case v.Genesis == GenesisNames: // rule: ceremony
		return Wait, v.bad(v1alpha1.ReasonKeyMissing, "%s is not there, and the genesis names an identity that lay on it: a new one would be nobody's. Bring the volume back under this name, or make another Validator and let it join", v.Name)
	case v.Genesis == GenesisUnread:
		return Wait, v.bad(v1alpha1.ReasonWaiting, "%s is not made before the network has read the genesis that exists", v.Name)
	}
	return Create, create
}

// adopt takes up a claim that was made before, if it is this Validator's.
func (v *Volume) adopt() (Step, verdict.Verdict) {
	if owner := v.Live.Labels[v1alpha1.LabelValidator]; owner != v.Validator {
		return Wait, v.bad("VolumeNotOurs", "%s exists and is not labelled %s=%s: delete it, or label it so to have it taken as this validator's", v.Name, v1alpha1.LabelValidator, v.Validator)
	}
	if chain := v.Live.Annotations[build.AnnotationChainID]; chain != "" && chain != v.ChainID {
		return Wait, v.bad(v1alpha1.ReasonGenesisConflict, "%s holds chain %q and this validator is of chain %q: use another name, or delete the volume", v.Name, chain, v.ChainID)
	}
	return Adopt, v.bad("VolumeCreated", "%s is being taken up", v.Name)
}

func (v *Volume) present() (Step, verdict.Verdict) {
	good := verdict.True(v1alpha1.ValidatorVolumesReady, v1alpha1.ReasonReady, "both volume claims exist with their recorded UIDs")
	requested := v.Live.Spec.Resources.Requests[corev1.ResourceStorage]
	switch {
	case v.Live.Status.Phase == corev1.ClaimLost:
		return Wait, v.bad("VolumeLost", "the volume under %s is gone. %s", v.Name, v.lost())
	case v.Live.Status.Phase == corev1.ClaimPending && v.Class != "":
		return Keep, v.bad("StorageClassMissing", "%s: %s", v.Name, v.Class)
	case requested.Cmp(v.Size) < 0:
		return Grow, good
	}
	return Keep, good
}

func (v *Volume) lost() string {
	if v.Signer && v.Identified {
		return takeoverAdvice
	}
	return "Delete the claim: it is made again"
}

// Worse is the verdict that a person should see of two: the first that is not True.
func Worse(a, b verdict.Verdict) verdict.Verdict {
	if a.OK() {
		return b
	}
	return a
}

// Sized says whether both claims ask for what the spec says, or why one cannot grow: the
// node runs on with the room that it has, so this is no part of Ready.
func Sized(signer, chain string) verdict.Verdict {
	const kind = v1alpha1.ValidatorVolumesSized
	for _, why := range []string{signer, chain} {
		if why != "" {
			return verdict.False(kind, "VolumeCannotGrow", why)
		}
	}
	return verdict.True(kind, "AsAsked", "both volume claims ask for the sizes of the spec")
}
