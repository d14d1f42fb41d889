package node

import (
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// faultCount counts what the executor's host failed, second attempts that passed
// included. // rule: host-fault
type faultCount struct {
	log    *slog.Logger
	faults *prometheus.CounterVec
	sum    atomic.Uint64
}

func newFaultCount(r prometheus.Registerer, log *slog.Logger) (*faultCount, error) {
	c := &faultCount{log: log, faults: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "bedrock", Subsystem: "executor",
		Name: "host_faults_total", Help: "Runs of a module's export that the host failed, by export."}, []string{"export"})}
	for _, export := range []string{"genesis", "verify", "check", "execute", "query"} {
		c.faults.WithLabelValues(export)
	}
	return c, r.Register(c.faults)
}

// heard is the executor's OnHostFault.
func (c *faultCount) heard(export string, err error) {
	c.faults.WithLabelValues(export).Inc()
	c.sum.Add(1)
	c.log.Warn("host fault: the module's export is run once more", "rule", "host-fault", "export", export, "error", err)
}
