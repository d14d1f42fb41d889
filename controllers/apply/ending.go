package apply

import (
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// NamespaceEnds says whether an error is the API server's refusal to make anything in a
// namespace that is being deleted: nothing failed, and trying again brings nothing.
func NamespaceEnds(err error) bool {
	return err != nil && apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}
