package disruption

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/chain/chaintest"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/types"
)

// genesisAgain makes the network's genesis ConfigMap again, with a document of that time.
func (g *rig) genesisAgain(timeMs uint64) v1alpha1.Hash {
	g.t.Helper()
	key := func(b byte) []byte {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)).Public().(ed25519.PublicKey)
	}
	document, err := genesis.New(genesis.Document{AppState: []byte("{}"), Block: genesis.Block{MaxBytes: 1 << 20, MaxGas: 1 << 30}, ChainID: "try-it", Engine: 1,
		ExecutorHash: types.Hash{1}, Scheme: "ed25519", TimeMs: timeMs, Timing: genesis.DevnetTiming(),
		Validators: []genesis.Validator{{ConsensusKey: key(1), NetworkKey: key(2), Power: 1}}})
	g.must(err)
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "net-genesis", Namespace: g.ns}}
	g.must(client.IgnoreNotFound(g.c.Delete(g.t.Context(), m)))
	m = &corev1.ConfigMap{ObjectMeta: m.ObjectMeta, Data: map[string]string{build.GenesisKey: string(document.Bytes())}}
	m.ResourceVersion, m.UID = "", ""
	g.must(g.c.Create(g.t.Context(), m))
	return v1alpha1.Hash(document.Hash().String())
}

// crashes has a validator's process end again and again.
func (g *rig) crashes(name string) {
	g.t.Helper()
	g.node(name).Stop()
	pod := g.podOf(name)
	pod.Status.Conditions[0].Status = corev1.ConditionFalse
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: build.Container, RestartCount: 3,
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}}
	g.must(g.c.Status().Update(g.t.Context(), pod))
	g.chain.Advance(9)
}

// A kubelet gives a pod the immutable genesis that it read first, for good: once the
// right document is there again, a pod that was refused with another one is replaced, by
// the one way in which the operator takes pods. rule: one-gate
func TestOneGateAPodWithAnOldGenesisIsReplaced(t *testing.T) {
	g := newRig(t, chaintest.Options{})
	var n v1alpha1.BedrockNetwork
	g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net"}, &n))
	n.Status.Genesis.Hash = g.genesisAgain(1)
	g.must(g.c.Status().Update(t.Context(), &n))
	g.pass()

	g.genesisAgain(2) // another document under the same name
	g.crashes(g.names[1])
	was := map[string]string{}
	for _, name := range g.names {
		was[name] = string(g.podOf(name).UID)
	}
	for range 5 {
		g.pass()
		g.budgetStatus()
	}
	if l := g.ledger(); len(l.Tokens)+len(l.Requests) > 0 || string(g.podOf(g.names[1]).UID) != was[g.names[1]] {
		t.Fatalf("another pod would be refused as well, and %+v", l)
	}
	g.genesisAgain(1)
	g.until("another pod", "bedrock:1", func() bool {
		p := g.podOf(g.names[1])
		return p != nil && string(p.UID) != was[g.names[1]] && len(g.ledger().Tokens) == 0
	})
	for _, name := range g.names {
		if p := g.podOf(name); name != g.names[1] && (p == nil || string(p.UID) != was[name]) {
			t.Errorf("%s runs well, and its pod was taken", name)
		}
	}
}

// counting notes the documents that are read past the cache.
type counting struct {
	client.Client
	documents int
}

func (c *counting) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if m, ok := o.(*corev1.ConfigMap); ok && key.Name == "net-genesis" {
		defer func() { c.documents += len(m.Data) }()
	}
	return c.Client.Get(ctx, key, o, opts...)
}

// hiding is a cache that has no genesis, as of a given one, which has no labels.
type hiding struct{ client.Client }

func (h hiding) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, ok := o.(*corev1.ConfigMap); ok && key.Name == "net-genesis" {
		return apierrors.NewNotFound(corev1.Resource("configmaps"), key.Name)
	}
	return h.Client.Get(ctx, key, o, opts...)
}

// A pod that ends again and again, whatever of, costs no read of the whole document each
// time: only where that was made after the pod is it looked at.
func TestACrashLoopReadsNoDocument(t *testing.T) {
	for name, cached := range map[string]bool{"made by the operator": true, "given": false} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, chaintest.Options{})
			live := &counting{Client: g.c}
			g.r.Reader = live
			if !cached {
				g.r.Client = hiding{g.c}
			}
			var n v1alpha1.BedrockNetwork
			g.must(g.c.Get(t.Context(), client.ObjectKey{Namespace: g.ns, Name: "net"}, &n))
			n.Status.Genesis.Hash = g.genesisAgain(1)
			g.must(g.c.Status().Update(t.Context(), &n))
			g.crashes("net-1")
			p, pod := g.look(), g.podOf("net-1")
			live.documents = 0
			if !p.holdsOldGenesis(t.Context(), pod) || live.documents != 1 {
				t.Errorf("a document that was made after the pod: %d reads", live.documents)
			}
			pod.CreationTimestamp = metav1.NewTime(pod.CreationTimestamp.Add(time.Hour))
			for range 5 {
				if p.holdsOldGenesis(t.Context(), pod) {
					t.Fatal("an older document is held against it")
				}
			}
			if live.documents != 1 {
				t.Errorf("%d documents were read for a pod that is younger", live.documents-1)
			}
		})
	}
}
