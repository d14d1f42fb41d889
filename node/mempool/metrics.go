package mempool

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the pool's figures. Labels take values from fixed lists only.
type metrics struct {
	added         *prometheus.CounterVec // result
	left          *prometheus.CounterVec // reason
	batchTxs      prometheus.Histogram
	sandboxRuns   prometheus.Counter
	gossipDropped *prometheus.CounterVec // direction, reason: counted by drop

	lost atomic.Uint64 // the sum of gossipDropped
}

func newMetrics(r prometheus.Registerer, p *Pool) (*metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "bedrock", Subsystem: "mempool", Name: name, Help: help}
	}
	m := &metrics{
		added: prometheus.NewCounterVec(prometheus.CounterOpts(opts("added_txs_total",
			"Transactions offered, by result or reason of refusal.")), []string{"result"}),
		left: prometheus.NewCounterVec(prometheus.CounterOpts(opts("left_txs_total",
			"Transactions that left the pool, by reason.")), []string{"reason"}),
		batchTxs: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "bedrock", Subsystem: "mempool",
			Name: "verify_batch_txs", Help: "Transactions in a batch that was verified.", Buckets: prometheus.ExponentialBuckets(1, 2, 9)}),
		sandboxRuns: prometheus.NewCounter(prometheus.CounterOpts(opts("sandbox_runs_total", "Runs of suspects in the sandbox."))),
		gossipDropped: prometheus.NewCounterVec(prometheus.CounterOpts(opts("gossip_dropped_txs_total",
			"Transactions that peers passed on and no room was for (in), or that were not passed on at once (out).")), []string{"direction", "reason"}),
	}
	m.showAll()
	if r == nil {
		return m, nil
	}
	gauge := func(name, help string, value func(Stats) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), func() float64 { return float64(value(p.Stats())) })
	}
	for _, c := range []prometheus.Collector{
		m.added, m.left, m.batchTxs, m.sandboxRuns, m.gossipDropped,
		gauge("txs", "Transactions in the pool.", func(s Stats) int { return s.Txs }),
		gauge("bytes", "Bytes of transactions in the pool.", func(s Stats) int { return s.Bytes }),
		gauge("held_txs", "Transactions that wait beyond a gap in nonces.", func(s Stats) int { return s.Held }),
		gauge("suspect_txs", "Transactions of failed blocks that are not cleared.", func(s Stats) int { return s.Suspects }),
		gauge("senders", "Senders with transactions in the pool.", func(s Stats) int { return s.Lanes }),
	} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// showAll gives every series its first value, 0.
func (m *metrics) showAll() {
	for _, r := range []string{string(ReasonBusy), string(ReasonQuota)} {
		m.gossipDropped.WithLabelValues("in", r)
	}
	m.gossipDropped.WithLabelValues("out", "queue_full")
	for _, r := range []string{"accepted", "duplicate", "held"} {
		m.added.WithLabelValues(r)
	}
	for _, r := range []Reason{ReasonTooLarge, ReasonInvalid, ReasonCheck, ReasonNonceLow, ReasonNonceGap, ReasonLaneFull,
		ReasonUnderpriced, ReasonPoolFull, ReasonQuota, ReasonBusy, ReasonExpired, ReasonPoison} {
		m.added.WithLabelValues(string(r))
	}
	for _, r := range []Reason{ReasonExecuted, ReasonExpired, ReasonNonceLow, ReasonReplaced, ReasonPoolFull, ReasonPoison} {
		m.left.WithLabelValues(string(r))
	}
}

// drop counts a transaction of gossip that is lost here.
func (m *metrics) drop(direction, reason string) {
	m.gossipDropped.WithLabelValues(direction, reason).Inc()
	m.lost.Add(1)
}

// Dropped is how many transactions of gossip were lost here since the start: what
// peers passed on and no room was for, and what was not passed on at once.
func (p *Pool) Dropped() uint64 { return p.metrics.lost.Load() }

// count counts one result.
func (m *metrics) count(r Result) {
	label := string(r.Reason)
	switch r.Status {
	case Accepted:
		label = "accepted"
	case Duplicate:
		label = "duplicate"
	case Held:
		label = "held"
	}
	m.added.WithLabelValues(label).Inc()
}
