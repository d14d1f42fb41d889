package load

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

func senders(n int) []ed25519.PrivateKey {
	keys := make([]ed25519.PrivateKey, n)
	for i := range keys {
		seed := sha256.Sum256(fmt.Appendf(nil, "sender %d", i))
		keys[i] = ed25519.NewKeyFromSeed(seed[:])
	}
	return keys
}

// accountsOf makes each sender's row, with nonce 7.
func accountsOf(keys []ed25519.PrivateKey) map[string][]byte {
	rows := map[string][]byte{}
	for _, k := range keys {
		row := make([]byte, 24)
		row[0], row[15] = 7, 1
		rows[string(ledger.AccountKey(ledger.AddressOf(k.Public().(ed25519.PublicKey))))] = row
	}
	return rows
}

func keyOf(path string, _ []byte) []byte {
	address, err := ledger.ParseAddress(strings.TrimPrefix(path, "account/"))
	if err != nil {
		return nil
	}
	return ledger.AccountKey(address)
}

// startChain commits what waits, again and again, until the test ends.
func startChain(t *testing.T, opt rpctest.Options, endpoints int) (*rpctest.Chain, Config) {
	t.Helper()
	keys := senders(20)
	opt.Stateless, opt.State, opt.KeyOf = true, accountsOf(keys), keyOf
	chain := rpctest.New(opt)
	chain.Commit()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for chain.WaitPending(ctx, 1) == nil {
			chain.Commit()
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	o := Config{
		Trust:   client.Trust{Genesis: chain.Document().Hash(), Epoch: chain.Document().Epoch()},
		Keys: keys, Rate: 2000, Duration: 500 * time.Millisecond, RecordShare: 0.25,
	}
	for range endpoints {
		url, _ := rpctest.Serve(t, chain, rpc.Options{})
		o.Endpoints = append(o.Endpoints, url)
	}
	return chain, o
}

func TestRunCommitsWhatItOffers(t *testing.T) {
	chain, opt := startChain(t, rpctest.Options{CertificateEvery: 8}, 3)
	var progress []Progress
	opt.Progress = func(p Progress) { progress = append(progress, p) }
	result, err := Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	r := result.Report
	if r.OfferedTx != 1000 || r.CommittedTx != 1000 || result.Refused != 0 || result.Failed != 0 {
		t.Errorf("offered %d, committed %d, refused %d (%s), failed %d", r.OfferedTx, r.CommittedTx, result.Refused, result.LastRefusal, result.Failed)
	}
	if !r.StateRootsAgree || len(r.Nodes) != 3 || r.Heights == 0 || r.FinalityMs.P50 <= 0 || r.FinalityMs.Max < r.FinalityMs.P99 || r.GoodputTPS <= 0 {
		t.Errorf("report %+v", r)
	}
	if len(progress) == 0 {
		t.Error("no progress was told")
	}
	kinds, nonces := map[string]int{}, map[[32]byte]uint64{}
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
			want, ok := nonces[tx.Body.Payer]
			if !ok {
				want = 7
			}
			if tx.Body.Nonce != want {
				t.Fatalf("nonce %d after %d of one sender", tx.Body.Nonce, want)
			}
			nonces[tx.Body.Payer] = want + 1
		}
	}
	if kinds["ledger.RecordPut"] < 100 || kinds["ledger.Transfer"] < 500 || len(nonces) != 20 {
		t.Errorf("sent %v of %d senders", kinds, len(nonces))
	}
}

// A pool that is full for a while costs latency, and no transaction.
func TestRunSendsAgainWhatPassesByItself(t *testing.T) {
	var mu sync.Mutex
	refusals := 200
	_, opt := startChain(t, rpctest.Options{Refuse: func([]byte) *nodev1.SubmitResult {
		mu.Lock()
		defer mu.Unlock()
		if refusals == 0 {
			return nil
		}
		refusals--
		return &nodev1.SubmitResult{Reason: "pool_full"}
	}}, 1)
	result, err := Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if result.Report.CommittedTx != 1000 || result.Refused != 0 {
		t.Errorf("committed %d, refused %d: %s", result.Report.CommittedTx, result.Refused, result.LastRefusal)
	}
}

func TestRunCountsRefusals(t *testing.T) {
	_, opt := startChain(t, rpctest.Options{Refuse: func(tx []byte) *nodev1.SubmitResult {
		if tx[len(tx)-1]%2 == 0 {
			return &nodev1.SubmitResult{Reason: "check_failed", Text: "no funds"}
		}
		return nil
	}}, 1)
	result, err := Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if sum := result.Report.CommittedTx + result.Refused; sum != 1000 || result.Refused == 0 || !strings.Contains(result.LastRefusal, "no funds") {
		t.Errorf("committed %d, refused %d: %s", result.Report.CommittedTx, result.Refused, result.LastRefusal)
	}
}

