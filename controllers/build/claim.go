package build

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Annotations of volume claims.
const (
	// AnnotationChainID is the chain that the volume holds: another one is refused.
	AnnotationChainID = "bedrock.dev/chain-id"
	// AnnotationClusterMark is the volume's ClusterMark.
	AnnotationClusterMark = "bedrock.dev/cluster-mark"
	// AnnotationVolume is "signer" or "chain".
	AnnotationVolume = "bedrock.dev/volume"
)

// SignerClaim is the claim of the signer volume. It has no owner: garbage collection
// must never take a key. // rule: own-pvcs, no-owner
func SignerClaim(in *Instance) *corev1.PersistentVolumeClaim {
	claim := in.claim(names.SignerClaim(in.Validator, in.Number), "signer", &in.Storage.Signer)
	claim.Annotations[AnnotationClusterMark] = string(in.ClusterMark)
	if in.SignerAccess == ReadWriteOncePod {
		claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}
	}
	return claim
}

// ChainClaim is the claim of the chain volume. // rule: own-pvcs, no-owner
func ChainClaim(in *Instance) *corev1.PersistentVolumeClaim {
	return in.claim(names.ChainClaim(in.Validator, in.Number), "chain", &in.Storage.Chain)
}

func (in *Instance) claim(name, kind string, v *v1alpha1.Volume) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: in.Namespace,
			Labels: in.Labels(v1alpha1.ComponentValidator),
			Annotations: map[string]string{
				v1alpha1.AnnotationOwnerUID: string(in.UID),
				AnnotationChainID:           in.ChainID,
				AnnotationVolume:            kind,
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: v.StorageClassName,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: v.Size},
			},
		},
	}
}
