package network

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apply"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
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
	if err := p.taken(ctx, name, live, there); err != nil {
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

// taken ends the reconcile where an object that the network needs is somebody else's: it
// is not written over. The cache knows labelled ones only.
func (p *pass) taken(ctx context.Context, name string, live client.Object, there bool) error {
	if !there {
		live = live.DeepCopyObject().(client.Object)
		err := p.Reader.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: name}, live)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for %T %s: %w", live, name, err)
		}
	}
	err := apply.Taken(live, p.network.UID, v1alpha1.LabelNetwork, p.network.Name)
	if err == nil {
		return nil
	}
	p.wake(later)
	p.say(verdict.False(v1alpha1.NetworkReady, v1alpha1.ReasonNameTaken, err.Error()))
	return errDone
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
	return p.network.Spec.FullNodes.Count() > 0
}
