package p2p

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Directions of a message that was dropped.
const (
	dirIn  = "in"
	dirOut = "out"
)

// channelGossip stands beside the names of the streams' channels.
const channelGossip = "gossip"

// drops lists every way in which a message gets lost here, by channel: a scrape
// shows each, also while it is 0.
var drops = []struct {
	channels  []string
	direction string
	reasons   []string
}{
	{[]string{ChannelVotes.String(), ChannelBlocks.String()}, dirIn, []string{"queue_full"}},
	{[]string{ChannelVotes.String()}, dirIn, []string{"rate"}},
	{[]string{ChannelBlocks.String()}, dirIn, []string{"not_validator"}},
	{[]string{ChannelVotes.String(), ChannelBlocks.String()}, dirOut, []string{"queue_full", "unsendable", "not_connected", "peer_gone"}},
	{[]string{channelGossip}, dirIn, []string{"queue_full", "rate", "validation_full", "subscriber_full"}},
	{[]string{channelGossip}, dirOut, []string{"queue_full", "unsendable"}},
}

// metrics are the network's figures. Labels take values from fixed lists only.
type metrics struct {
	peers          *prometheus.GaugeVec   // role
	received       *prometheus.CounterVec // channel
	receivedBytes  *prometheus.CounterVec // channel
	sent           *prometheus.CounterVec // channel
	sentBytes      *prometheus.CounterVec // channel
	dropped        *prometheus.CounterVec // channel, direction, reason: counted by drop
	streamsReset   *prometheus.CounterVec // channel, reason
	dials          *prometheus.CounterVec // result
	refused        *prometheus.CounterVec // side
	requests       *prometheus.CounterVec // side, result
	requestSeconds *prometheus.HistogramVec
	gossipRefused  *prometheus.CounterVec // reason
	penalties      prometheus.Counter
	silent         prometheus.Counter

	lost atomic.Uint64 // the sum of dropped
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "bedrock", Subsystem: "p2p", Name: name, Help: help}, labels)
	}
	m := &metrics{
		peers: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "bedrock", Subsystem: "p2p",
			Name: "peers", Help: "Connected peers by role."}, []string{"role"}),
		received:      counter("received_messages_total", "Messages received.", "channel"),
		receivedBytes: counter("received_bytes_total", "Bytes of messages received.", "channel"),
		sent:          counter("sent_messages_total", "Messages written to streams.", "channel"),
		sentBytes:     counter("sent_bytes_total", "Bytes of messages written to streams.", "channel"),
		dropped:       counter("dropped_messages_total", "Messages lost on this node, by channel, direction and reason.", "channel", "direction", "reason"),
		streamsReset:  counter("streams_reset_total", "Streams given up, by channel and reason.", "channel", "reason"),
		dials:         counter("dials_total", "Dials by result.", "result"),
		refused:       counter("handshakes_refused_total", "Connections refused in the handshake, by who refused.", "side"),
		requests:      counter("requests_total", "Requests asked and served, by result.", "side", "result"),
		requestSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "bedrock", Subsystem: "p2p",
			Name: "request_seconds", Help: "Time of a request, by side.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}, []string{"side"}),
		gossipRefused: counter("gossip_refused_messages_total", "Gossip messages judged unfit, by reason.", "reason"),
		penalties: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "bedrock", Subsystem: "p2p",
			Name: "penalties_total", Help: "Faults of peers counted."}),
		silent: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "bedrock", Subsystem: "p2p",
			Name: "silent_connections_total", Help: "Connections with validators and configured peers ended since nothing was heard on them."}),
	}
	m.showAll()
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.peers, m.received, m.receivedBytes, m.sent, m.sentBytes, m.dropped,
		m.streamsReset, m.dials, m.refused, m.requests, m.requestSeconds, m.gossipRefused, m.penalties, m.silent} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// showAll gives every series its first value, 0.
func (m *metrics) showAll() {
	for _, d := range drops {
		for _, channel := range d.channels {
			for _, reason := range d.reasons {
				m.dropped.WithLabelValues(channel, d.direction, reason)
			}
		}
	}
	show := func(v *prometheus.CounterVec, values ...string) {
		for _, value := range values {
			v.WithLabelValues(value)
		}
	}
	for _, v := range []*prometheus.CounterVec{m.received, m.receivedBytes, m.sent, m.sentBytes} {
		show(v, ChannelVotes.String(), ChannelBlocks.String(), channelGossip)
	}
	for _, c := range []Channel{ChannelVotes, ChannelBlocks} {
		for _, reason := range []string{"malformed", "refused", "write"} {
			m.streamsReset.WithLabelValues(c.String(), reason)
		}
	}
	show(m.gossipRefused, "ignored", "invalid", "rejected")
	show(m.dials, "failed", "ok")
	show(m.refused, "here", "limit", "there")
	for _, side := range []string{"asked", "served"} {
		m.requestSeconds.WithLabelValues(side)
		for _, result := range []string{"busy", "failed", "ok", "refused"} {
			m.requests.WithLabelValues(side, result)
		}
	}
	for _, r := range []Role{RoleFull, RoleValidator, RoleSentry, RoleSeed} {
		m.peers.WithLabelValues(roleName(r))
	}
}

// drop counts messages that are lost.
func (m *metrics) drop(channel, direction, reason string, count int) {
	if count > 0 {
		m.dropped.WithLabelValues(channel, direction, reason).Add(float64(count))
		m.lost.Add(uint64(count))
	}
}

func roleName(r Role) string {
	switch r {
	case RoleFull:
		return "full"
	case RoleValidator:
		return "validator"
	case RoleSentry:
		return "sentry"
	case RoleSeed:
		return "seed"
	}
	return "unknown"
}
