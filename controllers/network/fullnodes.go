package network

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// fullNodes applies the nodes that only follow; without the field, or with none of
// them, their StatefulSet goes or has no pods, and their volumes stay.
func (p *pass) fullNodes(ctx context.Context) error {
	name := names.FullNodes(p.network.Name)
	var live appsv1.StatefulSet
	there, err := p.there(ctx, name, &live)
	if err != nil {
		return err
	}
	if p.network.Spec.FullNodes == nil {
		if err := p.dropFullPolicy(ctx, name); err != nil || !there {
			return err
		}
		return faults.Do(ctx, "network/delete-full-nodes", func() error { return client.IgnoreNotFound(p.Client.Delete(ctx, &live)) })
	}
	f := p.fullNodesOf()
	if there && len(live.Spec.VolumeClaimTemplates) == 1 {
		// The template of volumes cannot change: what is there stays.
		claim := &live.Spec.VolumeClaimTemplates[0]
		f.Spec.Storage = v1alpha1.Volume{Size: claim.Spec.Resources.Requests[corev1.ResourceStorage], StorageClassName: claim.Spec.StorageClassName}
	}
	if err := applied(ctx, p, "network/apply-full-config", name, &corev1.ConfigMap{}, build.FullNodeConfigMap(f), corev1ac.ExtractConfigMap); err != nil {
		return err
	}
	if p.network.Spec.NetworkPolicy == v1alpha1.Disabled {
		err = p.dropFullPolicy(ctx, name)
	} else {
		err = applied(ctx, p, "network/apply-full-policy", name, &networkingv1.NetworkPolicy{}, build.FullNodePolicy(f), networkingv1ac.ExtractNetworkPolicy)
	}
	if err != nil {
		return err
	}
	if err := applied(ctx, p, "network/apply-full-service", name, &corev1.Service{}, build.FullNodeService(f), corev1ac.ExtractService); err != nil {
		return err
	}
	if err := p.growFullNodes(ctx); err != nil {
		return err
	}
	return p.applyFullNodes(ctx, f, &live, there)
}

// dropFullPolicy takes the full nodes' NetworkPolicy away where none is wanted any more;
// one that somebody else made stays.
func (p *pass) dropFullPolicy(ctx context.Context, name string) error {
	var live networkingv1.NetworkPolicy
	there, err := p.there(ctx, name, &live)
	if err != nil || !there || live.DeletionTimestamp != nil || !metav1.IsControlledBy(&live, p.network) {
		return err
	}
	err = faults.Do(ctx, "network/delete-full-policy", func() error {
		return client.IgnoreNotFound(p.Client.Delete(ctx, &live, client.Preconditions{UID: &live.UID}))
	})
	if err != nil {
		return fmt.Errorf("delete NetworkPolicy %s: %w", name, err)
	}
	return nil
}

