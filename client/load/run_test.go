package load

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func TestRunCommitsWhatItOffers(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{CertificateEvery: 8})
	c.serve(t, chain, 3)
	c.Senders = 15
	var progress []Progress
	c.Progress = func(p Progress) { progress = append(progress, p) }
	result := mustRun(t, c)
	r := result.Report
	if r.OfferedTx != 1000 || r.CommittedTx != 1000 || r.AcceptedTx != 1000 || r.EndpointMoves != 0 {
		t.Errorf("report %+v, last error %q", r, result.Text)
	}
	if !r.StateRootsAgree || len(r.Nodes) != 3 || r.Nodes[2].Height == 0 || r.Heights == 0 || r.FinalityMs.P50 <= 0 || r.FinalityMs.Max < r.FinalityMs.P99 || r.GoodputTPS <= 0 {
		t.Errorf("report %+v", r)
	}
	if n := len(progress); n == 0 || progress[n-1].Committed != 1000 || progress[n-1].Height == 0 {
		t.Errorf("progress %+v", progress)
	}
	kinds, nonces := executed(t, chain)
	if kinds["ledger.RecordPut"] < 100 || kinds["ledger.Transfer"] < 500 || len(nonces) != 15 {
		t.Errorf("sent %v of %d senders", kinds, len(nonces))
	}
}

// executed reads what the chain executed: how many of each operation, and each
// sender's last nonce. Each sender's must be in order, without a gap.
func executed(t *testing.T, chain *rpctest.Chain) (kinds map[string]int, nonces map[[32]byte]uint64) {
	t.Helper()
	kinds, nonces = map[string]int{}, map[[32]byte]uint64{}
	for h := uint64(2); h <= chain.FinalHeight(); h++ {
		block, err := chain.Block(context.Background(), h)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range block.Payload {
			tx, err := ledger.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			kinds[fmt.Sprintf("%T", tx.Body.Operation)]++
			want := max(firstNonce, nonces[tx.Body.Payer]+1)
			if tx.Body.Nonce != want {
				t.Fatalf("nonce %d of a sender whose next is %d", tx.Body.Nonce, want)
			}
			nonces[tx.Body.Payer] = want
		}
	}
	return kinds, nonces
}

func TestSeedDecidesWhatIsSent(t *testing.T) {
	_, c := startChain(t, rpctest.Options{})
	first := func(seed uint64) string {
		c.Seed, c.Endpoints = seed, []string{"http://127.0.0.1:1"}
		config, err := c.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		r := &run{config: config, factory: newFactory(&config), endpoints: make([]*endpoint, 1)}
		r.seat()
		if err := r.factory.fill(r.accounts[3]); err != nil {
			t.Fatal(err)
		}
		return string(r.accounts[3].ready[0].raw)
	}
	one, again, other := first(1), first(1), first(2)
	if one != again || one == other {
		t.Error("what is sent does not depend on the seed alone")
	}
}

// The offer does not wait for answers: all of it is due and handed over while a
// node has answered none, and latency counts from when each was due.
func TestSlowNodeDoesNotSlowTheOffer(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	release := make(chan struct{})
	var answered, early atomic.Int64
	c.serveNode(t, chain, func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		select {
		case <-release:
		case <-r.Context().Done():
			return
		}
		answered.Add(1)
		honest.ServeHTTP(w, r)
	})
	var once sync.Once
	c.Progress = func(p Progress) {
		if p.Offered == 1000 {
			once.Do(func() {
				early.Store(answered.Load())
				if p.InFlight != 1000 {
					t.Errorf("%d in flight with no answer to any of 1000", p.InFlight)
				}
				close(release)
			})
		}
	}
	r := mustRun(t, c).Report
	if early.Load() != 0 {
		t.Errorf("%d requests were answered before the release", early.Load())
	}
	if r.CommittedTx != 1000 || r.UnsentTx != 0 {
		t.Errorf("report %+v", r)
	}
	// Nothing was final before all were due, at the earliest 500 ms after the start.
	if r.FinalityMs.P50 < 200 || r.FinalityMs.Max < 450 {
		t.Errorf("finality %+v counts from the sending, not from when it was due", r.FinalityMs)
	}
}

