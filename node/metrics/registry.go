package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Build names the running program and chain.
type Build struct {
	Version string
	ChainID string
	Genesis string // hash in hex
}

// New is a registry with what every node has: Go's runtime, the process, and one
// metric that names version and chain.
func New(b Build) (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "bedrock_build_info", Help: "Always 1: its labels name the version and the chain.",
		ConstLabels: prometheus.Labels{"version": b.Version, "chain_id": b.ChainID, "genesis": b.Genesis},
	})
	info.Set(1)
	for _, c := range []prometheus.Collector{
		info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return r, nil
}
