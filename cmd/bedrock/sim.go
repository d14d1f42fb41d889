package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/node/sim"
)

// simFlags say which seeds are run.
type simFlags struct {
	seed, seeds uint64
	minutes     uint64
	nodes       int
	workers     int
}

func newSimCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Simulate whole nodes under faults, by seed",
		Long: `Runs whole validators in this process in virtual time: one seed decides what is late, lost,
cut off and crashed, and in which order everything happens. The same seed gives the same
history and the same fingerprint of it on every machine. A run that violates agreement,
loses what was final, signs twice or stops committing ends with its seed, and the exit code
is not 0 then.`,
		Example: "  bedrock sim --seeds 100\n  bedrock sim --seed 42 --nodes 7\n  bedrock sim --minutes 120 --output json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return simulate(cmd, &f) },
	}
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "run this seed alone; 0: those from 1 on")
	cmd.Flags().Uint64Var(&f.seeds, "seeds", 20, "how many seeds to run")
	cmd.Flags().Uint64Var(&f.minutes, "minutes", 0, "run seeds for so long instead; 0: a number of seeds")
	cmd.Flags().IntVar(&f.nodes, "nodes", 4, "how many validators each run has")
	cmd.Flags().IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "how many runs go on at once")
	addOutputFlag(cmd)
	return cmd
}

// simSummary is what many runs did.
type simSummary struct {
	Runs       int           `json:"runs"`
	Failed     []simFailure  `json:"failed,omitempty"`
	Results    []sim.Result  `json:"results,omitempty"` // of a single seed
	Virtual    time.Duration `json:"virtual_ns"`
	Took       time.Duration `json:"took_ns"`
	Switches   uint64        `json:"switches"`
	Messages   uint64        `json:"messages"`
	Lost       uint64        `json:"lost_messages"`
	Heights    uint64        `json:"heights"`
	Crashes    int           `json:"crashes"`
	Partitions int           `json:"partitions"`
	Epochs     uint64        `json:"epochs"` // that began after the first of each run
	// SlowestHeal is the longest time from the last fault until every node had committed.
	SlowestHeal time.Duration `json:"slowest_heal_ns"`
}

// simFailure is a run that violated something.
type simFailure struct {
	Seed   uint64 `json:"seed"`
	Error  string `json:"error"`
	Replay string `json:"replay"`
}

func (s *simSummary) add(r sim.Result, nodes int, err error) {
	s.Runs++
	s.Virtual += r.Virtual
	s.Switches += r.Switches
	s.Messages += r.Messages
	s.Lost += r.Lost
	s.Heights += r.Height
	s.Crashes += r.Crashes
	s.Partitions += r.Partitions
	s.Epochs += r.Epochs
	s.SlowestHeal = max(s.SlowestHeal, r.Healed)
	if err != nil {
		s.Failed = append(s.Failed, simFailure{Seed: r.Seed, Error: err.Error(), Replay: fmt.Sprintf("bedrock sim --seed %d --nodes %d", r.Seed, nodes)})
	}
}

func (s *simSummary) print(w io.Writer) {
	for _, r := range s.Results {
		fmt.Fprintf(w, "seed         %d\nfingerprint  %s\n", r.Seed, r.Fingerprint)
	}
	fmt.Fprintf(w, "runs         %d, %d of them violated what must hold\n", s.Runs, len(s.Failed))
	fmt.Fprintf(w, "time         %s virtual in %s\n", s.Virtual.Round(time.Second), s.Took.Round(time.Millisecond))
	fmt.Fprintf(w, "events       %d switches of tasks, %d messages, %d lost\n", s.Switches, s.Messages, s.Lost)
	fmt.Fprintf(w, "faults       %d crashes, %d partitions; %d changes of epoch\n", s.Crashes, s.Partitions, s.Epochs)
	fmt.Fprintf(w, "progress     %d heights final everywhere; %s from the last fault to new blocks at the longest\n", s.Heights, s.SlowestHeal.Round(time.Millisecond))
	for _, x := range s.Failed {
		fmt.Fprintf(w, "\n%s\nagain: %s\n", x.Error, x.Replay)
	}
}

func simulate(cmd *cobra.Command, f *simFlags) error {
	if f.nodes < 1 || f.nodes > sim.MaxNodes {
		return fmt.Errorf("--nodes %d: use 1 to %d", f.nodes, sim.MaxNodes)
	}
	if f.workers < 1 || f.seeds < 1 {
		return errors.New("--workers and --seeds must be at least 1")
	}
	ctx := cmd.Context()
	if f.minutes > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(f.minutes)*time.Minute)
		defer cancel()
	}
	begin := time.Now()
	var summary simSummary
	err := f.each(ctx, func(r sim.Result, err error) {
		summary.add(r, f.nodes, err)
		if f.seed != 0 {
			summary.Results = append(summary.Results, r)
		}
	})
	if err != nil {
		return err
	}
	summary.Took = time.Since(begin)
	if err := show(cmd, &summary, summary.print); err != nil {
		return err
	}
	if n := len(summary.Failed); n > 0 {
		return fmt.Errorf("%d of %d runs violated what must hold", n, summary.Runs)
	}
	return nil
}

// each runs the seeds on workers, and hands over each result, one at a time.
func (f *simFlags) each(ctx context.Context, done func(sim.Result, error)) error {
	seeds := make(chan uint64)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range f.workers {
		wg.Go(func() {
			for seed := range seeds {
				r, err := sim.Run(sim.Draw(seed, f.nodes))
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
	first, last := uint64(1), f.seeds
	if f.seed != 0 {
		first, last = f.seed, f.seed
	} else if f.minutes > 0 {
		last = ^uint64(0) - 1
	}
	for seed := first; seed <= last; seed++ {
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
