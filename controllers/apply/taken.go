package apply

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// TakenError says that an object of a name that is needed is somebody else's. It is not
// written over.
type TakenError struct{ Message string }

// Error implements error.
func (e *TakenError) Error() string { return e.Message }

// Taken is a TakenError if a live object is not the owner's: another controls it, or
// nobody does and it has not the labels that the owner gives. of is the one with its name.
func Taken(o client.Object, owner types.UID, of, name string) error {
	c := metav1.GetControllerOf(o)
	l := o.GetLabels()
	what := fmt.Sprintf("%T %s", o, o.GetName())
	switch {
	case c != nil && c.UID == owner:
		return nil
	case l[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy && l[of] == name && (c == nil || c.Name == name):
		return nil // it was orphaned, restored, or is of one of this name before
	case c != nil:
		return &TakenError{fmt.Sprintf("%s belongs to %s %s: delete it, or give one of the two another name", what, c.Kind, c.Name)}
	}
	return &TakenError{fmt.Sprintf("%s exists and is not this operator's: delete it, or give this %s another name", what, name)}
}
