package load

import (
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/bedrock-bft/bedrock/client"
)

// Config says what load to make. Zero stands for the default in brackets.
type Config struct {
	Endpoints []string // base URLs of nodes, 1 to MaxEndpoints
	Trust     client.Trust
	TLS       *tls.Config          // for https URLs [the system's]
	Keys      []ed25519.PrivateKey // of funded accounts, 1 to MaxAccounts
	// Senders is how many of Keys send; transfers go to all of them [all].
	Senders int
	Rate    float64 // transactions due a second over all endpoints, up to MaxRate
	// Duration of the offer [until the context ends].
	Duration time.Duration
	// Drain is how long what is in flight may take to become final after that [10 s].
	Drain time.Duration
	// RecordShare is the share of records, 0 to 1; the rest are transfers.
	RecordShare float64
	RecordBytes int    // data of a record, up to 4,096 [64]
	GasPrice    uint64 // [1]
	Seed        uint64 // of what is sent to whom
	// Progress is called about once a second, never at the same time twice.
	Progress func(Progress)
}

// Bounds of a Config.
const (
	MaxRate      = 100_000
	MaxEndpoints = 128
	MaxAccounts  = 100_000
	maxRecord    = 4096
	maxDuration  = 24 * time.Hour
)

// Progress is how a run goes.
type Progress struct {
	Elapsed   time.Duration
	Offered   uint64
	Committed uint64
	Refused   uint64
	InFlight  int
	Height    uint64 // newest final one
	// TPS, P50 and P99 are of what became final since the last call.
	TPS      float64
	P50, P99 time.Duration
	Text     string // the last refusal or error since then, for people
}

func (c Config) withDefaults() (Config, error) {
	if c.Drain <= 0 {
		c.Drain = 10 * time.Second
	}
	if c.RecordBytes == 0 {
		c.RecordBytes = 64
	}
	if c.GasPrice == 0 {
		c.GasPrice = 1
	}
	if c.Senders == 0 {
		c.Senders = len(c.Keys)
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	switch {
	case len(c.Endpoints) == 0 || len(c.Endpoints) > MaxEndpoints:
		return c, fmt.Errorf("load: %d endpoints, want 1 to %d", len(c.Endpoints), MaxEndpoints)
	case len(c.Keys) == 0 || len(c.Keys) > MaxAccounts:
		return c, fmt.Errorf("load: keys of %d accounts, want 1 to %d", len(c.Keys), MaxAccounts)
	case c.Senders < 1 || c.Senders > len(c.Keys):
		return c, fmt.Errorf("load: %d senders, want 1 to %d, as there are accounts", c.Senders, len(c.Keys))
	case !(c.Rate > 0) || c.Rate > MaxRate:
		return c, fmt.Errorf("load: %g transactions a second, want above 0 and at most %d", c.Rate, MaxRate)
	case c.Duration < 0 || c.Duration > maxDuration:
		return c, fmt.Errorf("load: a duration of %s, want at most %s", c.Duration, maxDuration)
	case !(c.RecordShare >= 0 && c.RecordShare <= 1):
		return c, fmt.Errorf("load: a share of records of %g, want 0 to 1", c.RecordShare)
	case c.RecordBytes < 1 || c.RecordBytes > maxRecord:
		return c, fmt.Errorf("load: records of %d bytes, want 1 to %d", c.RecordBytes, maxRecord)
	}
	return c, nil
}
