package load

import (
	"encoding/json"
	"time"
)

// Report is what a run gave. Its JSON is that of `bedrock devnet --report` and
// `bedrock bench --out`.
type Report struct {
	CommittedTx     uint64       `json:"committed_tx"` // final with code 0
	OfferedTx       uint64       `json:"offered_tx"`   // due within the run
	GoodputTPS      float64      `json:"goodput_tps"`  // committed, up to the last one's notice
	FinalityMs      Quantiles    `json:"finality_ms"`  // from due to notice
	BlockIntervalMs Interval     `json:"block_interval_ms"`
	Heights         uint64       `json:"heights"`     // final during the run
	EmptyViews      uint64       `json:"empty_views"` // the most that a node counted
	Timeouts        uint64       `json:"timeouts"`    // of all nodes
	StateRootsAgree bool         `json:"state_roots_agree"`
	Nodes           []NodeReport `json:"nodes"` // by endpoint; zero where none answered

	// Each transaction that was due is one of: committed, failed, refused, lost,
	// unsent.
	FailedTx  uint64            `json:"failed_tx"`  // final with another code
	RefusedTx map[string]uint64 `json:"refused_tx"` // by the pools' reasons
	LostTx    uint64            `json:"lost_tx"`    // accepted, not final by the end of the drain
	UnsentTx  uint64            `json:"unsent_tx"`  // taken by no node: no room, or no answer

	AcceptedTx    uint64            `json:"accepted_tx"`
	Retries       map[string]uint64 `json:"retries"`        // sent again after this reason
	EndpointMoves uint64            `json:"endpoint_moves"` // senders went on over another endpoint
	OfferedTPS    float64           `json:"offered_tps"`    // what was asked for
	OfferSeconds  float64           `json:"offer_seconds"`
	Seconds       []Second          `json:"seconds"` // from the start
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

	// Of the run, as the node counted.
	DroppedMessages uint64 `json:"dropped_messages"`
	HostFaults      uint64 `json:"host_faults"`
}

// Second is one second of a run. Latencies are of what became final in it.
type Second struct {
	Offered   uint64  `json:"offered"`
	Committed uint64  `json:"committed"`
	P50Ms     float64 `json:"p50_ms"`
	P99Ms     float64 `json:"p99_ms"`
}

// Result is a run's report and what is worth telling a person beside it.
type Result struct {
	Report Report
	// Text is the last refusal or error, empty if there was none.
	Text string
	// Disagreement says where nodes' outcomes differ, empty if nowhere.
	Disagreement string
}

// JSON is the report as a file holds it.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// Refused is the sum of all refusals.
func (r *Report) Refused() uint64 {
	var n uint64
	for _, c := range r.RefusedTx {
		n += c
	}
	return n
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
