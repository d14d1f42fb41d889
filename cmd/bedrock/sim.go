package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/sim"
)

// simFlags say which runs there are.
type simFlags struct {
	seed, seeds uint64
	minutes     uint64
	nodes       int
	workers     int
	profile     string
	plan        string
	shrink      int
	trace       bool
	conduct     simConduct
}

func newSimCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Simulate whole nodes under faults, by seed",
		Long: `Runs whole validators in this process in virtual time: one seed decides what is late, lost,
cut off and crashed, and in which order everything happens. The same seed gives the same
history and the same fingerprint of it on every machine. A run that violates agreement,
loses what was final, signs twice or stops committing is run again with fewer and fewer
faults; the smallest that still violates the same is printed with its last events and the
command that runs it again, and the exit code is not 0 then.`,
		Example: "  bedrock sim --seeds 100\n  bedrock sim --seed 42 --nodes 7 --trace\n  bedrock sim --minutes 120 --profile partitions --output json\n" +
			"  bedrock sim --plan '{\"seed\":42,\"nodes\":4,\"faulty_ns\":8000000000,\"heal_ns\":10000000000,\"crash\":true}'",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return simulate(cmd, &f) },
	}
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "run this seed alone; 0: those from 1 on")
	cmd.Flags().Uint64Var(&f.seeds, "seeds", 20, "how many seeds to run")
	cmd.Flags().Uint64Var(&f.minutes, "minutes", 0, "run seeds for so long instead; 0: a number of seeds")
	cmd.Flags().IntVar(&f.nodes, "nodes", 0, "how many validators each run has; 0: the seed says, 1 to 10")
	cmd.Flags().IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "how many runs go on at once")
	cmd.Flags().StringVar(&f.profile, "profile", "swarm", "which faults come: "+strings.Join(profileNames(), ", "))
	cmd.Flags().StringVar(&f.plan, "plan", "", "run this one plan, in JSON, instead of what seeds draw")
	cmd.Flags().IntVar(&f.shrink, "shrink", 200, "how many runs may go into making a failing one small; 0: none")
	cmd.Flags().BoolVar(&f.trace, "trace", false, "print the events of a single run")
	f.conduct.flags(cmd)
	addOutputFlag(cmd)
	return cmd
}

