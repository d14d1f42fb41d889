package rpc

import (
	"context"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"

	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// metrics count what is served. Names carry their units.
type metrics struct {
	requests *prometheus.CounterVec   // by procedure and code
	seconds  *prometheus.HistogramVec // by procedure; unary only
	streams  prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bedrock_rpc_requests_total", Help: "Requests answered, by procedure and code.",
		}, []string{"procedure", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "bedrock_rpc_request_seconds", Help: "Time to answer a request, by procedure.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 3, 10),
		}, []string{"procedure"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bedrock_rpc_open_streams", Help: "Streams that are open.",
		}),
	}
	service := nodev1.File_bedrock_node_v1_node_proto.Services().ByName("NodeService").Methods()
	for i := range service.Len() { // a scrape shows each, also while it is 0
		if method := service.Get(i); !method.IsStreamingServer() {
			m.requests.WithLabelValues(string(method.Name()), "ok")
			m.seconds.WithLabelValues(string(method.Name()))
		}
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.streams} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) interceptor() connect.Interceptor {
	return connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			start := time.Now()
			res, err := next(ctx, req)
			procedure := req.Spec().Procedure[strings.LastIndexByte(req.Spec().Procedure, '/')+1:]
			code := "ok"
			if err != nil {
				code = connect.CodeOf(err).String()
			}
			m.requests.WithLabelValues(procedure, code).Inc()
			m.seconds.WithLabelValues(procedure).Observe(time.Since(start).Seconds())
			return res, err
		}
	})
}
