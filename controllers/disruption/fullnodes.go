package disruption

import (
	"context"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/podtrouble"
)

// fullNodesWait says what full nodes lack of what validators are to get: they go first.
// The network is read once more, after the templates were: a validator's is never newer
// than what full nodes are compared with.
func (p *pass) fullNodesWait(ctx context.Context, sets []appsv1.StatefulSet, pods []corev1.Pod) (string, error) {
	if p.alone != nil {
		return "", nil
	}
	var now v1alpha1.BedrockNetwork
	if err := p.Get(ctx, client.ObjectKeyFromObject(p.network), &now); apierrors.IsNotFound(err) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("read the network again: %w", err)
	}
	if now.Spec.FullNodes.Count() == 0 {
		return "", nil
	}
	name := names.FullNodes(now.Name)
	for i := range sets {
		if sets[i].Name == name {
			return fullNodesLack(&now, &sets[i], pods), nil
		}
	}
	return "full nodes first: StatefulSet " + name + " is not there yet", nil
}

// fullNodesLack compares the full nodes' template with what is recorded, and their pods
// with the template.
func fullNodesLack(n *v1alpha1.BedrockNetwork, s *appsv1.StatefulSet, pods []corev1.Pod) string {
	have := ""
	if c := s.Spec.Template.Spec.Containers; len(c) > 0 {
		have = c[0].Image
	}
	want, next := n.Spec.Image, ""
	if n.Status.Image != nil {
		want = n.Status.Image.Image
	}
	if n.Status.Candidate != nil { // they have it before validators do
		next = n.Status.Candidate.Image
	}
	schema := ""
	if n.Status.DatabaseSchema > 0 {
		schema = strconv.Itoa(int(n.Status.DatabaseSchema))
	}
	replicas := n.Spec.FullNodes.Count()
	switch {
	case have != want && have != next:
		return fmt.Sprintf("full nodes first: StatefulSet %s has image %s, and %s is wanted", s.Name, have, want)
	case s.Spec.Template.Annotations[v1alpha1.AnnotationDatabaseSchema] != schema:
		return fmt.Sprintf("full nodes first: StatefulSet %s is not told yet to migrate to schema %s", s.Name, schema)
	case s.Status.ObservedGeneration >= s.Generation && s.Status.UpdatedReplicas >= replicas && s.Status.ReadyReplicas >= replicas:
		return ""
	}
	wait := fmt.Sprintf("full nodes first: %d of %d of StatefulSet %s run %s and are ready", min(s.Status.UpdatedReplicas, s.Status.ReadyReplicas), replicas, s.Name, have)
	for i := range pods {
		if pods[i].Labels[v1alpha1.LabelComponent] != v1alpha1.ComponentFullNode {
			continue
		}
		if _, why := podtrouble.Of(&pods[i]); why != "" {
			return wait + "; " + pods[i].Name + ": " + why
		}
	}
	return wait
}