func profileNames() []string {
	var names []string
	for _, p := range sim.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// maxSimEvents bounds the events that are printed of a run that fails; maxSimFailures,
// how many such runs are made small and kept.
const (
	maxSimEvents   = 60
	maxSimFailures = 10
)

// simSummary is what many runs did.
type simSummary struct {
	Runs    int           `json:"runs"`
	Failed  int           `json:"failed"`
	Profile string        `json:"profile,omitempty"`
	Took    time.Duration `json:"took_ns"`
	Sum     sim.Result    `json:"sum"` // of all; of a single run its result
	// From the last fault to the first new block, and until every node had committed.
	FirstCommit simSpread    `json:"first_commit"`
	Healed      simSpread    `json:"healed"`
	Failures    []simFailure `json:"failures,omitempty"` // the first ones
	Events      []sim.Event  `json:"events,omitempty"`   // of a single run, when asked for

	firsts, heals []time.Duration
}

// simSpread is a distribution in base timeouts of the view's timer.
type simSpread struct {
	P50 float64 `json:"p50_timeouts"`
	P90 float64 `json:"p90_timeouts"`
	P99 float64 `json:"p99_timeouts"`
	Max float64 `json:"max_timeouts"`
}

func newSimSpread(times []time.Duration) simSpread {
	if len(times) == 0 {
		return simSpread{}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		i := min(int(share*float64(len(times))), len(times)-1)
		return float64(times[i].Milliseconds()) / float64(sim.BaseTimeout().Milliseconds())
	}
	return simSpread{P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: at(1)}
}

func (s simSpread) String() string {
	return fmt.Sprintf("p50 %.2f, p90 %.2f, p99 %.2f, max %.2f base timeouts", s.P50, s.P90, s.P99, s.Max)
}

// simFailure is a run that violated something.
type simFailure struct {
	Seed   uint64      `json:"seed"`
	Error  string      `json:"error"`
	Replay string      `json:"replay"` // of the run
	Plan   *sim.Plan   `json:"plan,omitempty"`
	Small  string      `json:"small,omitempty"` // how the smallest that still fails is run again
	Events []sim.Event `json:"events,omitempty"`
	Faults uint64      `json:"faults,omitempty"`
	Runs   int         `json:"shrink_runs,omitempty"`
}

func (s *simSummary) add(r *sim.Result, err error) {
	s.Runs++
	s.Sum.Add(r)
	if err != nil {
		s.Failed++
		return
	}
	s.firsts, s.heals = append(s.firsts, r.FirstCommit), append(s.heals, r.Healed)
}

func (s *simSummary) print(w io.Writer) {
	for _, e := range s.Events {
		fmt.Fprintln(w, e)
	}
	r := &s.Sum
	if r.Fingerprint != "" {
		fmt.Fprintf(w, "seed         %d\nfingerprint  %s\n", r.Seed, r.Fingerprint)
	}
	fmt.Fprintf(w, "runs         %d, %d of them violated what must hold\n", s.Runs, s.Failed)
	fmt.Fprintf(w, "time         %s virtual in %s\n", r.Virtual.Round(time.Second), s.Took.Round(time.Millisecond))
	fmt.Fprintf(w, "events       %d switches of tasks, %d messages, %d lost\n", r.Switches, r.Messages, r.Lost)
	fmt.Fprintf(w, "faults       %d, with %d crashes and %d partitions; %d changes of epoch\n", r.Faults, r.Crashes, r.Partitions, r.Epochs)
	fmt.Fprintf(w, "progress     %d heights final everywhere\n", r.Height)
	fmt.Fprintf(w, "healing      first block after the last fault: %s\n             every node committed: %s\n", s.FirstCommit, s.Healed)
	for _, x := range s.Failures {
		fmt.Fprintf(w, "\n%s\nagain: %s\n", x.Error, x.Replay)
		if x.Small == "" {
			continue
		}
		fmt.Fprintf(w, "the smallest of %d runs that violates the same has %d faults; its last events:\n", x.Runs, x.Faults)
		for _, e := range x.Events {
			fmt.Fprintln(w, e)
		}
		fmt.Fprintf(w, "again: %s\n", x.Small)
	}
	if hidden := s.Failed - len(s.Failures); hidden > 0 {
		fmt.Fprintf(w, "\n%d more failed\n", hidden)
	}
}

// draw gives the plans of seeds.
func (f *simFlags) draw() (func(seed uint64) sim.Plan, error) {
	for _, p := range sim.Profiles() {
		if p.Name == f.profile {
			return func(seed uint64) sim.Plan { return f.conduct.on(p.Draw(seed, f.nodes)) }, nil
		}
	}
	return nil, fmt.Errorf("--profile %s: use one of %s", f.profile, strings.Join(profileNames(), ", "))
}

func (f *simFlags) check() error {
	switch {
	case f.nodes < 0 || f.nodes > sim.MaxNodes:
		return fmt.Errorf("--nodes %d: use 1 to %d, or 0 to let the seed say", f.nodes, sim.MaxNodes)
	case f.workers < 1 || f.seeds < 1:
		return errors.New("--workers and --seeds must be at least 1")
	case f.shrink < 0:
		return fmt.Errorf("--shrink %d: use 0 or more", f.shrink)
	case f.trace && f.seed == 0 && f.plan == "":
		return errors.New("--trace prints one run: give --seed or --plan with it")
	}
	return nil
}

func simulate(cmd *cobra.Command, f *simFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	draw, err := f.draw()
	if err != nil {
		return err
	}
	begin := time.Now()
	summary := simSummary{Profile: f.profile}
	switch {
	case f.plan != "":
		var p sim.Plan
		decoder := json.NewDecoder(strings.NewReader(f.plan))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&p); err != nil {
			return fmt.Errorf("--plan: %w; want what a failing run printed, or --seed", err)
		}
		err = f.single(&summary, f.conduct.on(p))
	case f.seed != 0:
		err = f.single(&summary, draw(f.seed))
	default:
		err = f.many(cmd.Context(), &summary, draw)
	}
	if err != nil {
		return err
	}
	summary.Took = time.Since(begin)
	summary.FirstCommit, summary.Healed = newSimSpread(summary.firsts), newSimSpread(summary.heals)
	if err := show(cmd, &summary, summary.print); err != nil {
		return err
	}
	if summary.Failed > 0 {
		return fmt.Errorf("%d of %d runs violated what must hold", summary.Failed, summary.Runs)
	}
	return nil
}

