package network

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// services makes what clients use: full nodes, and NAME-rpc in front of them, or of
// the validators where there are none.
func (p *pass) services(ctx context.Context) error {
	if err := p.fullNodes(ctx); err != nil {
		return err
	}
	component := v1alpha1.ComponentValidator
	if p.wantsFullNodes() {
		component = v1alpha1.ComponentFullNode
	}
	name := names.RPCService(p.network.Name)
	want := corev1ac.Service(name, p.network.Namespace).
		WithLabels(p.labels("rpc")).
		WithOwnerReferences(p.owner()).
		WithSpec(corev1ac.ServiceSpec().
			WithType(corev1.ServiceTypeClusterIP).
			WithSelector(map[string]string{v1alpha1.LabelNetwork: p.network.Name, v1alpha1.LabelComponent: component}).
			WithPorts(corev1ac.ServicePort().WithName("rpc").WithPort(names.PortRPC).WithProtocol(corev1.ProtocolTCP).
				WithTargetPort(intstr.FromInt32(names.PortRPC))))
	return applied(ctx, p, "network/apply-rpc", name, &corev1.Service{}, want, corev1ac.ExtractService)
}

// applied applies an object if something of it would change.
func applied[O client.Object, A runtime.ApplyConfiguration](ctx context.Context, p *pass, point, name string, live O, want A, extract func(O, string) (A, error)) error {
	var owned A
	there, err := p.there(ctx, name, live)
	if err != nil {
		return err
	}
	if there {
		if owned, err = extract(live, Manager); err != nil {
			return fmt.Errorf("read %T %s: %w", live, name, err)
		}
		if same, err := apply.Same(want, owned); err != nil || same {
			return err
		}
	}
	return faults.Do(ctx, point, func() error {
		_, err := apply.Object(ctx, p.Client, Manager, want, owned)
		return err
	})
}

// there reads one of the network's objects.
func (p *pass) there(ctx context.Context, name string, into client.Object) (bool, error) {
	err := p.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: name}, into)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %T %s: %w", into, name, err)
	}
	return true, nil
}

func (p *pass) wantsFullNodes() bool {
	return p.network.Spec.FullNodes != nil && p.network.Spec.FullNodes.Replicas > 0
}

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
		if !there {
			return nil
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
	if err := applied(ctx, p, "network/apply-full-service", name, &corev1.Service{}, build.FullNodeService(f), corev1ac.ExtractService); err != nil {
		return err
	}
	return p.applyFullNodes(ctx, f, &live, there)
}

// applyFullNodes leaves the template of volumes out of the comparison: the API server
// completes it, and it cannot change.
func (p *pass) applyFullNodes(ctx context.Context, f *build.FullNodes, live *appsv1.StatefulSet, there bool) error {
	want := build.FullNodeStatefulSet(f)
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
		Image: p.network.Spec.Image, Spec: *p.network.Spec.FullNodes.DeepCopy(), Delete: p.network.Spec.DeletionPolicy == v1alpha1.DeletionDelete,
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

// image is what validators are to run: the spec's, once the full nodes run it. Until
// then each keeps the one that it has, so that a bad image stops at the full nodes.
func (p *pass) image(ctx context.Context, live *v1alpha1.Validator) (string, error) {
	if live == nil || live.Spec.Image == "" || live.Spec.Image == p.network.Spec.Image || !p.wantsFullNodes() {
		return p.network.Spec.Image, nil
	}
	var s appsv1.StatefulSet
	there, err := p.there(ctx, names.FullNodes(p.network.Name), &s)
	if err != nil {
		return "", err
	}
	if there && runs(&s, p.network.Spec.Image) {
		return p.network.Spec.Image, nil
	}
	p.wake(soon)
	return live.Spec.Image, nil
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
