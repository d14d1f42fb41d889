package disruption

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NodesReadable asks the API server whether the operator may watch nodes: the role is
// optional, and without it DrainsNotSeen is said. // rule: token-request
func NodesReadable(ctx context.Context, c client.Client) (bool, error) {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "watch", Resource: "nodes"},
	}}
	if err := c.Create(ctx, review); err != nil {
		return false, fmt.Errorf("ask whether nodes may be read: %w", err)
	}
	return review.Status.Allowed, nil
}