// single runs one plan.
func (f *simFlags) single(s *simSummary, p sim.Plan) error {
	if err := p.Check(); err != nil {
		return err
	}
	events, r, err := sim.Trace(p)
	s.add(&r, err)
	s.Sum = r
	if f.trace {
		s.Events = events
	}
	if err != nil {
		s.Failures = append(s.Failures, f.failure(p, err, planReplay(p)+f.conduct.replay()))
	}
	return nil
}

// many runs the plans of seeds.
func (f *simFlags) many(ctx context.Context, s *simSummary, draw func(uint64) sim.Plan) error {
	if f.minutes > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(f.minutes)*time.Minute)
		defer cancel()
	}
	failed := map[uint64]error{}
	err := f.each(ctx, draw, func(r sim.Result, err error) {
		if s.add(&r, err); err != nil && len(failed) < maxSimFailures {
			failed[r.Seed] = err
		}
	})
	for _, seed := range slices.Sorted(maps.Keys(failed)) {
		replay := fmt.Sprintf("bedrock sim --seed %d --nodes %d --profile %s%s", seed, draw(seed).Nodes, f.profile, f.conduct.replay())
		s.Failures = append(s.Failures, f.failure(draw(seed), failed[seed], replay))
	}
	return err
}

// failure makes a failing run small, and says how it is run again.
func (f *simFlags) failure(p sim.Plan, err error, replay string) simFailure {
	x := simFailure{Seed: p.Seed, Error: err.Error(), Replay: replay}
	if f.shrink == 0 {
		return x
	}
	small := sim.Shrink(p, f.shrink)
	x.Plan, x.Faults, x.Runs, x.Small = &small.Plan, small.Faults, small.Runs, planReplay(small.Plan)+f.conduct.replay()
	events, _, _ := sim.Trace(small.Plan)
	x.Events = events[max(0, len(events)-maxSimEvents):]
	return x
}

// planReplay is the command that runs a plan.
func planReplay(p sim.Plan) string {
	data, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("bedrock sim --plan '%s'", data)
}

// each runs the seeds on workers, and hands over each result, one at a time.
func (f *simFlags) each(ctx context.Context, draw func(uint64) sim.Plan, done func(sim.Result, error)) error {
	seeds := make(chan uint64)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range f.workers {
		wg.Go(func() {
			for seed := range seeds {
				r, err := sim.Run(draw(seed))
				mu.Lock()
				done(r, err)
				mu.Unlock()
			}
		})
	}
	err := f.feed(ctx, seeds)
	close(seeds)
	wg.Wait()
	return err
}

// feed hands out seeds until there are enough, or time is over.
func (f *simFlags) feed(ctx context.Context, seeds chan<- uint64) error {
	last := f.seeds
	if f.minutes > 0 {
		last = ^uint64(0) - 1
	}
	for seed := uint64(1); seed <= last; seed++ {
		select {
		case seeds <- seed:
		case <-ctx.Done():
			if f.minutes > 0 && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return ctx.Err()
		}
	}
	return nil
}
