package validator

import (
	"context"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// slowJobs is an API server that takes its time for one network's Jobs.
type slowJobs struct {
	client.Reader
	network       string
	asked, answer chan struct{}
}

func (s *slowJobs) List(ctx context.Context, l client.ObjectList, opts ...client.ListOption) error {
	o := client.ListOptions{}
	o.ApplyOptions(opts)
	if _, ok := l.(*batchv1.JobList); ok && o.LabelSelector != nil && o.LabelSelector.String() == v1alpha1.LabelNetwork+"="+s.network {
		s.asked <- struct{}{}
		<-s.answer
	}
	return s.Reader.List(ctx, l, opts...)
}

// placingLimit bounds what must not wait for anything.
const placingLimit = time.Minute

func (w *world) soon(what string, c <-chan struct{}) {
	w.t.Helper()
	select {
	case <-c:
	case <-time.After(placingLimit):
		w.t.Fatalf("waited %s for %s", placingLimit, what)
	}
}

// While one identity Job of a network is being placed no other one of it is, and Jobs of
// other networks are: a thousand Validators do not queue for one lock.
func TestNetworksDoNotWaitForEachOthersPlacing(t *testing.T) {
	w := newWorld(t)
	w.network()
	w.network(func(n *v1alpha1.BedrockNetwork) { n.Name, n.Spec.ChainID = "other", "other-chain" })
	w.validator(0)
	w.validator(1)
	w.validator(2, func(v *v1alpha1.Validator) { v.Name, v.Spec.Chain.Network = "other-0", "other" })
	turn := func(name string) {
		if err := w.reconcileOnce(t.Context(), name); err != nil {
			t.Errorf("reconcile %s: %v", name, err)
		}
	}
	for _, name := range []string{"net-0", "net-1", "other-0"} {
		turn(name) // the claims are made and recorded
	}
	slow := &slowJobs{Reader: w.c, network: "net", asked: make(chan struct{}, 8), answer: make(chan struct{})}
	w.r.live = slow
	first, others := make(chan struct{}), make(chan struct{})
	go func() { defer close(first); turn("net-0") }()
	w.soon("the placing of net-0 to begin", slow.asked)
	go func() { defer close(others); turn("net-1"); turn("other-0") }()
	w.soon("net-1 and other-0, while net-0 is being placed", others)
	if w.get(&batchv1.Job{}, names.IdentityJob("net-1", 1)) {
		t.Error("two Jobs of one network are placed at once")
	}
	w.must(&batchv1.Job{}, names.IdentityJob("other-0", 1))
	close(slow.answer)
	w.soon("the placing of net-0 to end", first)
	w.must(&batchv1.Job{}, names.IdentityJob("net-0", 1))
}
