package sim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/node/types"
)

// MaxNodes bounds a plan.
const MaxNodes = 100

// Plan is what one run draws its faults from. The zero value of a fault means that it
// does not come. As JSON it is what `bedrock sim --plan` takes.
type Plan struct {
	Seed  uint64 `json:"seed"`
	Nodes int    `json:"nodes"`
	// Faulty is how long, in virtual time, faults come; Heal how soon after it every
	// node must have committed new blocks, with the time for what it lacks above that.
	Faulty time.Duration `json:"faulty_ns"`
	Heal   time.Duration `json:"heal_ns"`
	// Watch is how long the run goes on after that, with nothing wrong; new blocks must
	// go on to come within Heal.
	Watch time.Duration `json:"watch_ns,omitzero"`

	Loss      float64       `json:"loss,omitzero"`      // of messages
	Duplicate float64       `json:"duplicate,omitzero"` // of messages
	Delay     time.Duration `json:"delay_ns,omitzero"`  // of a message at most, while faults come
	Partition bool          `json:"partition,omitzero"`
	Crash     bool          `json:"crash,omitzero"`     // of one node at a time, several within a run
	CrashAll  bool          `json:"crash_all,omitzero"` // of all nodes at once
	SlowDisk  time.Duration `json:"slow_disk_ns,omitzero"`
	SlowRun   time.Duration `json:"slow_run_ns,omitzero"` // the longest execution of a block
	Unequal   bool          `json:"unequal,omitzero"`     // powers of 1 to 5; else 1
	Epochs    bool          `json:"epochs,omitzero"`      // transactions change the powers, and with them the epoch

	// Keep names the single faults (lost messages, cuts, crashes) that come, by their
	// number in the run, in rising order; nil: all that the fields above bring.
	Keep []uint64 `json:"keep,omitzero"`

	Clog       int           `json:"clog_bytes,omitzero"`    // a second that links take at most, which clog: the others wait in their queues
	ClockJump  time.Duration `json:"clock_jump_ns,omitzero"` // of wall clocks at most, to either side, now and then
	ClockDrift int           `json:"clock_drift,omitzero"`   // of clocks against true time at most, in millionths

	// Faults of disks (disks.go). Those of the hurt node count it among the f, for as long
	// as it has not got a new identity, and need four nodes.
	WearSlots    float64 `json:"wear_slots,omitzero"`    // of the syncs of a vote log's slots: bits flip, writes are lost or misdirected, unseen until a start
	WearSegments float64 `json:"wear_segments,omitzero"` // of those of the hurt node's segments, whose slots are whole then
	FailSync     bool    `json:"fail_sync,omitzero"`     // syncs of either volume fail: the process must end
	FullDisk     bool    `json:"full_disk,omitzero"`     // signer volumes have no room for a while
	DamageChain  float64 `json:"damage_chain,omitzero"`  // of the hurt node's heights, which do not read any more
	LoseChain    bool    `json:"lose_chain,omitzero"`    // the hurt node's chain volume is another, empty one
	LoseSigner   bool    `json:"lose_signer,omitzero"`   // its signer volume too: a new identity
	DamageBoth   bool    `json:"damage_both,omitzero"`   // both copies of its vote log are damaged
	RollBack     bool    `json:"roll_back,omitzero"`     // its signer volume is what it was a while ago
	CloneVolume  bool    `json:"clone_volume,omitzero"`  // a second process runs with a copy of its signer volume
	CloneKey     bool    `json:"clone_key,omitzero"`     // and one with its consensus key under another identity

	// Scheme is that of the signatures, by its name; empty: ed25519.
	Scheme string `json:"scheme,omitzero"`
	// Calm is the longest delay of a message when nothing is wrong; 0: 10 ms.
	Calm time.Duration `json:"calm_ns,omitzero"`
	// Conduct is what some nodes do otherwise; nil: all are as they should be.
	Conduct Conduct `json:"-"`
}

// fault is one kind of fault: a field of the plan, by its JSON name.
type fault struct {
	name string
	odds int // it comes in one of so many runs
	set  func(p *Plan, rng *rand.Rand)
}

