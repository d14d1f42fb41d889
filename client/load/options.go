package load

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/client"
)

// Options say what load is sent. Zero stands for the default in brackets.
type Options struct {
	Endpoints []string // base URLs of nodes; each gets a share of the senders
	Trust     client.Trust
	Senders   []ed25519.PrivateKey // funded accounts
	Rate      float64              // transactions a second, over all endpoints
	// Duration of sending; 0: until the context ends.
	Duration time.Duration
	// Drain is how long the last ones may take to become final [10 s].
	Drain time.Duration
	// RecordShare is the share of records, 0 to 1; the others are transfers.
	RecordShare float64
	RecordBytes int    // of a record's data [64]
	GasPrice    uint64 // [1]
	// Progress is called about once a second.
	Progress func(Progress)
}

// Bounds.
const (
	MaxRate      = 100_000
	maxEndpoints = 128
	maxSenders   = 100_000
	signedAhead  = 16_384
	maxBacklog   = 200_000 // due and not sent
	maxInFlight  = 768     // of one sender: below the pool's 1,024
	batchMost    = 500
	workersEach  = 2 // for an endpoint; a sender belongs to one
	tick         = 4 * time.Millisecond
)

// Progress is how a run goes.
type Progress struct {
	Elapsed   time.Duration
	Offered   uint64
	Committed uint64
	Refused   uint64 // answers of pools that were not transient
	Height    uint64
	// TPS, P50 and P99 are of the last second.
	TPS      float64
	P50, P99 time.Duration
	Text     string // the last refusal or error, for people
}

func (o Options) withDefaults() (Options, error) {
	if o.Drain <= 0 {
		o.Drain = 10 * time.Second
	}
	if o.RecordBytes == 0 {
		o.RecordBytes = 64
	}
	if o.GasPrice == 0 {
		o.GasPrice = 1
	}
	switch {
	case len(o.Endpoints) == 0 || len(o.Endpoints) > maxEndpoints:
		return o, fmt.Errorf("load: %d endpoints, want 1 to %d", len(o.Endpoints), maxEndpoints)
	case len(o.Senders) == 0 || len(o.Senders) > maxSenders:
		return o, fmt.Errorf("load: %d senders, want 1 to %d", len(o.Senders), maxSenders)
	case !(o.Rate > 0) || o.Rate > MaxRate:
		return o, fmt.Errorf("load: %g transactions a second, want above 0 up to %d", o.Rate, MaxRate)
	case o.RecordShare < 0 || o.RecordShare > 1:
		return o, errors.New("load: the share of records is 0 to 1")
	case o.RecordBytes < 1 || o.RecordBytes > 4096:
		return o, fmt.Errorf("load: records of %d bytes, want 1 to 4096", o.RecordBytes)
	}
	return o, nil
}
