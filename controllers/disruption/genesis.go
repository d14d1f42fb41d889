package disruption

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// holdsOldGenesis says whether a pod's node ends again and again, and may do so because
// of a genesis document that is no more: a kubelet reads an immutable ConfigMap once for
// a pod, and this one was made again since, with the network's document in it. Only
// another pod sees that. The pod asks for a token like any other that is restarted; it
// votes as little as before, so it costs the budget nothing. // rule: one-gate
func (p *pass) holdsOldGenesis(ctx context.Context, pod *corev1.Pod) bool {
	want := p.network.Status.Genesis
	if want == nil || pod.DeletionTimestamp != nil || !endsAgain(pod) {
		return false
	}
	key := client.ObjectKey{Namespace: pod.Namespace, Name: want.ConfigMap}
	if made, err := p.made(ctx, key); err != nil || made.Before(&pod.CreationTimestamp) {
		return false // who cannot be asked tells nothing: the next pass asks again
	}
	var m corev1.ConfigMap
	if err := p.Reader.Get(ctx, key, &m); err != nil || m.CreationTimestamp.Before(&pod.CreationTimestamp) {
		return false
	}
	g, err := genesis.Parse([]byte(m.Data[build.GenesisKey]))
	return err == nil && g.Hash().String() == string(want.Hash)
}

// made is when a ConfigMap was made, without its data: a pod ends again and again for
// many reasons, and the document has up to a megabyte. A given one is not in the cache.
func (p *pass) made(ctx context.Context, key client.ObjectKey) (metav1.Time, error) {
	var m corev1.ConfigMap
	err := p.Get(ctx, key, &m)
	if !apierrors.IsNotFound(err) {
		return m.CreationTimestamp, err
	}
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	err = p.Reader.Get(ctx, key, meta)
	return meta.CreationTimestamp, err
}

// endsAgain says whether a pod's node has ended by itself with an error, more than once,
// and has not been ready since.
func endsAgain(pod *corev1.Pod) bool {
	for i := range pod.Status.ContainerStatuses {
		s := &pod.Status.ContainerStatuses[i]
		if s.Name != build.Container {
			continue
		}
		last := s.LastTerminationState.Terminated
		return !s.Ready && s.RestartCount > 0 && last != nil && last.ExitCode != 0
	}
	return false
}
