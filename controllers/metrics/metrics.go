package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Metric is one for the documentation.
type Metric struct {
	Name, Kind, Labels, Unit, Help string
	collector                      prometheus.Collector
}

var network = []string{"namespace", "network"}

// All are the operator's metrics, in the order of the page.
var All []Metric

func gauge(name, unit, help string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "bedrock_operator", Name: name, Help: help}, network)
	All = append(All, Metric{"bedrock_operator_" + name, "gauge", "namespace, network", unit, help, g})
	return g
}

func counter(name, unit, help, label string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "bedrock_operator", Name: name, Help: help}, append(network[:2:2], label))
	All = append(All, Metric{"bedrock_operator_" + name, "counter", "namespace, network, " + label, unit, help, c})
	return c
}

// The metrics.
var (
	PowerTotal        = gauge("power_total", "voting power", "Voting power of the chain's set.")
	PowerVoting       = gauge("power_voting", "voting power", "Voting power whose votes two other nodes see.")
	PowerDisrupted    = gauge("power_disrupted", "voting power", "Voting power that counts as down: granted tokens, missing or unknown, in maintenance on chain, without a running pod.")
	PowerAllowed      = gauge("power_allowed", "voting power", "Most voting power that may be down.")
	TokensGranted     = gauge("tokens_granted", "tokens", "Disruption tokens that are out, used or not.")
	TokensWaiting     = gauge("tokens_waiting", "requests", "Requests that wait for a token.")
	TokenWaitSeconds  = gauge("token_wait_seconds", "seconds", "Age of the oldest request that waits for a token.")
	TokensTotal       = counter("tokens_total", "tokens", "Disruption tokens granted, by kind (Drain, Rollout).", "kind")
	RefusalsTotal     = counter("token_refusals_total", "passes", "Passes in which a request was refused, by reason.", "reason")
	TakeoversTotal    = counter("takeovers_total", "takeovers", "Takeovers that the chain has executed, by reason (Requested, Missing, SignerVolumeLost, Handoff).", "reason")
	TakeoversRefused  = counter("takeovers_refused_total", "passes", "Passes in which a takeover was due and refused, by reason.", "reason")
	LedgerUnreadable  = gauge("token_ledger_unreadable", "0 or 1", "1 where the token ledger cannot be read, so that nothing is granted.")
	ChainHeightSeen   = gauge("chain_height", "heights", "Highest final or certified height that any asked node tells.")
	ChainUnreachable  = gauge("chain_unreachable", "0 or 1", "1 where no node of the chain tells its set.")
	perNetworkGauges  = []*prometheus.GaugeVec{PowerTotal, PowerVoting, PowerDisrupted, PowerAllowed, TokensGranted, TokensWaiting, TokenWaitSeconds, LedgerUnreadable, ChainHeightSeen, ChainUnreachable}
	perNetworkCounter = []*prometheus.CounterVec{TokensTotal, RefusalsTotal, TakeoversTotal, TakeoversRefused}
)

func init() {
	for _, m := range All {
		metrics.Registry.MustRegister(m.collector)
	}
}

// Forget takes a network's series away.
func Forget(namespace, name string) {
	labels := prometheus.Labels{"namespace": namespace, "network": name}
	for _, g := range perNetworkGauges {
		g.DeletePartialMatch(labels)
	}
	for _, c := range perNetworkCounter {
		c.DeletePartialMatch(labels)
	}
}
