package rpc

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Probes are what /healthz and /readyz answer from.
type Probes struct {
	// Alive is nil while the event loop turns; else why a restart would help.
	// Nothing else belongs here: a node that syncs or waits is alive.
	Alive func() error
	// NotReady lists why the node should get no traffic; empty: it should.
	NotReady func() []string
	Gatherer prometheus.Gatherer
	Log      *slog.Logger // of failed scrapes; nil: discards
}

// NewOps makes the handler of probes and metrics.
func NewOps(p Probes) http.Handler {
	log := p.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		var reasons []string
		if err := p.Alive(); err != nil {
			reasons = []string{err.Error()}
		}
		probe(w, reasons)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { probe(w, p.NotReady()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.Gatherer, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4, EnableOpenMetrics: true,
	}))
	return mux
}

func probe(w http.ResponseWriter, reasons []string) {
	w.Header().Set("Content-Type", "application/json")
	if len(reasons) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	body, err := json.Marshal(struct {
		OK      bool     `json:"ok"`
		Reasons []string `json:"reasons,omitempty"`
	}{len(reasons) == 0, reasons})
	if err != nil {
		body = []byte(`{"ok":false,"reasons":["` + strings.ToValidUTF8(err.Error(), "") + `"]}`)
	}
	_, _ = w.Write(append(body, '\n')) // the prober is gone if it fails
}