// growFullNodes asks for more room on claims that are smaller than the spec says; the
// StatefulSet's own template of them cannot change. A refusal stops no node.
// // rule: own-pvcs
func (p *pass) growFullNodes(ctx context.Context) error {
	const kind = v1alpha1.NetworkVolumesSized
	size := p.network.Spec.FullNodes.Storage.Size
	refused := ""
	for i := range p.network.Spec.FullNodes.Count() {
		var claim corev1.PersistentVolumeClaim
		there, err := p.there(ctx, names.FullNodeClaim(p.network.Name, i), &claim)
		if err != nil {
			return err
		}
		if have := claim.Spec.Resources.Requests[corev1.ResourceStorage]; !there || claim.DeletionTimestamp != nil || have.Cmp(size) >= 0 {
			continue
		}
		why := p.facts.get(fmt.Sprintf("grow %s to %s", claim.UID, size.String()), p.now, func() (any, bool) {
			patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"resources":{"requests":{"storage":%q}}}}`, claim.UID, size.String())
			err = faults.Do(ctx, "network/grow-full-claim", func() error {
				return p.Client.Patch(ctx, claim.DeepCopy(), client.RawPatch(types.MergePatchType, patch), client.FieldOwner(Manager))
			})
			if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
				refused := err.Error()
				err = nil
				return refused, false
			}
			return "", false
		}).(string)
		if err != nil {
			return fmt.Errorf("grow claim %s: %w", claim.Name, err)
		}
		if why != "" && refused == "" {
			refused = fmt.Sprintf("%s cannot grow to %s: %s. The node runs on with the room that it has; allow it in the StorageClass (allowVolumeExpansion: true)", claim.Name, size.String(), why)
		}
	}
	if refused != "" {
		p.wake(rememberProblems)
		p.say(verdict.False(kind, "VolumeCannotGrow", refused))
		return nil
	}
	p.say(verdict.True(kind, "AsAsked", "the full nodes' claims ask for the size of the spec"))
	return nil
}

// applyFullNodes leaves the template of volumes out of the comparison: the API server
// completes it, and it cannot change.
func (p *pass) applyFullNodes(ctx context.Context, f *build.FullNodes, live *appsv1.StatefulSet, there bool) error {
	want := build.FullNodeStatefulSet(f)
	if err := p.taken(ctx, names.FullNodes(p.network.Name), live, there); err != nil {
		return err
	}
	if there {
		owned, err := appsv1ac.ExtractStatefulSet(live, Manager)
		if err != nil {
			return fmt.Errorf("read StatefulSet %s: %w", live.Name, err)
		}
		if owned.Spec != nil {
			owned.Spec.VolumeClaimTemplates = nil
		}
		claims := want.Spec.VolumeClaimTemplates
		want.Spec.VolumeClaimTemplates = nil
		same, err := apply.Same(want, owned)
		want.Spec.VolumeClaimTemplates = claims
		if err != nil || same {
			return err
		}
	}
	return faults.Do(ctx, "network/apply-full-nodes", func() error {
		_, err := apply.Object(ctx, p.Client, Manager, want, (*appsv1ac.StatefulSetApplyConfiguration)(nil))
		return err
	})
}

func (p *pass) fullNodesOf() *build.FullNodes {
	f := &build.FullNodes{
		Namespace: p.network.Namespace, Network: p.network.Name, UID: p.network.UID,
		Genesis: p.status.Genesis.Hash, GenesisConfigMap: p.status.Genesis.ConfigMap, Scheme: v1alpha1.SchemeEd25519,
		Image: p.fullNodeImage(), Schema: p.network.Status.DatabaseSchema, Spec: *p.network.Spec.FullNodes.DeepCopy(), Delete: p.network.Spec.DeletionPolicy == v1alpha1.DeletionDelete,
		OperatorNamespace: p.OperatorNamespace,
	}
	if p.chain.Scheme == "bls12381" {
		f.Scheme = v1alpha1.SchemeBLS12381
	}
	for name, v := range p.live {
		for i := range v.Status.Instances {
			in := &v.Status.Instances[i]
			if in.Identity == "" || in.Role == v1alpha1.InstanceSuperseded {
				continue
			}
			f.Peers = append(f.Peers, fmt.Sprintf("%s@%s.%s.svc:%d", in.Identity, names.Instance(name, in.Number), p.network.Namespace, names.PortP2P))
		}
	}
	slices.Sort(f.Peers) // rule: peers-by-name
	return f
}

// runs says whether every full node runs an image and is ready.
func runs(s *appsv1.StatefulSet, image string) bool {
	replicas := int32(1)
	if s.Spec.Replicas != nil {
		replicas = *s.Spec.Replicas
	}
	containers := s.Spec.Template.Spec.Containers
	return len(containers) > 0 && containers[0].Image == image && s.Status.ObservedGeneration >= s.Generation &&
		s.Status.UpdatedReplicas >= replicas && s.Status.ReadyReplicas >= replicas
}
