package disruption

import (
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/metrics"
)

func forget(namespace, network string) { metrics.Forget(namespace, network) }

// measure sets the network's metrics: numbers are here, not in status.
func (p *pass) measure(in *plan.Input, s *plan.Step) {
	ns, name := p.network.Namespace, p.network.Name
	c := plan.NewCount(&in.View, &s.Ledger, in.Fleet)
	var voting uint64
	for _, m := range in.View.Members {
		if m.Presence == plan.Present {
			voting += m.Power
		}
	}
	unreachable := 0.0
	if in.View.Total == 0 {
		unreachable = 1
	}
	metrics.PowerTotal.WithLabelValues(ns, name).Set(float64(in.View.Total))
	metrics.PowerVoting.WithLabelValues(ns, name).Set(float64(voting))
	metrics.PowerDisrupted.WithLabelValues(ns, name).Set(float64(c.Power()))
	metrics.PowerAllowed.WithLabelValues(ns, name).Set(float64(c.Allowed()))
	metrics.TokensGranted.WithLabelValues(ns, name).Set(float64(len(s.Ledger.Tokens)))
	metrics.TokensWaiting.WithLabelValues(ns, name).Set(float64(len(s.Ledger.Requests)))
	metrics.ChainHeightSeen.WithLabelValues(ns, name).Set(float64(in.View.Height))
	metrics.ChainUnreachable.WithLabelValues(ns, name).Set(unreachable)
	metrics.LedgerUnreadable.WithLabelValues(ns, name).Set(0)
	var oldest float64
	for _, r := range s.Ledger.Requests {
		oldest = max(oldest, p.now.Sub(r.Since).Seconds())
		if v := s.Verdicts.Disruption[r.Validator]; !v.OK() {
			metrics.RefusalsTotal.WithLabelValues(ns, name, v.Reason).Inc()
		}
	}
	metrics.TokenWaitSeconds.WithLabelValues(ns, name).Set(oldest)
	for _, t := range s.Ledger.Tokens {
		if before := in.Ledger.Token(t.Validator); before == nil && t.State == plan.Granted {
			metrics.TokensTotal.WithLabelValues(ns, name, string(t.Kind)).Inc()
		}
	}
}
