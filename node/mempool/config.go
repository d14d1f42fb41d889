package mempool

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Limits bound the pool; zero stands for the default in brackets.
type Limits struct {
	Txs        int           // in lanes [100,000]
	Bytes      int           // of what is in lanes [64 MiB]
	TxBytes    int           // of one transaction [256 KiB]
	LaneTxs    int           // of one sender [1,024]
	PeerTxs    int           // in the pool, of one peer [half of Txs]
	Held       int           // beyond gaps, of all senders [8,192]
	HeldBytes  int           // [8 MiB]
	LaneHeld   int           // beyond gaps, of one sender [256]
	HoldFor    time.Duration // beyond a gap [10 s]
	TTL        time.Duration // in the pool [1 h]
	Pending    int           // on the way to admission [16,384]
	Verdicts   int           // cached [262,144]
	BlockTxs   int           // in one Build [65,536]
	Suspects   int           // remembered [65,536]
	RefuseFor  time.Duration // the hash of a poison [10 min]
	Subscriber int           // events waiting for one subscriber [4,096]
}

// Config of a Pool. Verifier, Checker and Executor are required; Sandbox too where
// Suspect is ever called.
type Config struct {
	// Tasks is where the pool runs; its zero value is the machine.
	Tasks       task.Runtime
	Verifier    Verifier
	Checker     Checker
	Sandbox     Sandbox
	Broadcaster Broadcaster // nil: nothing is passed on
	// Executor is the module of the next block.
	Executor types.Hash
	// Height is the last committed one.
	Height uint64
	Limits Limits
	// Journal is a file that keeps accepted transactions over restarts; "" for none.
	Journal string
	// JournalBytes bounds that file [64 MiB].
	JournalBytes int64
	// Workers is the number of `verify` calls at once [number of CPUs].
	Workers int

	Now        func() time.Time // the clock [that of Tasks]
	Log        *slog.Logger     // discards
	Registerer prometheus.Registerer
}

const (
	batchTxs   = 256
	batchDelay = 5 * time.Millisecond
	// maxLane bounds the name of a lane, which the executor chooses.
	maxLaneName = 64
)

func (c Config) withDefaults() (Config, error) {
	if c.Verifier == nil || c.Checker == nil {
		return c, errors.New("mempool: a verifier and a checker are required")
	}
	l := &c.Limits
	for _, f := range []struct {
		value  *int
		preset int
	}{
		{&l.Txs, 100_000}, {&l.Bytes, 64 << 20}, {&l.TxBytes, 256 << 10}, {&l.LaneTxs, 1024},
		{&l.Held, 8192}, {&l.HeldBytes, 8 << 20}, {&l.LaneHeld, 256}, {&l.Pending, 16_384},
		{&l.Verdicts, 262_144}, {&l.BlockTxs, 65_536}, {&l.Suspects, 65_536}, {&l.Subscriber, 4096},
		{&c.Workers, runtime.GOMAXPROCS(0)},
	} {
		if *f.value < 0 {
			return c, fmt.Errorf("mempool: a limit of %d is below zero", *f.value)
		}
		if *f.value == 0 {
			*f.value = f.preset
		}
	}
	if l.PeerTxs <= 0 {
		l.PeerTxs = max(1, l.Txs/2)
	}
	if l.LaneTxs > 1024 {
		return c, fmt.Errorf("mempool: %d transactions a lane, want at most 1024", l.LaneTxs)
	}
	for _, d := range []struct {
		value  *time.Duration
		preset time.Duration
	}{{&l.HoldFor, 10 * time.Second}, {&l.TTL, time.Hour}, {&l.RefuseFor, 10 * time.Minute}} {
		if *d.value <= 0 {
			*d.value = d.preset
		}
	}
	if c.JournalBytes <= 0 {
		c.JournalBytes = 64 << 20
	}
	if c.Now == nil {
		c.Now = c.Tasks.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
