package metrics_test

import (
	"context"
	"crypto/ed25519"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/load"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/metrics"
)

const (
	// deadline bounds the whole test, far above what it takes.
	deadline  = 5 * time.Minute
	firstHost = 160
)

type families map[string]*dto.MetricFamily

func TestMetricsAndLogsUnderLoad(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	net, trust, keys := startNetwork(ctx, t)
	var endpoints []string
	for i := range net.Nodes {
		endpoints = append(endpoints, net.RPC(i))
	}
	before := make([]families, len(net.Nodes))
	for i := range net.Nodes {
		before[i] = scrape(ctx, t, net.Ops(i))
	}
	result, err := load.Run(ctx, load.Config{Endpoints: endpoints, Trust: trust, Keys: keys, Rate: 100, Duration: 8 * time.Second, Drain: time.Minute, RecordShare: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	r := &result.Report
	if r.CommittedTx < r.OfferedTx*99/100 || !r.StateRootsAgree {
		t.Errorf("report %+v; %s; %s", r, result.Text, result.Disagreement)
	}
	page := documented(t)
	for i := range net.Nodes {
		after := scrape(ctx, t, net.Ops(i))
		if diff := cmp.Diff(page, slices.Sorted(maps.Keys(after))); diff != "" {
			t.Errorf("node%d exports other metrics than docs/metrics.md has (-page +node):\n%s", i, diff)
		}
		checkConvention(t, after)
		checkFigures(t, i, before[i], after, &r.Nodes[i])
	}
	if err := net.Stop(); err != nil {
		t.Fatal(err)
	}
	followBlock(t, net)
}

// startNetwork runs four validators that log everything, and waits until they sign.
func startNetwork(ctx context.Context, t *testing.T) (*devnet.Network, client.Trust, []ed25519.PrivateKey) {
	t.Helper()
	dir := t.TempDir()
	bedrock := filepath.Join(dir, "bedrock")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", bedrock, "github.com/bedrock-bft/bedrock/cmd/bedrock").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	net, err := devnet.Prepare(ctx, devnet.Options{Binary: bedrock, Dir: filepath.Join(dir, "net"), ChainID: "metrics", Validators: 4,
		FirstHost: firstHost, Env: []string{"BEDROCK_LOG_LEVEL=debug"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Stop(); err != nil {
			t.Error(err)
		}
		for _, p := range net.Nodes {
			if t.Failed() {
				t.Logf("--- %s\n%s", p.Name, p.LastLines(10))
			}
		}
	})
	g, err := genesis.Load(net.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := home.LoadAccounts(filepath.Join(dir, "net", home.AccountsName))
	if err != nil {
		t.Fatal(err)
	}
	var keys []ed25519.PrivateKey
	for i := range 20 {
		key, err := accounts.Key(i)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if err := net.StartAll(); err != nil {
		t.Fatal(err)
	}
	trust := client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}
	var first *client.Client
	for i := range net.Nodes {
		c, err := client.New(net.RPC(i), client.Options{Trust: trust})
		if err != nil {
			t.Fatal(err)
		}
		first = c
		for {
			s, err := c.Status(ctx)
			if err == nil && s.Signing && s.Peers == 3 {
				break
			}
			select {
			case <-ctx.Done():
				t.Fatalf("node%d does not sign: %v, %v", i, s, err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	// The load reads nonces with proofs, which there are from the first block on.
	op := ledger.Transfer{To: ledger.AddressOf(keys[1].Public().(ed25519.PublicKey)), Amount: ledger.AmountOf(1)}
	tx, err := ledger.Sign(keys[0], ledger.Body{Genesis: trust.Genesis, GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.SubmitFinal(ctx, tx, deadline); err != nil {
		t.Fatal(err)
	}
	return net, trust, keys
}

func scrape(ctx context.Context, t *testing.T, ops string) families {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ops+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	f, err := parser.TextToMetricFamilies(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", ops, res.StatusCode, err)
	}
	return f
}

// documented are the names of docs/metrics.md, sorted.
func documented(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(string(b), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

func checkConvention(t *testing.T, f families) {
	t.Helper()
	found, err := metrics.Problems(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return slices.Collect(maps.Values(f)), nil }))
	if err != nil || len(found) > 0 {
		t.Errorf("problems: %s (%v)", strings.Join(found, "\n"), err)
	}
}

// checkFigures holds what every loaded node must have counted, and what none may.
func checkFigures(t *testing.T, node int, before, after families, report *load.NodeReport) {
	t.Helper()
	for _, name := range []string{"bedrock_chain_final_blocks_total", "bedrock_chain_final_transactions_total", "bedrock_chain_gas_used_total",
		"bedrock_chain_finality_seconds", "bedrock_execution_block_seconds", "bedrock_votelog_append_seconds", "bedrock_storage_commit_seconds",
		"bedrock_mempool_added_txs_total", "bedrock_p2p_received_messages_total", "bedrock_p2p_sent_bytes_total", "bedrock_rpc_requests_total"} {
		if sum(after[name]) <= sum(before[name]) {
			t.Errorf("node%d under load: %s stands at %g", node, name, sum(after[name]))
		}
	}
	for name, want := range map[string]float64{"bedrock_consensus_signing_bool": 1, "bedrock_build_info": 1, "bedrock_p2p_peers": 3, "bedrock_executor_host_faults_total": 0} {
		if got := sum(after[name]); got != want {
			t.Errorf("node%d: %s is %g, want %g", node, name, got, want)
		}
	}
	for _, name := range []string{"bedrock_p2p_dropped_messages_total", "bedrock_mempool_gossip_dropped_txs_total"} {
		if lost := sum(after[name]) - sum(before[name]); lost != 0 {
			t.Errorf("node%d dropped %g under load: %v", node, lost, after[name])
		}
	}
	if report.DroppedMessages != 0 || report.HostFaults != 0 {
		t.Errorf("node%d: report %+v", node, report)
	}
}

// sum adds a family's values, of histograms the counts.
func sum(f *dto.MetricFamily) (n float64) {
	for _, m := range f.GetMetric() {
		n += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return n
}
