package metrics

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
)

func TestNewRegistryKeepsTheConvention(t *testing.T) {
	r, err := New(Build{Version: "v1", ChainID: "c", Genesis: "00"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.NewServer(rpctest.New(rpctest.Options{}), rpc.Options{Registerer: r}); err != nil {
		t.Fatal(err)
	}
	if found, err := Problems(r); err != nil || len(found) > 0 {
		t.Errorf("problems %v, %v", found, err)
	}
}

func TestProblemsNamesEach(t *testing.T) {
	counter := func(name, help string, labels ...string) prometheus.Collector {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		values := make([]string, len(labels))
		c.WithLabelValues(values...).Inc()
		return c
	}
	gauge := func(name string) prometheus.Collector {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "x"})
	}
	for name, tc := range map[string]struct {
		metric prometheus.Collector
		want   string
	}{
		"prefix":           {counter("blocks_total", "x"), "bedrock_"},
		"no help":          {counter("bedrock_blocks_total", ""), "no help"},
		"counter":          {counter("bedrock_blocks", "x"), "_total"},
		"gauge":            {gauge("bedrock_blocks_total"), "only a counter"},
		"milliseconds":     {gauge("bedrock_wait_ms"), "measure in seconds"},
		"latency":          {gauge("bedrock_latency_seconds"), "measure in seconds"},
		"kilobytes":        {gauge("bedrock_cache_kib"), "measure in bytes"},
		"histogram":        {prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bedrock_sync", Help: "x"}), "unit"},
		"a label for each": {counter("bedrock_seen_total", "x", "peer"), `label "peer"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := prometheus.NewRegistry()
			if err := r.Register(tc.metric); err != nil {
				t.Fatal(err)
			}
			found, err := Problems(r)
			if err != nil || !strings.Contains(strings.Join(found, "; "), tc.want) {
				t.Errorf("found %v (%v), want %q", found, err, tc.want)
			}
		})
	}
}

func TestProblemsPassesGoodNames(t *testing.T) {
	r := prometheus.NewRegistry()
	good := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bedrock_p2p_dropped_messages_total", Help: "x"}, []string{"channel"})
	good.WithLabelValues("votes").Inc()
	for _, c := range []prometheus.Collector{
		good,
		prometheus.NewGauge(prometheus.GaugeOpts{Name: "bedrock_mempool_transactions", Help: "x"}),
		prometheus.NewGauge(prometheus.GaugeOpts{Name: "bedrock_storage_cache_bytes", Help: "x"}),
		prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bedrock_vote_sync_seconds", Help: "x"}),
	} {
		if err := r.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := Problems(r); err != nil || len(found) > 0 {
		t.Errorf("problems %v, %v", found, err)
	}
}