// faults are all kinds. Each draws from a stream of its own, so that one more of them
// moves no other.
var faults = []fault{
	{"loss", 2, func(p *Plan, rng *rand.Rand) { p.Loss = 0.3 * rng.Float64() }},
	{"duplicate", 2, func(p *Plan, rng *rand.Rand) { p.Duplicate = 0.5 * rng.Float64() }},
	{"delay_ns", 2, func(p *Plan, rng *rand.Rand) { p.Delay = time.Duration(20+rng.IntN(1000)) * time.Millisecond }},
	{"partition", 2, func(p *Plan, _ *rand.Rand) { p.Partition = true }},
	{"crash", 2, func(p *Plan, _ *rand.Rand) { p.Crash = true }},
	{"crash_all", 4, func(p *Plan, _ *rand.Rand) { p.CrashAll = true }},
	{"slow_disk_ns", 4, func(p *Plan, rng *rand.Rand) { p.SlowDisk = time.Duration(rng.IntN(200)) * time.Millisecond }},
	{"slow_run_ns", 4, func(p *Plan, rng *rand.Rand) { p.SlowRun = time.Duration(rng.IntN(3000)) * time.Millisecond }},
	{"unequal", 3, func(p *Plan, _ *rand.Rand) { p.Unequal = true }},
	{"epochs", 2, func(p *Plan, _ *rand.Rand) { p.Epochs = true }},
	{"clog_bytes", 4, func(p *Plan, rng *rand.Rand) { p.Clog = 2_000 + rng.IntN(60_000) }},
	{"clock_jump_ns", 4, func(p *Plan, rng *rand.Rand) { p.ClockJump = time.Duration(50+rng.IntN(6000)) * time.Millisecond }},
	{"clock_drift", 4, func(p *Plan, rng *rand.Rand) { p.ClockDrift = 1 + rng.IntN(50_000) }},
	{"wear_slots", 3, func(p *Plan, rng *rand.Rand) { p.WearSlots = 0.1 * rng.Float64() }},
	{"wear_segments", 4, hurting(func(p *Plan, rng *rand.Rand) { p.WearSegments = 0.1 * rng.Float64() })},
	{"fail_sync", 4, func(p *Plan, _ *rand.Rand) { p.FailSync = true }},
	{"full_disk", 6, func(p *Plan, _ *rand.Rand) { p.FullDisk = true }},
	{"damage_chain", 6, hurting(func(p *Plan, rng *rand.Rand) { p.DamageChain = 0.1 * rng.Float64() })},
	{"lose_chain", 5, hurting(func(p *Plan, _ *rand.Rand) { p.LoseChain = true })},
	{"lose_signer", 10, hurting(func(p *Plan, _ *rand.Rand) { p.LoseSigner = true })},
	{"damage_both", 10, hurting(func(p *Plan, _ *rand.Rand) { p.DamageBoth = true })},
	{"roll_back", 8, hurting(func(p *Plan, _ *rand.Rand) { p.RollBack = true })},
	{"clone_volume", 10, hurting(func(p *Plan, _ *rand.Rand) { p.CloneVolume = true })},
	{"clone_key", 10, hurting(func(p *Plan, _ *rand.Rand) { p.CloneKey = true })},
}

// Profile says which kinds of fault come.
type Profile struct {
	Name   string
	Faults []string // always; nil: a random part of all
}

// Profiles are those that there are; the first is that of Draw.
func Profiles() []Profile {
	return []Profile{
		{"swarm", nil},
		{"calm", []string{}},
		{"loss", []string{"loss", "duplicate"}},
		{"delay", []string{"delay_ns"}},
		{"partitions", []string{"partition"}},
		{"crashes", []string{"crash"}},
		{"outages", []string{"crash_all"}},
		{"slow-disks", []string{"slow_disk_ns"}},
		{"slow-execution", []string{"slow_run_ns"}},
		{"epochs", []string{"epochs", "unequal", "partition", "crash"}},
		{"clogs", []string{"clog_bytes"}},
		{"clocks", []string{"clock_jump_ns", "clock_drift"}},
		{"disks", []string{"wear_slots", "wear_segments", "fail_sync", "full_disk", "damage_chain", "lose_chain", "crash"}},
		{"volumes", []string{"lose_chain", "lose_signer", "damage_both", "clone_key", "crash"}},
		{"copies", []string{"roll_back", "clone_volume", "clone_key"}},
	}
}

