package validator

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// volumes makes, records and enlarges the claims. // rule: own-pvcs
func (s *scope) volumes(ctx context.Context) error {
	if !s.facts.known {
		return nil
	}
	for _, in := range s.instances {
		if err := s.dropCopied(ctx, in); err != nil {
			return err
		}
		if err := s.readMarks(ctx, in); err != nil {
			return err
		}
		if in.entry.Role == v1alpha1.InstanceSuperseded {
			in.sound = true // it is kept as it is
			continue
		}
		signer, err := s.claim(ctx, in, true)
		if err != nil {
			return err
		}
		other, err := s.claim(ctx, in, false)
		if err != nil {
			return err
		}
		s.note(in, plan.Worse(signer.verdict, other.verdict))
		s.note(in, plan.Sized(signer.small, other.small))
		in.lost = signer.lost
		in.sound = signer.runs && other.runs
	}
	return nil
}

// claimed is what became of one claim.
type claimed struct {
	verdict verdict.Verdict
	runs    bool // its recorded UID is there
	lost    bool
	small   string // why it is not as large as the spec says; empty: it is
}

func (s *scope) claim(ctx context.Context, in *instance, signer bool) (claimed, error) {
	v, err := s.volume(ctx, in, signer)
	if err != nil {
		return claimed{}, err
	}
	step, what := plan.Claim(v)
	if step == plan.Create {
		// The cache knows labelled claims only, and may be late.
		if v.Live, err = s.r.readClaim(ctx, s.validator.Namespace, v.Name); err != nil {
			return claimed{}, err
		}
		step, what = plan.Claim(v)
	}
	switch step {
	case plan.Create:
		made, err := s.create(ctx, in, signer)
		if err != nil {
			return claimed{verdict: what}, err
		}
		return s.record(in, signer, made), nil
	case plan.Adopt:
		if err := s.adopt(ctx, in, v.Live, signer); err != nil {
			return claimed{verdict: what}, err
		}
		return s.record(in, signer, v.Live), nil
	case plan.Grow:
		why, err := s.grow(ctx, v)
		return claimed{verdict: what, runs: err == nil, small: why}, err
	case plan.Keep:
		return claimed{verdict: what, runs: true}, nil
	}
	return claimed{verdict: what, lost: v.Lost()}, nil
}

// volume is what plan.Claim decides from.
func (s *scope) volume(ctx context.Context, in *instance, signer bool) (*plan.Volume, error) {
	v := &plan.Volume{Signer: signer, Validator: s.validator.Name, ChainID: s.facts.chainID, Identified: in.entry.Identity != ""}
	spec := &s.validator.Spec.Storage.Chain
	v.Name, v.Recorded, v.Live = names.ChainClaim(v.Validator, in.entry.Number), in.entry.ChainClaimUID, in.chain
	if signer {
		spec = &s.validator.Spec.Storage.Signer
		v.Name, v.Recorded, v.Live = names.SignerClaim(v.Validator, in.entry.Number), in.entry.SignerClaimUID, in.signer
		var err error
		if v.Genesis, err = s.genesisSays(ctx, in); err != nil {
			return nil, err
		}
	}
	v.Size = spec.Size
	if v.Live != nil && v.Live.Status.Phase == corev1.ClaimPending {
		v.Class = s.r.classProblem(ctx, spec.StorageClassName)
	}
	return v, nil
}

// genesisSays looks whether a genesis names an identity for this Validator's first
// instance. A network that was made again has to read its genesis first. // rule: ceremony
func (s *scope) genesisSays(ctx context.Context, in *instance) (plan.GenesisSays, error) {
	if s.network == nil || in.entry.Number != 1 || s.network.Spec.Genesis.Type == v1alpha1.GenesisGiven {
		return plan.GenesisSilent, nil
	}
	for _, record := range s.network.Status.Records {
		if string(record.Validator) == s.validator.Name {
			return plan.GenesisNames, nil
		}
	}
	if len(s.network.Status.Records) > 0 || in.signer != nil {
		return plan.GenesisSilent, nil
	}
	if s.network.Status.Genesis != nil {
		return plan.GenesisUnread, nil
	}
	var documents corev1.ConfigMapList
	err := s.r.List(ctx, &documents, client.InNamespace(s.validator.Namespace), client.MatchingLabels{
		v1alpha1.LabelNetwork: s.network.Name, v1alpha1.LabelComponent: v1alpha1.ComponentGenesis})
	if err != nil {
		return 0, fmt.Errorf("look for a genesis of network %s: %w", s.network.Name, err)
	}
	if len(documents.Items) > 0 {
		return plan.GenesisUnread, nil
	}
	return plan.GenesisSilent, nil
}

// record writes a claim's UID into the instance's entry; the status is patched at the
// reconcile's end, and nothing uses the claim before.
func (s *scope) record(in *instance, signer bool, live *corev1.PersistentVolumeClaim) claimed {
	if signer {
		in.signer, in.entry.SignerClaimUID = live, string(live.UID)
	} else {
		in.chain, in.entry.ChainClaimUID = live, string(live.UID)
	}
	return claimed{verdict: verdict.False(v1alpha1.ValidatorVolumesReady, v1alpha1.ReasonWaiting, live.Name+" is there; its UID is being recorded")}
}

