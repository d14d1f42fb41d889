package network

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// services makes what clients use: NAME-rpc, in front of the full nodes, or of the
// validators where there are none.
func (p *pass) services(ctx context.Context) error {
	return p.rpcService(ctx)
}

func (p *pass) rpcService(ctx context.Context) error {
	component := v1alpha1.ComponentValidator
	if f := p.network.Spec.FullNodes; f != nil && f.Replicas > 0 {
		component = v1alpha1.ComponentFullNode
	}
	name := names.RPCService(p.network.Name)
	want := corev1ac.Service(name, p.network.Namespace).
		WithLabels(p.labels("rpc")).
		WithOwnerReferences(p.owner()).
		WithSpec(corev1ac.ServiceSpec().
			WithType(corev1.ServiceTypeClusterIP).
			WithSelector(p.labels(component)).
			WithPorts(corev1ac.ServicePort().WithName("rpc").WithPort(names.PortRPC).WithProtocol(corev1.ProtocolTCP).
				WithTargetPort(intstr.FromInt32(names.PortRPC))))
	var live corev1.Service
	err := p.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: name}, &live)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("read Service %s: %w", name, err)
	}
	var owned *corev1ac.ServiceApplyConfiguration
	if err == nil {
		if owned, err = corev1ac.ExtractService(&live, Manager); err != nil {
			return fmt.Errorf("read Service %s: %w", name, err)
		}
		if same, err := apply.Same(want, owned); err != nil || same {
			return err
		}
	}
	return faults.Do(ctx, "network/apply-rpc", func() error {
		_, err := apply.Object(ctx, p.Client, Manager, want, owned)
		return err
	})
}
