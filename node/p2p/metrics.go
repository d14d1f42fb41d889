package p2p

import "github.com/prometheus/client_golang/prometheus"

// metrics are the network's figures. Labels take values from fixed lists only.
type metrics struct {
	peers          *prometheus.GaugeVec   // role
	received       *prometheus.CounterVec // channel
	receivedBytes  *prometheus.CounterVec // channel
	sent           *prometheus.CounterVec // channel
	sentBytes      *prometheus.CounterVec // channel
	dropped        *prometheus.CounterVec // channel, reason
	streamsReset   *prometheus.CounterVec // channel, reason
	dials          *prometheus.CounterVec // result
	refused        *prometheus.CounterVec // side
	requests       *prometheus.CounterVec // side, result
	requestSeconds *prometheus.HistogramVec
	gossipDropped  *prometheus.CounterVec // reason
	penalties      prometheus.Counter
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
		dropped:       counter("dropped_messages_total", "Messages dropped, by channel and reason.", "channel", "reason"),
		streamsReset:  counter("streams_reset_total", "Streams given up, by channel and reason.", "channel", "reason"),
		dials:         counter("dials_total", "Dials by result.", "result"),
		refused:       counter("handshakes_refused_total", "Connections refused in the handshake, by who refused.", "side"),
		requests:      counter("requests_total", "Requests asked and served, by result.", "side", "result"),
		requestSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "bedrock", Subsystem: "p2p",
			Name: "request_duration_seconds", Help: "Time of a request, by side.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}, []string{"side"}),
		gossipDropped: counter("gossip_dropped_messages_total", "Gossip messages dropped, by reason.", "reason"),
		penalties: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "bedrock", Subsystem: "p2p",
			Name: "penalties_total", Help: "Faults of peers counted."}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.peers, m.received, m.receivedBytes, m.sent, m.sentBytes, m.dropped,
		m.streamsReset, m.dials, m.refused, m.requests, m.requestSeconds, m.gossipDropped, m.penalties} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
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
