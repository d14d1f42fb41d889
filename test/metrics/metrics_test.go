package metrics_test

import (
	"context"
	"crypto/ed25519"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
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

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/load"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/metrics"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// firstHost is x of node0's address 127.0.0.x.
const firstHost = 160

var allFlag = flag.Bool("all", false, "under both signature schemes (default: ed25519)")

type families map[string]*dto.MetricFamily

func TestMetricsAndLogsUnderLoad(t *testing.T) {
	schemes := []string{"ed25519"}
	if *allFlag {
		schemes = append(schemes, "bls12381")
	}
	bedrock := fleet.Build(t)
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) { metricsAndLogs(t, bedrock, scheme) })
	}
}

func metricsAndLogs(t *testing.T, bedrock, scheme string) {
	ctx := t.Context()
	c := fleet.New(t, devnet.Options{Binary: bedrock, Scheme: scheme, FirstHost: firstHost, Env: []string{"BEDROCK_LOG_LEVEL=debug"}})
	c.StartAll()
	c.WaitSigning(c.All()...)
	for i := range c.Net.Nodes {
		c.Wait("all nodes are connected", func() (bool, string) {
			s := c.Status(i)
			return s != nil && s.Peers == 3, fmt.Sprint(s)
		})
	}
	w := c.Follow(ctx)
	var endpoints []string
	var keys []ed25519.PrivateKey
	for i := range c.Net.Nodes {
		endpoints = append(endpoints, c.Net.RPC(i))
	}
	for i := range 20 {
		key, err := c.Keys.Key(i)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	firstTransfer(c, keys)
	before := make([]families, len(c.Net.Nodes))
	for i := range c.Net.Nodes {
		before[i] = scrape(ctx, t, c.Net.Ops(i))
	}
	result, err := load.Run(ctx, load.Config{Endpoints: endpoints, Trust: c.Trust, Keys: keys, Rate: 100, Duration: 8 * time.Second, Drain: time.Minute, RecordShare: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	r := &result.Report
	if r.CommittedTx < r.OfferedTx*99/100 || !r.StateRootsAgree {
		t.Errorf("report %+v; %s; %s", r, result.Text, result.Disagreement)
	}
	page := documented(t)
	for i := range c.Net.Nodes {
		after := scrape(ctx, t, c.Net.Ops(i))
		if diff := cmp.Diff(page, slices.Sorted(maps.Keys(after))); diff != "" {
			t.Errorf("node%d exports other metrics than docs/metrics.md has (-page +node):\n%s", i, diff)
		}
		checkConvention(t, after)
		checkFigures(t, i, before[i], after, &r.Nodes[i])
	}
	w.Hold(1, c.All()...)
	c.NoConflict()
	if err := c.Net.Stop(); err != nil {
		t.Fatal(err)
	}
	followBlock(t, c.Net)
}

// firstTransfer makes the first block: the load reads nonces with proofs, which there
// are from then on.
func firstTransfer(c *fleet.Network, keys []ed25519.PrivateKey) {
	c.Helper()
	op := ledger.Transfer{To: ledger.AddressOf(keys[1].Public().(ed25519.PublicKey)), Amount: ledger.AmountOf(1)}
	tx, err := ledger.Sign(keys[0], ledger.Body{Genesis: c.Trust.Genesis, GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op})
	if err != nil {
		c.Fatal(err)
	}
	if _, err := c.Clients[0].SubmitFinal(c.Context(), tx, fleet.Patience); err != nil {
		c.Fatal(err)
	}
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
