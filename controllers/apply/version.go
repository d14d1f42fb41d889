package apply

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Version is the version at which a status may be written that was decided from a reading
// of a Validator: that of a newer reading if nothing is different in it but conditions of
// the types that nobody decided from (unread), else the reading's own, which the API server
// then refuses. Four controllers write one status: without this, passes would be thrown
// away for a word of the others that says nothing to them.
func Version(ctx context.Context, r client.Reader, read *v1alpha1.Validator, unread ...string) (string, error) {
	var now v1alpha1.Validator
	err := r.Get(ctx, client.ObjectKeyFromObject(read), &now)
	switch {
	case apierrors.IsNotFound(err):
		return read.ResourceVersion, nil
	case err != nil:
		return "", fmt.Errorf("read Validator %s again: %w", read.Name, err)
	case equality.Semantic.DeepEqual(but(read, unread), but(&now, unread)):
		return now.ResourceVersion, nil
	}
	return read.ResourceVersion, nil
}

// but is a Validator without conditions of some types, its version, and who owns what.
func but(v *v1alpha1.Validator, unread []string) *v1alpha1.Validator {
	out := v.DeepCopy()
	out.TypeMeta, out.ResourceVersion, out.ManagedFields = metav1.TypeMeta{}, "", nil
	out.Status.Conditions = slices.DeleteFunc(out.Status.Conditions, func(c metav1.Condition) bool { return slices.Contains(unread, c.Type) })
	return out
}