// create makes a claim.
func (s *scope) create(ctx context.Context, in *instance, signer bool) (*corev1.PersistentVolumeClaim, error) {
	b := s.inputs(in)
	want := build.ChainClaim(b)
	if signer {
		var err error
		if b.ClusterMark, _, err = s.r.clusterMark(ctx, b.Namespace, "", ""); err != nil {
			return nil, err
		}
		b.SignerAccess = s.r.signerAccess(ctx, &s.validator)
		want = build.SignerClaim(b)
	}
	err := faults.Do(ctx, "validator/create-claim", func() error { return s.r.Create(ctx, want, client.FieldOwner(Manager)) })
	if err != nil {
		return nil, fmt.Errorf("make claim %s: %w", want.Name, err)
	}
	s.log.Info("made a volume claim", "claim", want.Name, "uid", want.UID)
	return want, nil
}

// readClaim reads a claim past the cache; nil: there is none.
func (r *Reconciler) readClaim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	var claim corev1.PersistentVolumeClaim
	err := r.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &claim)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read claim %s: %w", name, err)
	}
	return &claim, nil
}

// adopt writes this Validator as the maker of a claim that is taken up.
func (s *scope) adopt(ctx context.Context, in *instance, live *corev1.PersistentVolumeClaim, signer bool) error {
	notes := map[string]string{v1alpha1.AnnotationOwnerUID: string(s.validator.UID), build.AnnotationChainID: s.facts.chainID}
	if signer && live.Annotations[build.AnnotationClusterMark] == "" {
		mark, _, err := s.r.clusterMark(ctx, live.Namespace, "", "")
		if err != nil {
			return err
		}
		notes[build.AnnotationClusterMark] = string(mark)
	}
	labels := s.inputs(in).Labels(v1alpha1.ComponentValidator)
	if holds(live.Annotations, notes) && holds(live.Labels, labels) {
		return nil
	}
	s.log.Info("takes up a volume claim", "claim", live.Name, "uid", live.UID, "instance", in.entry.Number)
	return s.r.patchClaim(ctx, "validator/adopt-claim", live, map[string]any{"metadata": map[string]any{
		"annotations": notes, "labels": labels, "uid": live.UID, "resourceVersion": live.ResourceVersion,
	}})
}

func holds(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

// grow asks for more room; a refusal is told, and tried again after a while.
func (s *scope) grow(ctx context.Context, v *plan.Volume) (string, error) {
	return s.r.once(fmt.Sprintf("grow %s to %s", v.Live.UID, v.Size.String()), func() (string, error) {
		err := s.r.patchClaim(ctx, "validator/grow-claim", v.Live, map[string]any{
			"metadata": map[string]any{"uid": v.Live.UID},
			"spec":     map[string]any{"resources": map[string]any{"requests": map[string]string{"storage": v.Size.String()}}},
		})
		if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
			return fmt.Sprintf("%s cannot grow to %s: %v. The node runs on with the room that it has; allow it in the StorageClass (allowVolumeExpansion: true), and it is tried again every minute", v.Name, v.Size.String(), err), nil
		}
		return "", err
	})
}

func (r *Reconciler) patchClaim(ctx context.Context, point string, live *corev1.PersistentVolumeClaim, patch map[string]any) error {
	raw, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("patch claim %s: %w", live.Name, err)
	}
	copied := live.DeepCopy()
	return faults.Do(ctx, point, func() error {
		return r.Patch(ctx, copied, client.RawPatch(types.MergePatchType, raw), client.FieldOwner(Manager))
	})
}

// classProblem is why a StorageClass gives no volume; empty: none is known. Where the
// operator may not look, the claim's events say it.
func (r *Reconciler) classProblem(ctx context.Context, name *string) string {
	key := "class of claims without one"
	if name != nil {
		key = "class " + *name
	}
	text, err := r.once(key, func() (string, error) {
		if name != nil {
			var class storagev1.StorageClass
			if err := r.live.Get(ctx, client.ObjectKey{Name: *name}, &class); apierrors.IsNotFound(err) {
				return fmt.Sprintf("there is no StorageClass %q: make it, or delete this Validator and name another one", *name), nil
			}
			return "", nil
		}
		var classes storagev1.StorageClassList
		if err := r.live.List(ctx, &classes); err != nil || defaultClass(&classes) != nil {
			return "", nil
		}
		return "the cluster has no default StorageClass: name one in storage, or mark one as the default", nil
	})
	if err != nil {
		return ""
	}
	return text
}

func defaultClass(classes *storagev1.StorageClassList) *storagev1.StorageClass {
	for i := range classes.Items {
		if classes.Items[i].Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			return &classes.Items[i]
		}
	}
	return nil
}
