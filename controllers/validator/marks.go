package validator

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
)

// AnnotationSignerAccess on a Validator chooses the access mode of its signer volumes,
// ReadWriteOnce or ReadWriteOncePod, where the operator's own choice is wrong.
const AnnotationSignerAccess = "bedrock.dev/signer-access-mode"

// readMarks are the UIDs of the signer's claim and of the cluster. // rule: identity-born
func (s *scope) readMarks(ctx context.Context, in *instance) error {
	if in.signer == nil || in.entry.SignerClaimUID != string(in.signer.UID) {
		return nil
	}
	kept := build.ClusterMark(in.signer.Annotations[build.AnnotationClusterMark])
	_, uid, err := s.r.clusterMark(ctx, s.validator.Namespace, kept, in.entry.SignerClaimUID)
	if err != nil {
		return err
	}
	in.marks = []string{in.entry.SignerClaimUID, uid}
	return nil
}

// clusterMark is the UID that stands for the cluster. The claim keeps which one it is:
// rights that come or go later must not make a volume foreign. The claim's UID (empty:
// not made yet) stands for its namespace's, which it never outlives.
func (r *Reconciler) clusterMark(ctx context.Context, namespace string, kept build.ClusterMark, claim string) (build.ClusterMark, string, error) {
	if kept != build.MarkNamespace {
		uid, err := r.readClusterUID(ctx)
		if err == nil {
			return build.MarkCluster, uid, nil
		}
		if kept == build.MarkCluster || !apierrors.IsForbidden(err) {
			return "", "", fmt.Errorf("read the UID of namespace kube-system, which the signer volume is marked with: %w", err)
		}
	}
	r.mu.Lock()
	uid := r.namespaces[claim]
	r.mu.Unlock()
	if claim != "" && uid != "" {
		return build.MarkNamespace, uid, nil
	}
	ns := namespaceOnly(namespace)
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(ns), ns); err != nil {
		return "", "", fmt.Errorf("read the UID of namespace %s, which stands for the cluster: grant get on it: %w", namespace, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.namespaces) >= maxAnswers {
		clear(r.namespaces)
	}
	r.namespaces[claim] = string(ns.UID)
	return build.MarkNamespace, string(ns.UID), nil
}

func (r *Reconciler) readClusterUID(ctx context.Context) (string, error) {
	r.mu.Lock()
	uid := r.clusterUID
	r.mu.Unlock()
	if uid != "" {
		return uid, nil
	}
	ns := namespaceOnly(metav1.NamespaceSystem)
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(ns), ns); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clusterUID = string(ns.UID)
	return r.clusterUID, nil
}

func namespaceOnly(name string) *metav1.PartialObjectMetadata {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	ns.Name = name
	return ns
}

// signerAccess is ReadWriteOncePod where the volume's driver is known to be a CSI
// driver, which alone can hold a volume to one pod. Where nobody may look it is
// ReadWriteOnce: the node's own lock holds. // rule: own-pvcs, exclusive-volume
func (r *Reconciler) signerAccess(ctx context.Context, v *v1alpha1.Validator) build.AccessMode {
	switch mode := build.AccessMode(v.Annotations[AnnotationSignerAccess]); mode {
	case build.ReadWriteOnce, build.ReadWriteOncePod:
		return mode
	}
	provisioner := r.provisioner(ctx, v.Spec.Storage.Signer.StorageClassName)
	if provisioner == "" {
		return build.ReadWriteOnce
	}
	var driver storagev1.CSIDriver
	if err := r.live.Get(ctx, client.ObjectKey{Name: provisioner}, &driver); err != nil {
		return build.ReadWriteOnce
	}
	return build.ReadWriteOncePod
}

// provisioner is that of a StorageClass, or of the default one; empty: unknown.
func (r *Reconciler) provisioner(ctx context.Context, name *string) string {
	if name != nil {
		var class storagev1.StorageClass
		if err := r.live.Get(ctx, client.ObjectKey{Name: *name}, &class); err != nil {
			return ""
		}
		return class.Provisioner
	}
	var classes storagev1.StorageClassList
	if err := r.live.List(ctx, &classes); err != nil {
		return ""
	}
	if class := defaultClass(&classes); class != nil {
		return class.Provisioner
	}
	return ""
}