// What finds no room is counted, not queued without end.
func TestOfferIsBounded(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	release := make(chan struct{})
	c.serveNode(t, chain, func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		select {
		case <-release:
			honest.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
	c.Senders = 1
	c.Rate = 4000
	var once sync.Once
	c.Progress = func(p Progress) {
		if p.InFlight > maxInFlight {
			t.Errorf("%d in flight of one sender", p.InFlight)
		}
		if p.Offered == 2000 {
			once.Do(func() { close(release) })
		}
	}
	r := mustRun(t, c).Report
	if r.UnsentTx < 2000-maxInFlight || r.CommittedTx == 0 || r.OfferedTx != 2000 {
		t.Errorf("report %+v", r)
	}
}

// A pool that is full for a while costs latency, and no transaction.
func TestWhatPassesIsSentAgain(t *testing.T) {
	refusals := 200
	chain, c := startChain(t, rpctest.Options{Refuse: func([]byte) *nodev1.SubmitResult {
		if refusals == 0 {
			return nil
		}
		refusals--
		return &nodev1.SubmitResult{Reason: "pool_full"}
	}})
	c.serve(t, chain, 1)
	r := mustRun(t, c).Report
	if r.CommittedTx != 1000 || r.Refused() != 0 || r.Retries["pool_full"] != 200 {
		t.Errorf("report %+v", r)
	}
}

// A pool that keeps the order of nonces, and refuses one transaction for good: its
// sender's nonces are read anew, the gap is filled, and it goes on.
func TestSenderGoesOnAfterARefusal(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	next := map[[32]byte]uint64{}
	refused := [32]byte{}
	chain, c := startChain(t, rpctest.Options{Refuse: func(raw []byte) *nodev1.SubmitResult {
		tx, err := ledger.Decode(raw)
		if err != nil {
			return &nodev1.SubmitResult{Reason: "invalid", Text: err.Error()}
		}
		payer := tx.Body.Payer
		want := max(firstNonce, next[payer])
		switch {
		case tx.Body.Nonce > want:
			return &nodev1.SubmitResult{Reason: "nonce_gap"}
		case tx.Body.Nonce < want:
			return &nodev1.SubmitResult{Reason: "nonce_used"}
		case refused == [32]byte{}:
			refused = payer
			return &nodev1.SubmitResult{Reason: "check_failed", Text: "no funds"}
		}
		if next[payer] = want + 1; payer == refused && want == firstNonce+20 {
			cancel()
		}
		return nil
	}})
	c.serve(t, chain, 1)
	c.Duration, c.Rate = 0, 500
	result, err := Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	r := result.Report
	checkSum(t, &r)
	if r.RefusedTx["check_failed"] != 1 || r.Refused() != 1+r.RefusedTx["after_refusal"] || r.LostTx != 0 {
		t.Errorf("report %+v, %q", r, result.Text)
	}
	if _, nonces := executed(t, chain); nonces[refused] < firstNonce+20 {
		t.Errorf("the sender got to nonce %d only", nonces[refused])
	}
}

// A node that took transactions and dies with them: its senders send them again
// over the next one, and go on there.
func TestNodeThatDiesLosesNothing(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	c.serve(t, chain, 1)
	var swallowed atomic.Int64
	var dying *node
	ready := make(chan struct{})
	dying = c.serveNode(t, chain, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		<-ready
		if swallowed.Add(1) > 5 {
			dying.die()
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/proto") // an empty answer: it took all
	})
	close(ready)
	r := mustRun(t, c).Report
	if swallowed.Load() <= 5 || r.CommittedTx != 1000 || r.EndpointMoves == 0 {
		t.Errorf("%d batches swallowed, report %+v", swallowed.Load(), r)
	}
	if !r.StateRootsAgree || r.Nodes[0].Height == 0 || r.Nodes[1].Height != 0 {
		t.Errorf("nodes %+v", r.Nodes)
	}
}

// catchingUp is a node that says that it is catching up.
type catchingUp struct{ *rpctest.Chain }

func (c catchingUp) Status(ctx context.Context) (*nodev1.GetStatusResponse, error) {
	s, err := c.Chain.Status(ctx)
	if s != nil {
		s.Syncing = true
	}
	return s, err
}

func (c catchingUp) Submit(_ context.Context, txs [][]byte) ([]*nodev1.SubmitResult, error) {
	results := make([]*nodev1.SubmitResult, len(txs))
	for i := range results { // it takes them, and they go nowhere
		results[i] = &nodev1.SubmitResult{Status: nodev1.SubmitStatus_SUBMIT_STATUS_ACCEPTED}
	}
	return results, nil
}

func TestNodeThatCatchesUpIsLeftAlone(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	c.serve(t, chain, 1)
	url, _ := rpctest.Serve(t, catchingUp{chain}, rpc.Options{})
	c.Endpoints = append(c.Endpoints, url)
	if r := mustRun(t, c).Report; r.CommittedTx != 1000 || r.EndpointMoves == 0 {
		t.Errorf("report %+v", r)
	}
}

// losing is a node that loses messages and has had faults before the run.
type losing struct {
	*rpctest.Chain
	asked *atomic.Uint64
}

func (l losing) Status(ctx context.Context) (*nodev1.GetStatusResponse, error) {
	s, err := l.Chain.Status(ctx)
	if s != nil {
		n := l.asked.Add(1)
		s.DroppedMessages, s.HostFaults, s.Timeouts = 100+7*min(1, n-1), 5, 3
	}
	return s, err
}

func TestReportTellsWhatNodesLostInTheRun(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	url, _ := rpctest.Serve(t, losing{chain, new(atomic.Uint64)}, rpc.Options{})
	c.Endpoints = append(c.Endpoints, url)
	r := mustRun(t, c).Report
	if n := r.Nodes[0]; n.DroppedMessages != 7 || n.HostFaults != 0 || r.Timeouts != 0 {
		t.Errorf("7 messages were dropped during the run, 100 before it; report %+v", r)
	}
}

// What a pool may have dropped is sent again, each account's lowest nonces first;
// what another node has shown final while its own is away counts.
func TestWhatIsInFlightForLongIsSentAgain(t *testing.T) {
	c := Config{Endpoints: []string{"a", "b"}, Keys: keysOf(2), Rate: 1}
	config, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{config: config, flights: newFlights(), stats: newStats(&config), endpoints: []*endpoint{{}, {index: 1}}}
	r.seat()
	r.endpoints[0].up.Store(true)
	put := func(account, nonce int, change func(*transaction)) {
		tx := &transaction{hash: sha256.Sum256(fmt.Append(nil, account, nonce)), account: r.accounts[account], nonce: uint64(nonce)}
		tx.account.inFlight++
		r.flights.begin(tx)
		r.flights.accept(tx)
		change(tx)
	}
	for nonce := range 50 {
		put(0, 49-nonce, func(*transaction) {})
	}
	put(1, 1, func(tx *transaction) { tx.queued = true })
	put(1, 2, func(tx *transaction) { tx.sentAt = time.Hour })
	put(1, 3, func(tx *transaction) { tx.seen, tx.endpoint = time.Second, 0 })
	put(1, 4, func(tx *transaction) { tx.seen, tx.endpoint = time.Second, 1 })
	put(1, 5, func(tx *transaction) { tx.endpoint = 1 })
	for range 2 { // the second time takes the next ones
		r.again(3, func(tx *transaction) bool { return tx.sentAt < time.Minute })
	}
	var got []uint64
	for _, a := range r.accounts {
		for _, tx := range a.lane.queue {
			got = append(got, tx.nonce)
		}
	}
	if diff := cmp.Diff([]uint64{3, 4, 5, 0, 1, 2, 5}, got); diff != "" {
		t.Error(diff)
	}
	if r.stats.committed != 1 || r.flights.len() != 54 || r.accounts[1].inFlight != 4 {
		t.Errorf("%d committed, %d in flight, %d of the second account", r.stats.committed, r.flights.len(), r.accounts[1].inFlight)
	}
}

func TestEndpointThatWasNeverThereIsNoObstacle(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	c.serve(t, chain, 1)
	c.Endpoints = append(c.Endpoints, "http://127.0.0.1:1")
	result := mustRun(t, c)
	if r := result.Report; r.CommittedTx != 1000 || !r.StateRootsAgree {
		t.Errorf("report %+v, %q", r, result.Text)
	}
}

// What a pool took and no block holds by the end of the drain is lost.
func TestLostIsCounted(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	c.serveNode(t, chain, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/proto")
	})
	c.Rate, c.Duration, c.Drain = 100, 100*time.Millisecond, time.Millisecond
	if r := mustRun(t, c).Report; r.OfferedTx != 10 || r.CommittedTx != 0 || r.LostTx+r.UnsentTx != 10 {
		t.Errorf("report %+v", r)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	chain, c := startChain(t, rpctest.Options{})
	c.serve(t, chain, 1)
	c.Duration = 0
	ctx, cancel := context.WithCancel(context.Background())
	c.Progress = func(p Progress) {
		if p.Committed > 0 {
			cancel()
		}
	}
	result, err := Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, &result.Report)
	if r := result.Report; r.CommittedTx == 0 || r.LostTx != 0 {
		t.Errorf("report %+v", r)
	}
}

func TestRunRefuses(t *testing.T) {
	chain, good := startChain(t, rpctest.Options{})
	good.serve(t, chain, 1)
	for _, tc := range []struct {
		name, want string
		change     func(*Config)
	}{
		{"no endpoints", "0 endpoints", func(c *Config) { c.Endpoints = nil }},
		{"no keys", "keys of 0 accounts", func(c *Config) { c.Keys = nil }},
		{"too many senders", "21 senders", func(c *Config) { c.Senders = 21 }},
		{"no rate", "a second", func(c *Config) { c.Rate = 0 }},
		{"too long", "duration", func(c *Config) { c.Duration = 25 * time.Hour }},
		{"share", "share", func(c *Config) { c.RecordShare = 2 }},
		{"records", "records of", func(c *Config) { c.RecordBytes = 1 << 20 }},
		{"address", "http://HOST:PORT", func(c *Config) { c.Endpoints = []string{"localhost:7601"} }},
		{"nobody there", "no node answers", func(c *Config) { c.Endpoints = []string{"http://127.0.0.1:1"} }},
		{"unfunded senders", "fund it first", func(c *Config) { c.Keys = keysOf(21)[20:] }},
		{"another chain", "genesis hash", func(c *Config) { c.Trust.Genesis = sha256.Sum256(nil) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := good
			tc.change(&c)
			if _, err := Run(context.Background(), c); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}
