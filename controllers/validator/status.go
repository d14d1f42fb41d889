package validator

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	v1alpha1ac "github.com/bedrock-bft/bedrock/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// patchStatus writes what this controller owns of the status, in one request, if it
// changed. It carries the version that was read, or a newer one with nothing else in it
// that is read here: a decision from old reading is refused, and taken anew.
func (s *scope) patchStatus(ctx context.Context) error {
	v := &s.validator
	if held := s.held(); held != nil {
		s.set(*held)
	}
	verdicts := make([]verdict.Verdict, 0, len(kinds))
	for _, kind := range kinds {
		if have, ok := s.verdicts[kind]; ok {
			verdicts = append(verdicts, have)
		}
	}
	status := v1alpha1ac.ValidatorStatus().
		WithObservedGeneration(v.Generation).
		WithConditions(verdict.Conditions(v.Status.Conditions, v.Generation, s.r.now(), verdicts...)...)
	if s.chainName != "" {
		status.WithChainName(s.chainName)
	}
	for _, in := range s.instances {
		status.WithInstances(s.entryOf(in))
	}
	want := v1alpha1ac.Validator(v.Name, v.Namespace).WithStatus(status)
	owned, err := v1alpha1ac.ExtractValidatorStatus(v, Manager)
	if err != nil {
		return fmt.Errorf("read what is owned of the status: %w", err)
	}
	if same, err := apply.Same(want, owned); same || err != nil {
		return err
	}
	version, err := apply.Version(ctx, s.r, v, v1alpha1.ValidatorMissing, v1alpha1.ValidatorDisruption, v1alpha1.ValidatorTakeover)
	if err != nil {
		return err
	}
	want.WithResourceVersion(version)
	err = faults.Do(ctx, "validator/patch-status", func() error {
		err := s.r.Status().Apply(ctx, want, client.FieldOwner(Manager), client.ForceOwnership)
		return client.IgnoreNotFound(err) // deleted meanwhile
	})
	if err != nil {
		return fmt.Errorf("patch the status: %w", err)
	}
	return nil
}

// entryOf is what this controller owns of an instance's entry. The first instance's
// role is its own until the takeover controller gives another.
func (s *scope) entryOf(in *instance) *v1alpha1ac.InstanceApplyConfiguration {
	e := &in.entry
	out := v1alpha1ac.Instance().WithNumber(e.Number)
	if e.Number == 1 && e.Role == v1alpha1.InstanceActive {
		out.WithRole(e.Role)
	}
	if e.SignerClaimUID != "" {
		out.WithSignerClaimUID(e.SignerClaimUID)
	}
	if e.ChainClaimUID != "" {
		out.WithChainClaimUID(e.ChainClaimUID)
	}
	if e.Identity != "" {
		out.WithIdentity(e.Identity).WithConsensusKey(e.ConsensusKey)
	}
	if e.Possession != "" {
		out.WithPossession(e.Possession)
	}
	if e.VolumeID != "" {
		out.WithVolumeID(e.VolumeID)
	}
	if e.DatabaseSchema > 0 {
		out.WithDatabaseSchema(e.DatabaseSchema).WithNewestSchema(e.NewestSchema)
	}
	return out
}
