package load

import (
	"encoding/json"
	"time"
)

// Report is what a run gave. Its JSON is that of `bedrock devnet --report`.
type Report struct {
	CommittedTx     uint64       `json:"committed_tx"` // final with code 0
	OfferedTx       uint64       `json:"offered_tx"`   // due within the run
	GoodputTPS      float64      `json:"goodput_tps"`
	FinalityMs      Quantiles    `json:"finality_ms"`
	BlockIntervalMs Interval     `json:"block_interval_ms"`
	Heights         uint64       `json:"heights"`     // final during the run
	EmptyViews      uint64       `json:"empty_views"` // the most that a node counted
	Timeouts        uint64       `json:"timeouts"`    // of all nodes
	StateRootsAgree bool         `json:"state_roots_agree"`
	Nodes           []NodeReport `json:"nodes"`
}

// Quantiles are milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Interval is milliseconds.
type Interval struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// NodeReport is one node at the end. Who runs the node fills in what it took.
type NodeReport struct {
	Height     uint64  `json:"height"`
	StateRoot  string  `json:"state_root"` // hex
	CPUSeconds float64 `json:"cpu_seconds"`
	RSSBytes   uint64  `json:"rss_bytes"`
	DiskBytes  uint64  `json:"disk_bytes"`
}

// JSON is the report as a file holds it.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// Result is a report with how it went over time.
type Result struct {
	Report Report
	// Seconds are the run's, from its start.
	Seconds []Second
	// Refused counts refusals that were not transient, LastRefusal is one of them.
	Refused     uint64
	LastRefusal string
	// Failed counts transactions that are final with another code than 0.
	Failed uint64
}

// Second is one second of a run. Latencies are of what became final in it.
type Second struct {
	Offered   uint64
	Committed uint64
	P50, P99  time.Duration
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
