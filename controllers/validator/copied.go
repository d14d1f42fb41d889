package validator

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
)

// dropCopied deletes a StatefulSet whose node would be told the marks of another volume
// than its claim's, and than the one on record: a backup was restored with it. Under such
// marks a copied volume looks like its original, so it goes before anything else is done,
// without a token: it never signed for this Validator. One of the volume on record is left
// alone, whatever became of the claim: its process has that volume still.
// // rule: volume-foreign
func (s *scope) dropCopied(ctx context.Context, in *instance) error {
	if in.set == nil || in.signer == nil || in.set.DeletionTimestamp != nil {
		return nil
	}
	told := plan.ToldMark(&in.set.Spec.Template)
	if told == "" || told == string(in.signer.UID) || told == in.entry.SignerClaimUID {
		return nil
	}
	s.log.Warn("deletes a StatefulSet that was made for another volume", "rule", "volume-foreign",
		"statefulset", in.set.Name, "uid", in.set.UID, "mark", told, "claim", in.signer.Name, "claim_uid", in.signer.UID)
	err := faults.Do(ctx, "validator/delete-copied", func() error {
		return client.IgnoreNotFound(s.r.Delete(ctx, in.set, client.Preconditions{UID: &in.set.UID}, client.PropagationPolicy("Background")))
	})
	if err != nil {
		return fmt.Errorf("delete StatefulSet %s, made for another volume: %w", in.set.Name, err)
	}
	in.set, in.pod = nil, nil
	return nil
}
