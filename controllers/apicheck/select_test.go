package apicheck_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
)

// The Validators of one network are had without reading all of the namespace, from the
// API server and from a cache alike; those of foreign chains are of none.
func TestValidatorsAreSelectedByTheirNetwork(t *testing.T) {
	c := api.Client(t, v1alpha1.AddToScheme)
	ns, elsewhere := api.Namespace(t), api.Namespace(t)
	for _, v := range []struct{ namespace, name, network, base string }{
		{ns, "a-0", "a", validator}, {ns, "a-1", "a", validator}, {ns, "b-0", "b", validator}, {ns, "guest", "", foreign}, {elsewhere, "a-2", "a", validator},
	} {
		o := object(t, v.namespace, v.base)
		o.SetName(v.name)
		if v.network != "" {
			o.Object["spec"] = map[string]any{"chain": map[string]any{"type": "Network", "network": v.network}}
		}
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	cached, err := cache.New(api.Config, cache.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.IndexValidators(t.Context(), cached); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- cached.Start(ctx) }()
	if !cached.WaitForCacheSync(ctx) {
		t.Fatal("the cache does not come up")
	}
	for name, r := range map[string]client.Reader{"the API server": c, "a cache": cached} {
		for network, want := range map[string][]string{"a": {"a-0", "a-1"}, "b": {"b-0"}, "": {"guest"}, "none": nil} {
			list, err := fleet.Validators(t.Context(), r, ns, network)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got []string
			for i := range list {
				got = append(got, list[i].Name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, network %q (-want +got):\n%s", name, network, diff)
			}
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
