package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/executor"
)

// settings say how much is measured.
type settings struct {
	accounts        []int
	transfers       int // a block
	blocks, loading int // of the phases, and of the load beside votes
	idle            time.Duration
	dir             string
}

// result is everything that the table shows.
type result struct {
	settings settings
	phases   []*phases
	hops     hops
	votes    latencies
}

func main() {
	s := settings{}
	accounts := flag.String("accounts", "10000,1000000", "sizes of the ledgers, the votes' latency is measured beside the last")
	flag.IntVar(&s.transfers, "transfers", 5_000, "transfers a block")
	flag.IntVar(&s.blocks, "blocks", 16, "blocks of each ledger")
	flag.IntVar(&s.loading, "load-blocks", 24, "blocks that are committed beside votes")
	flag.DurationVar(&s.idle, "idle", 8*time.Second, "how long votes are recorded while nothing else happens, and beside a chain in use")
	turns := flag.Int("turns", 0, "if above 0, measure nothing but a vote's syncs, that many times idle and beside commits of made-up blocks")
	flag.StringVar(&s.dir, "dir", "", "folder on the disk to measure (default: the system's for temporary files)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := func() error {
		if *turns > 0 {
			list, err := measureSyncs(ctx, s.dir, *turns, s.idle, os.Stderr)
			if err == nil {
				writeTurns(os.Stdout, list)
			}
			return err
		}
		for _, text := range strings.Split(*accounts, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 4_000_000 {
				return fmt.Errorf("-accounts %q: want numbers from 1 to 4,000,000, separated by commas", *accounts)
			}
			s.accounts = append(s.accounts, n)
		}
		r, err := measure(ctx, s, os.Stderr)
		if err != nil {
			return err
		}
		r.write(os.Stdout)
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "timetable:", err)
		os.Exit(1)
	}
}

// measure runs every part, one after another.
func measure(ctx context.Context, s settings, progress io.Writer) (r *result, err error) {
	dir, err := os.MkdirTemp(s.dir, "bedrock-timetable-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	engine, err := executor.NewEngine(executor.Options{VerifyInstances: 1})
	if err != nil {
		return nil, err
	}
	wasm, err := executor.Canonical()
	if err != nil {
		return nil, err
	}
	module, err := engine.Load(wasm)
	if err != nil {
		return nil, err
	}
	r = &result{settings: s}
	for i, n := range s.accounts {
		fmt.Fprintf(progress, "ledger of %d accounts\n", n)
		last := i == len(s.accounts)-1
		if err := r.ledger(ctx, module, filepath.Join(dir, strconv.Itoa(n)), n, last, progress); err != nil {
			return nil, fmt.Errorf("ledger of %d accounts: %w", n, err)
		}
	}
	return r, nil
}

// ledger measures one ledger, and in the last one what needs any.
func (r *result) ledger(ctx context.Context, module *executor.Module, dir string, accounts int, last bool, progress io.Writer) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	c, err := newChain(ctx, module, dir, accounts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	p, err := measurePhases(ctx, c, r.settings.blocks, r.settings.transfers)
	if err != nil {
		return err
	}
	r.phases = append(r.phases, p)
	if !last {
		return nil
	}
	var on load
	if on.small, err = c.makeBlocks(int(r.settings.idle/steadyEvery), steadyTransfers); err != nil {
		return err
	}
	if on.large, err = c.makeBlocks(r.settings.loading, r.settings.transfers); err != nil {
		return err
	}
	fmt.Fprintln(progress, "two hosts on loopback")
	if r.hops, err = measureHops(ctx, on.large); err != nil {
		return err
	}
	fmt.Fprintln(progress, "votes, idle and under load")
	r.votes, err = measureLatencies(ctx, c, dir, r.settings.idle, on)
	return err
}