// The load goes on by the endpoints that are left, and one that never was there
// is no obstacle.
func TestRunGoesOnWithoutAnEndpoint(t *testing.T) {
	_, opt := startChain(t, rpctest.Options{}, 2)
	opt.Endpoints = append(opt.Endpoints, "http://127.0.0.1:1")
	result, err := Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if result.Report.CommittedTx != 1000 || !result.Report.StateRootsAgree {
		t.Errorf("committed %d: %s", result.Report.CommittedTx, result.LastRefusal)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	_, opt := startChain(t, rpctest.Options{}, 1)
	opt.Duration = 0
	ctx, cancel := context.WithCancel(context.Background())
	opt.Progress = func(p Progress) {
		if p.Committed > 0 {
			cancel()
		}
	}
	result, err := Run(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	if r := result.Report; r.CommittedTx == 0 || r.CommittedTx < r.OfferedTx*9/10 {
		t.Errorf("offered %d, committed %d", r.OfferedTx, r.CommittedTx)
	}
}

func TestRunRefuses(t *testing.T) {
	_, good := startChain(t, rpctest.Options{}, 1)
	for _, tc := range []struct {
		name, want string
		change     func(*Config)
	}{
		{"no endpoints", "endpoints", func(o *Config) { o.Endpoints = nil }},
		{"no keys", "keys", func(o *Config) { o.Keys = nil }},
		{"no rate", "a second", func(o *Config) { o.Rate = 0 }},
		{"share", "share", func(o *Config) { o.RecordShare = 2 }},
		{"records", "records of", func(o *Config) { o.RecordBytes = 1 << 20 }},
		{"address", "http://HOST:PORT", func(o *Config) { o.Endpoints = []string{"localhost:7601"} }},
		{"nobody there", "no node answers", func(o *Config) { o.Endpoints = []string{"http://127.0.0.1:1"} }},
		{"unfunded senders", "has no account", func(o *Config) { o.Keys = senders(21)[20:] }},
		{"another chain", "genesis hash", func(o *Config) { o.Trust.Genesis = sha256.Sum256(nil) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := good
			tc.change(&o)
			if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestOutcomesThatDiffer(t *testing.T) {
	var clients []*client.Client
	for i, tx := range []string{"one", "other"} {
		chain := rpctest.New(rpctest.Options{})
		chain.Commit()
		if i == 1 {
			chain.Add([]byte(tx))
		}
		chain.Commit()
		url, _ := rpctest.Serve(t, chain, rpc.Options{})
		c, err := client.New(url, client.Options{Trust: client.Trust{Genesis: chain.Document().Hash(), Epoch: chain.Document().Epoch()}})
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	if agree, err := OutcomesAgree(context.Background(), clients); err != nil || agree {
		t.Errorf("different outcomes agree: %t, %v", agree, err)
	}
	if agree, err := OutcomesAgree(context.Background(), clients[:1]); err != nil || !agree {
		t.Errorf("a node differs from itself: %t, %v", agree, err)
	}
}

func TestReportHasTheIssuesMembers(t *testing.T) {
	r := Report{Nodes: []NodeReport{{}}}
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"committed_tx", "offered_tx", "goodput_tps", "finality_ms", "block_interval_ms", "heights",
		"empty_views", "timeouts", "state_roots_agree", "nodes"} {
		if _, ok := got[path]; !ok {
			t.Errorf("member %s is missing", path)
		}
	}
	if len(got) != 10 {
		t.Errorf("%d members, want 10", len(got))
	}
}

func TestHistogramIsRightToOnePercent(t *testing.T) {
	var h histogram
	for i := 1; i <= 10_000; i++ {
		h.add(time.Duration(i) * 100 * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.9: 900 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		if got := h.quantile(q); got < want*98/100 || got > want*102/100 {
			t.Errorf("quantile %g is %s, want %s", q, got, want)
		}
	}
	if h.max != time.Second || (&histogram{}).quantile(0.5) != 0 {
		t.Errorf("max %s", h.max)
	}
}

func TestPlotIsXML(t *testing.T) {
	for _, seconds := range [][]Second{nil, {{}}, {{Offered: 5, Committed: 4, P50: time.Millisecond, P99: time.Second}, {Offered: 5, Committed: 6}}} {
		var b bytes.Buffer
		if err := (&Result{Seconds: seconds}).WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b.Bytes(), []byte("NaN")) || bytes.Contains(b.Bytes(), []byte("Inf")) {
			t.Errorf("a point without a place: %s", b.String())
		}
		dec := xml.NewDecoder(&b)
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%d seconds: %v", len(seconds), err)
			}
		}
	}
}
