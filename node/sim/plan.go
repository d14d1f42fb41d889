package sim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// MaxNodes bounds a plan.
const MaxNodes = 100

// Plan is what one run draws its faults from. The zero value of a fault means that it
// does not come.
type Plan struct {
	Seed  uint64
	Nodes int
	// Faulty is how long, in virtual time, faults come; Heal how soon after it every
	// node must have committed new blocks, with the time for what it lacks above that.
	Faulty, Heal time.Duration

	Loss      float64       // of messages
	Duplicate float64       // of messages
	Delay     time.Duration // of a message at most, while faults come
	Partition bool
	Crash     bool // of one node at a time, several within a run
	CrashAll  bool // of all nodes at once
	SlowDisk  time.Duration
	SlowRun   time.Duration // the longest execution of a block
	Unequal   bool          // powers of 1 to 5; else 1
	Epochs    bool          // transactions change the powers, and with them the epoch

	// Calm is the longest delay of a message when nothing is wrong; 0: 10 ms.
	Calm time.Duration
	// Conduct is what some nodes do otherwise; nil: all are as they should be.
	Conduct Conduct `json:"-"`
}

// Draw switches a random part of the faults on, as the seed says.
func Draw(seed uint64, nodes int) Plan {
	rng := rand.New(rand.NewPCG(seed, 0x706c616e))
	on := func() bool { return rng.IntN(2) == 0 }
	p := Plan{Seed: seed, Nodes: nodes, Faulty: time.Duration(5+rng.IntN(25)) * time.Second,
		Delay: time.Duration(1+rng.IntN(20)) * time.Millisecond, SlowRun: 5 * time.Millisecond, SlowDisk: 2 * time.Millisecond}
	if on() {
		p.Loss = 0.3 * rng.Float64()
	}
	if on() {
		p.Duplicate = 0.5 * rng.Float64()
	}
	if on() {
		p.Delay = time.Duration(20+rng.IntN(1000)) * time.Millisecond
	}
	p.Partition, p.Crash, p.CrashAll = on(), on(), rng.IntN(4) == 0
	if rng.IntN(4) == 0 {
		p.SlowDisk = time.Duration(rng.IntN(200)) * time.Millisecond
	}
	if rng.IntN(4) == 0 {
		p.SlowRun = time.Duration(rng.IntN(3000)) * time.Millisecond
	}
	p.Unequal, p.Epochs = rng.IntN(3) == 0, on()
	p.Heal = 10*time.Second + 8*p.SlowRun + 20*p.SlowDisk
	return p
}

func (p *Plan) check() error {
	switch {
	case p.Nodes < 1 || p.Nodes > MaxNodes:
		return fmt.Errorf("%d nodes: a simulation has 1 to %d", p.Nodes, MaxNodes)
	case p.Loss < 0 || p.Loss > 0.9 || p.Duplicate < 0 || p.Duplicate > 1:
		return fmt.Errorf("loss %v and duplicates %v: want 0 to 0.9 and 0 to 1", p.Loss, p.Duplicate)
	case p.Faulty < 0 || p.Heal <= 0 || p.Delay < 0 || p.Calm < 0 || p.SlowDisk < 0 || p.SlowRun < 0:
		return fmt.Errorf("a duration is below zero, or there is no time to heal in: %+v", *p)
	}
	return nil
}

// Result is what a run did.
type Result struct {
	Seed        uint64        `json:"seed"`
	Fingerprint string        `json:"fingerprint"` // of the whole history
	Height      uint64        `json:"height"`      // that every node has reached
	Virtual     time.Duration `json:"virtual"`     // how long it lasted, in virtual time
	Healed      time.Duration `json:"healed"`      // from the last fault until all had committed
	Switches    uint64        `json:"switches"`    // of tasks
	Messages    uint64        `json:"messages"`    // that arrived
	Lost        uint64        `json:"lost"`        // messages
	Crashes     int           `json:"crashes"`
	Partitions  int           `json:"partitions"`
	Epochs      uint64        `json:"epochs"`   // that began after the first
	Evidence    int           `json:"evidence"` // that final blocks hold
}
