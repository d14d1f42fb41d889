//go:build e2e

package operator

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"
	corev1 "k8s.io/api/core/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// loadEvery is the pace of the load: 20 a second, one after the other.
const loadEvery = 50 * time.Millisecond

// load sends transfers of the payer, without end, to whichever node answers, and holds
// what every node tells of final blocks against what the others tell.
type load struct {
	n      *network
	root   uint64 // the height that the chain of the genesis begins above
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu      sync.Mutex
	known   map[string]string // addresses from remember
	final   int
	at      time.Time // when the last one was final
	longest time.Duration
	told    map[uint64]types.Hash // height -> outcome
	heights map[string]uint64     // pod -> newest height that it told
	wrong   []string
}

// endpoints are the RPC addresses of the network's running pods.
func (n *network) endpoints(ctx context.Context) map[string]string {
	var pods corev1.PodList
	err := n.List(ctx, &pods, kube.InNamespace(n.ns), kube.MatchingLabels{v1alpha1.LabelNetwork: n.name})
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.Status.PodIP == "" || p.Status.Phase != corev1.PodRunning {
			continue
		}
		switch p.Labels[v1alpha1.LabelComponent] {
		case v1alpha1.ComponentValidator, v1alpha1.ComponentFullNode:
			out[p.Name] = fmt.Sprintf("http://%s:%d", p.Status.PodIP, names.PortRPC)
		}
	}
	return out
}

// remember keeps the addresses of now for the time when the API server is away.
func (l *load) remember() {
	known := l.n.endpoints(l.n.Context())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = known
}

// forget goes back to the addresses of now.
func (l *load) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = nil
}

// addresses are the pods' of now, or those remembered.
func (l *load) addresses(ctx context.Context) map[string]string {
	l.mu.Lock()
	known := l.known
	l.mu.Unlock()
	if known != nil {
		return known
	}
	return l.n.endpoints(ctx)
}

// signing asks a pod's node whether it signs.
func (l *load) signing(pod string) (bool, string) {
	ctx, cancel := context.WithTimeout(l.n.Context(), 5*time.Second)
	defer cancel()
	address := l.addresses(ctx)[pod]
	rpc, err := client.Connect(address, nil)
	if err != nil {
		return false, err.Error()
	}
	res, err := rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
	if err != nil {
		return false, err.Error()
	}
	return res.Msg.Signing, res.Msg.NotSigningReason
}

// startLoad begins the load; it is checked and ended with the test.
func (n *network) startLoad() *load {
	n.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{n: n, cancel: cancel, told: map[uint64]types.Hash{}, heights: map[string]uint64{}, at: time.Now()}
	g := n.genesis()
	l.root = g.Root()
	opt := client.Options{Trust: client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}, Timeout: 10 * time.Second}
	l.all.Go(func() { l.send(ctx, g.Hash(), opt) })
	l.all.Go(func() { l.follow(ctx, opt) })
	n.Cleanup(l.stop)
	return l
}

func (l *load) stop() {
	l.n.Helper()
	l.cancel()
	l.all.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n.Logf("%d transfers final, %d heights told, longest pause %.1f s", l.final, len(l.told), l.longest.Seconds())
	if l.final == 0 {
		l.n.Error("no transfer of the load was ever final")
	}
	for _, w := range l.wrong {
		l.n.Error(w)
	}
}

// progress is how many transfers were final until now.
func (l *load) progress() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.final
}

// newest is the highest block that any node told.
func (l *load) newest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out uint64
	for _, h := range l.heights {
		out = max(out, h)
	}
	return out
}

// resetPause begins a new measure of the longest pause between two final transfers.
func (l *load) resetPause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest, l.at = 0, time.Now()
}

// pause is the longest time without a final transfer since resetPause.
func (l *load) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.longest, time.Since(l.at))
}

func (l *load) report(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// send makes one transfer final after the other; whichever node fails to answer is
// left for another.
func (l *load) send(ctx context.Context, chain types.Hash, opt client.Options) {
	tick := time.NewTicker(loadEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		for _, address := range l.addresses(ctx) {
			c, err := client.New(address, opt)
			if err != nil {
				continue
			}
			for err = nil; err == nil && ctx.Err() == nil; {
				err = l.one(ctx, c, chain)
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (l *load) one(ctx context.Context, c *client.Client, chain types.Hash) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	public := l.n.payer.Public().(ed25519.PublicKey)
	res, err := c.RPC().Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: "account/" + ledger.AddressOf(public).String()}))
	if err != nil {
		return err
	}
	account, err := ledger.DecodeAccount(res.Msg.Value)
	if err != nil {
		return err
	}
	op := ledger.Transfer{To: ledger.Address{1}, Amount: ledger.AmountOf(1)}
	tx, err := ledger.Sign(l.n.payer, ledger.Body{
		Genesis: chain, Nonce: account.Nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1,
		ValidUntil: res.Msg.Height + 1000, Operation: op,
	})
	if err != nil {
		return err
	}
	if _, err := c.SubmitFinal(ctx, tx, 4*time.Second); err != nil {
		return err
	}
	l.mu.Lock()
	l.final++
	l.longest = max(l.longest, time.Since(l.at))
	l.at = time.Now()
	l.mu.Unlock()
	return nil
}

// follow listens to every pod that comes up, from its floor on.
func (l *load) follow(ctx context.Context, opt client.Options) {
	var all sync.WaitGroup
	defer all.Wait()
	listening := map[string]bool{}
	var mu sync.Mutex
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		for pod, address := range l.addresses(ctx) {
			mu.Lock()
			begin := !listening[address]
			listening[address] = true
			mu.Unlock()
			if begin {
				all.Go(func() {
					l.listen(ctx, pod, address, opt)
					mu.Lock()
					delete(listening, address)
					mu.Unlock()
				})
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (l *load) listen(ctx context.Context, pod, address string, opt client.Options) {
	c, err := client.New(address, opt)
	if err != nil {
		l.report("%s: %v", pod, err)
		return
	}
	l.mu.Lock()
	from := max(l.heights[pod], l.root) + 1
	l.mu.Unlock()
	err = c.Follow(ctx, from, client.FollowOptions{}, func(b client.Block) error {
		h, outcome := b.Outcome.Height, b.Outcome.Hash()
		l.mu.Lock()
		was, known := l.told[h]
		if !known {
			l.told[h] = outcome
		}
		l.heights[pod] = max(l.heights[pod], h)
		l.mu.Unlock()
		if known && was != outcome {
			l.report("height %d: %s tells outcome %s, another node told %s", h, pod, outcome, was)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil && errors.Is(err, client.ErrUnverified) {
		l.report("%s told what does not hold: %v", pod, err)
	}
}
