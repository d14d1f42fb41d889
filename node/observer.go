package node

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedrock-bft/bedrock/node/consensus"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/types"
)

// observer turns what the engine reports into metrics, log lines and the news
// that subscribers wait for.
type observer struct {
	n *Node
	m engineMetrics

	final   atomic.Uint64
	mu      sync.Mutex
	news    chan struct{} // closed and replaced when final rises
	seen    map[[32]byte]vote
	finalAt time.Time // when final last rose; the start
	heights struct{ timeouts, empty atomic.Uint64 }
}

// vote is the newest commit vote seen of a validator.
type vote struct {
	epoch, height uint64
	at            time.Time
}

// maxSeen bounds the identities whose votes are remembered: those of a set, and of
// sets before it.
const maxSeen = 2 * types.MaxValidators

type engineMetrics struct {
	height, epoch, view, boots               prometheus.Gauge
	signing                                  prometheus.GaugeFunc
	blocks, txs, failedBlocks, gas, timeouts prometheus.Counter
	emptyViews, executedTxs, verifiedTxs     prometheus.Counter
	alarms                                   *prometheus.CounterVec
	persist, execute, verify, commit, final  prometheus.Histogram
}

// alarmDiverged is the alarm of a node that stopped signing for good.
const alarmDiverged = "state divergence"

// alarmKinds are all alarms: a scrape shows each, also while it is 0.
var alarmKinds = []string{string(consensus.AlarmDivergenceSuspected), string(consensus.AlarmViewsAtCap),
	string(consensus.AlarmFewValidators), string(consensus.AlarmConflict), alarmDiverged}

func newObserver(n *Node) (*observer, error) {
	o := &observer{n: n, news: make(chan struct{}), seen: map[[32]byte]vote{}, finalAt: n.started}
	o.final.Store(n.store.Tip())
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "bedrock", Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "bedrock", Name: name, Help: help})
	}
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "bedrock", Name: name, Help: help,
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 18)})
	}
	o.m = engineMetrics{
		height: gauge("chain_final_height_blocks", "Height of the last final block."), epoch: gauge("consensus_epoch_number", "Present epoch."),
		view:    gauge("consensus_view_number", "Present view of the epoch."),
		boots:   gauge("signer_boots_count", "How often the signer volume was opened: one that falls was rolled back, and its node must not sign."),
		signing: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "bedrock", Name: "consensus_signing_bool", Help: "1 while this process may sign."}, o.signing),
		blocks:  counter("chain_final_blocks_total", "Blocks that became final."), txs: counter("chain_final_transactions_total", "Transactions executed in final blocks."),
		failedBlocks: counter("chain_failed_blocks_total", "Final blocks whose execution failed."), gas: counter("chain_gas_used_total", "Gas used by final blocks."),
		timeouts:    counter("consensus_timeouts_total", "Views that this node left by a timeout certificate."),
		emptyViews:  counter("consensus_empty_views_total", "Views that ended without a certified block."),
		executedTxs: counter("execution_transactions_total", "Transactions executed, of blocks that became final or not."),
		verifiedTxs: counter("verification_transactions_total", "Transactions of proposed blocks judged, cached verdicts included."),
		alarms:      prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "bedrock", Name: "consensus_alarms_total", Help: "Alarms, by kind."}, []string{"kind"}),
		persist:     seconds("votelog_append_seconds", "Time of one synced write of the vote log."),
		execute:     seconds("execution_block_seconds", "Time of executing one block."),
		verify:      seconds("verification_block_seconds", "Time of verifying one proposed block."),
		commit:      seconds("storage_commit_seconds", "Time of storing newly final blocks, without the sync."),
		final:       seconds("chain_finality_seconds", "From a block's timestamp to its being final here, by the wall clock."),
	}
	m := &o.m
	for _, kind := range alarmKinds {
		m.alarms.WithLabelValues(kind)
	}
	for _, c := range []prometheus.Collector{m.height, m.epoch, m.view, m.boots, m.signing, m.blocks, m.txs, m.failedBlocks, m.gas, m.timeouts, m.emptyViews,
		m.executedTxs, m.verifiedTxs, m.alarms, m.persist, m.execute, m.verify, m.commit, m.final} {
		if err := n.registry.Register(c); err != nil {
			return nil, err
		}
	}
	m.height.Set(float64(n.store.Tip()))
	m.boots.Set(float64(n.boots))
	return o, nil
}

// signing is 1 while this process may sign.
func (o *observer) signing() float64 {
	if e := o.n.engine; e != nil && e.Status().Signing {
		return 1
	}
	return 0
}

