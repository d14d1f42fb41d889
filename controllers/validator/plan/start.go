package plan

import (
	"fmt"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// Start is what must be so before a node runs for the first time.
type Start struct {
	Volumes    bool // both claims have their recorded UIDs
	Identified bool
	// Claim is the condition KeyClaimed; ClaimsOff: nobody makes claims here.
	Claim     *verdict.Verdict
	ClaimsOff bool
	// Genesis is the chain's hash; empty: none yet.
	Genesis v1alpha1.Hash
	Image   string
	// Budget: the PodDisruptionBudget exists. // rule: pdb-two-states
	Budget bool
	// Exposure is why the p2p port cannot be exposed as asked; empty: it can.
	Exposure string
}

// MayStart says whether the instance's StatefulSet may be made; the verdict is for
// Running and says what is waited for.
func MayStart(s *Start) (bool, verdict.Verdict) {
	wait := func(reason, format string, args ...any) (bool, verdict.Verdict) {
		return false, verdict.False(v1alpha1.ValidatorRunning, reason, fmt.Sprintf(format, args...))
	}
	switch {
	case s.Image == "":
		return wait("ImageMissing", "no image is named: set spec.image")
	case !s.Volumes:
		return wait(v1alpha1.ReasonWaiting, "waits for its volumes: see VolumesReady")
	case !s.Identified:
		return wait(v1alpha1.ReasonWaiting, "waits for its identity: see Identified")
	case s.Genesis == "":
		return wait(v1alpha1.ReasonWaiting, "waits for the genesis of the chain")
	case !s.ClaimsOff && (s.Claim == nil || !s.Claim.OK()):
		reason, message := v1alpha1.ReasonWaiting, "waits for the claim on its key"
		if s.Claim != nil && s.Claim.Reason == v1alpha1.ReasonKeyClaimedElsewhere {
			reason, message = s.Claim.Reason, s.Claim.Message
		}
		return wait(reason, "%s", message)
	case s.Exposure != "":
		return wait(v1alpha1.ReasonWaiting, "%s", s.Exposure)
	case !s.Budget:
		return wait(v1alpha1.ReasonWaiting, "waits for its PodDisruptionBudget, which is made before its first pod")
	}
	return true, verdict.Unknown(v1alpha1.ValidatorRunning, v1alpha1.ReasonWaiting, "its pod is being made")
}

// Superseded is what was read of an instance that stands in no set any more.
type Superseded struct {
	Stopped bool // its StatefulSet has no pod already
	// Answers: its node answered. Identity is the one that it has now, WhyNot why it
	// does not sign.
	Answers  bool
	Identity v1alpha1.Ed25519Key
	WhyNot   string
	Recorded v1alpha1.Ed25519Key
}

// keysDeleted is what a node says once it has deleted its keys.
const keysDeleted = "superseded and its keys deleted"

// Stop says whether a superseded instance has done what it must and gets no pod any
// more; its volumes stay. Until then it runs: only its own process can delete its key.
// // rule: key-deleted
func (s *Superseded) Stop() bool {
	switch {
	case s.Stopped:
		return true
	case !s.Answers:
		return false
	case s.Identity != s.Recorded:
		return true // restarted since: the old identity was set aside
	}
	return contains(s.WhyNot, keysDeleted)
}