// Draw switches a random part of the faults on, as the seed says.
func Draw(seed uint64, nodes int) Plan { return Profile{}.Draw(seed, nodes) }

// sizes are how many nodes a run has where the seed says it: mostly the fewest that
// tolerate one that is faulty.
var sizes = []int{1, 2, 3, 4, 4, 4, 4, 4, 5, 5, 6, 7, 7, 10}

// Draw is a plan of the profile. Of 0 nodes the seed says how many.
func (f Profile) Draw(seed uint64, nodes int) Plan {
	if nodes == 0 {
		nodes = sizes[stream(seed, "nodes").IntN(len(sizes))]
	}
	p := calm(seed, nodes)
	for _, kind := range faults {
		rng := stream(seed, kind.name)
		if on := rng.IntN(kind.odds) == 0; f.Faults == nil && on || slices.Contains(f.Faults, kind.name) {
			kind.set(&p, rng)
		}
	}
	p.Heal += 3*p.ClockJump + 8*p.SlowRun + 20*p.SlowDisk
	return p
}

// calm is a plan in which nothing goes wrong but what is so on every day.
func calm(seed uint64, nodes int) Plan {
	rng := stream(seed, "plan")
	return Plan{Seed: seed, Nodes: nodes, Heal: 10 * time.Second, Faulty: time.Duration(5+rng.IntN(25)) * time.Second,
		Delay: time.Duration(1+rng.IntN(20)) * time.Millisecond, SlowRun: 5 * time.Millisecond, SlowDisk: 2 * time.Millisecond}
}

// stream is a source of chance with a name.
func stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// without is the plan with one kind of fault as on a calm day.
func (p Plan) without(name string) Plan {
	from, to := reflect.ValueOf(calm(p.Seed, p.Nodes)), reflect.ValueOf(&p).Elem()
	for i := range to.NumField() {
		if field, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ","); field == name {
			to.Field(i).Set(from.Field(i))
		}
	}
	return p
}

// Check says what is wrong with a plan.
func (p *Plan) Check() error {
	if _, err := p.scheme(); err != nil {
		return err
	}
	switch {
	case p.Nodes < 1 || p.Nodes > MaxNodes:
		return fmt.Errorf("%d nodes: a simulation has 1 to %d", p.Nodes, MaxNodes)
	case p.Loss < 0 || p.Loss > 0.9 || p.Duplicate < 0 || p.Duplicate > 1:
		return fmt.Errorf("loss %v and duplicates %v: want 0 to 0.9 and 0 to 1", p.Loss, p.Duplicate)
	case p.Faulty < 0 || p.Heal <= 0 || p.Watch < 0 || p.Delay < 0 || p.Calm < 0 || p.SlowDisk < 0 || p.SlowRun < 0:
		return fmt.Errorf("a duration is below zero, or there is no time to heal in: %+v", *p)
	case p.Clog < 0 || p.ClockJump < 0 || p.ClockJump > time.Hour || p.ClockDrift < 0 || p.ClockDrift > maxDrift:
		return fmt.Errorf("clog of %d bytes, jumps of %s and drift of %d millionths: want none below zero, an hour and %d at most", p.Clog, p.ClockJump, p.ClockDrift, maxDrift)
	case !slices.IsSorted(p.Keep):
		return fmt.Errorf("keep: the numbers of faults must rise")
	}
	return p.checkDisks()
}

// scheme is the one of the signatures.
func (p *Plan) scheme() (types.Scheme, error) {
	if p.Scheme == "" {
		return types.Ed25519{}, nil
	}
	return types.SchemeByName(p.Scheme)
}

// equal reports whether both plans run the same.
func (p Plan) equal(o Plan) bool {
	p.Conduct, o.Conduct = nil, nil
	return reflect.DeepEqual(p, o)
}