// Final implements engine.Observer.
func (o *observer) Final(blocks []engine.FinalBlock, certificate *types.CC) {
	now := time.Now()
	for i := range blocks {
		b := &blocks[i]
		o.m.blocks.Inc()
		o.m.txs.Add(float64(len(b.Execution.Receipts)))
		o.m.gas.Add(float64(b.Execution.GasUsed))
		if !b.Execution.Success {
			o.m.failedBlocks.Inc()
		}
		o.m.final.Observe(max(0, float64(now.UnixMilli())-float64(b.Block.Header.TimestampMs)) / 1000)
		if o.n.log.Enabled(context.Background(), slog.LevelDebug) {
			o.n.log.Debug("block is final", "height", b.Outcome.Height, "block", b.Outcome.Block, "epoch", b.Block.Header.Epoch, "view", b.Block.Header.View,
				"transactions", len(b.Block.Payload), "state_root", b.Outcome.StateRoot)
		}
	}
	last := blocks[len(blocks)-1].Outcome.Height
	o.m.height.Set(float64(last))
	o.note(certificate, now)
	o.final.Store(last)
	o.mu.Lock()
	o.finalAt = now
	close(o.news)
	o.news = make(chan struct{})
	o.mu.Unlock()
	o.n.gossip.Announce(certificate)
}

// Voted implements engine.Observer. // rule: seen
func (o *observer) Voted(validator [32]byte, v *types.SignedCommit) {
	if v.Vote.Height > o.final.Load()+farVote {
		return // nobody votes so far above what is final
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.saw(validator, vote{epoch: v.Epoch, height: v.Vote.Height, at: time.Now()})
}

// farVote is more heights than there may be above the last final one.
// rule: bounded-tail
const farVote = 128

// saw remembers a vote that is newer than the one known. Callers hold mu.
func (o *observer) saw(validator [32]byte, v vote) {
	if known, ok := o.seen[validator]; ok && v.height <= known.height {
		return
	}
	if o.seen[validator] = v; len(o.seen) <= maxSeen {
		return
	}
	oldest := validator
	for key, other := range o.seen {
		if other.height < o.seen[oldest].height {
			oldest = key
		}
	}
	delete(o.seen, oldest)
}

// note remembers whose commit votes a certificate holds.
func (o *observer) note(cc *types.CC, now time.Time) {
	epoch := o.n.engine.Status().Epoch
	if epoch == nil || epoch.Number != cc.Epoch {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range epoch.Validators {
		if i/8 < len(cc.Commits.Signers) && cc.Commits.Signers[i/8]>>(i%8)&1 == 1 {
			o.saw(epoch.Validators[i].NetworkKey, vote{epoch: cc.Epoch, height: cc.Height, at: now})
		}
	}
}

// wait waits until the final height is above the one given.
func (o *observer) wait(done <-chan struct{}, above uint64) uint64 {
	for {
		o.mu.Lock()
		news := o.news
		o.mu.Unlock()
		if h := o.final.Load(); h > above {
			return h
		}
		select {
		case <-news:
		case <-done:
			return o.final.Load()
		}
	}
}

// View implements engine.Observer.
func (o *observer) View(v consensus.EnteredView) {
	o.m.epoch.Set(float64(v.Epoch))
	o.m.view.Set(float64(v.View))
	if v.ByTC {
		o.m.timeouts.Inc()
		o.m.emptyViews.Inc()
		o.heights.timeouts.Add(1)
		o.heights.empty.Add(1)
		o.n.log.Info("view timed out", "epoch", v.Epoch, "entered_view", v.View, "leader", v.Leader)
	}
}

// Alarm implements engine.Observer.
func (o *observer) Alarm(a consensus.Alarm) { o.m.alarms.WithLabelValues(string(a.Kind)).Inc() }

// Persisted implements engine.Observer.
func (o *observer) Persisted(took time.Duration) { o.m.persist.Observe(took.Seconds()) }

// Executed implements engine.Observer.
func (o *observer) Executed(took time.Duration, txs int) {
	o.m.execute.Observe(took.Seconds())
	o.m.executedTxs.Add(float64(txs))
}

// Verified implements engine.Observer.
func (o *observer) Verified(took time.Duration, txs int) {
	o.m.verify.Observe(took.Seconds())
	o.m.verifiedTxs.Add(float64(txs))
}

// Committed implements engine.Observer.
func (o *observer) Committed(took time.Duration, _ int) { o.m.commit.Observe(took.Seconds()) }

// Stopped implements engine.Observer.
func (o *observer) Stopped(consensus.StopSigning) {
	o.m.alarms.WithLabelValues(alarmDiverged).Inc()
}
