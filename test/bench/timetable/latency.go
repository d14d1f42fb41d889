package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// voteEvery is the time between two votes of the latency's measurement: about what
// a validator of a chain at full speed records.
const voteEvery = 2 * time.Millisecond

// latency is how long a vote's writes and syncs take, and each sync alone by the
// device (see syncTimer).
type latency struct {
	samples              int
	p50, p99             time.Duration
	deviceP50, deviceP99 time.Duration
}

// votes is a vote log that is appended to at a steady pace.
type votes struct {
	log  *votelog.Log
	fs   syncTimer
	took []time.Duration
	view uint64
}

func newVotes(dir string) (*votes, error) {
	v := &votes{}
	var err error
	v.log, err = openVotes(dir, &v.fs, func(d time.Duration) { v.took = append(v.took, d) })
	return v, err
}

// run appends until ctx ends, which is no error.
func (v *votes) run(ctx context.Context) (latency, error) {
	v.took = v.took[:0]
	v.fs.taken()
	ticker := time.NewTicker(voteEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			device := v.fs.taken()
			return latency{samples: len(v.took), p50: quantile(v.took, 0.5), p99: quantile(v.took, 0.99),
				deviceP50: quantile(device, 0.5), deviceP99: quantile(device, 0.99)}, nil
		case <-ticker.C:
			v.view++
			o := types.Outcome{Height: v.view, Block: types.Hash{byte(v.view), byte(v.view >> 8)}}
			if err := v.log.Append(commitVote(v.view, &o, v.view)); err != nil {
				return latency{}, err
			}
		}
	}
}

// The load of a chain in use: 1,000 transfers a second in a block every 100 ms.
const (
	steadyEvery     = 100 * time.Millisecond
	steadyTransfers = 100
)

// latencies are of votes recorded while nothing else happens, while a chain in use is
// executed and committed, while large blocks are executed and nothing of them is written,
// and while they are executed and committed as fast as they can be, the one ahead of the
// other as in a node.
type latencies struct{ idle, steady, executing, committing latency }

// load is what votes are recorded beside: small blocks are made before large ones.
type load struct{ small, large [][][]byte }

func measureLatencies(ctx context.Context, c *chain, dir string, idleFor time.Duration, on load) (l latencies, err error) {
	v, err := newVotes(filepath.Join(dir, "latency"))
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, v.log.Close()) }()
	for _, part := range []struct {
		to *latency
		do func(context.Context) error
	}{
		{&l.idle, func(ctx context.Context) error { return nothing(ctx, idleFor) }},
		{&l.steady, func(ctx context.Context) error { return c.pipeline(ctx, on.small, steadyEvery) }},
		{&l.executing, func(ctx context.Context) error { return c.again(ctx, on.large[0], len(on.large)) }},
		{&l.committing, func(ctx context.Context) error { return c.pipeline(ctx, on.large, 0) }},
	} {
		if *part.to, err = v.beside(ctx, part.do); err != nil {
			return l, err
		}
	}
	return l, nil
}

// beside records votes while something is done.
func (v *votes) beside(ctx context.Context, do func(context.Context) error) (l latency, err error) {
	busy, done := context.WithCancel(ctx)
	defer done()
	var group errgroup.Group
	group.Go(func() (err error) {
		l, err = v.run(busy)
		return err
	})
	err = do(ctx)
	done()
	return l, errors.Join(err, group.Wait())
}

func nothing(ctx context.Context, long time.Duration) error {
	select {
	case <-time.After(long):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// again executes the block after the tip so many times, and keeps nothing.
func (c *chain) again(ctx context.Context, txs [][]byte, times int) error {
	b := c.block(c.parent.Block, txs)
	c.made-- // it never was
	for range times {
		if _, err := c.try(ctx, b, &reading{}); err != nil {
			return err
		}
	}
	return nil
}

// ahead is how many executed blocks may wait for their commit.
const ahead = 4

// pipeline executes blocks and commits them, one each time that every has passed; 0: each
// at full speed.
func (c *chain) pipeline(ctx context.Context, payloads [][][]byte, every time.Duration) error {
	var due <-chan time.Time
	if every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		due = ticker.C
	}
	group, ctx := errgroup.WithContext(ctx)
	executed := make(chan storage.Final, ahead)
	group.Go(func() error {
		defer close(executed)
		for _, txs := range payloads {
			if every > 0 {
				select {
				case <-due:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			b := c.block(c.parent.Block, txs)
			result, err := c.execute(ctx, b, &reading{})
			if err != nil {
				return err
			}
			select {
			case executed <- c.final(b, result):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		for f := range executed {
			if err := c.commit(f); err != nil {
				return fmt.Errorf("commit block %d: %w", f.Outcome.Height, err)
			}
		}
		return nil
	})
	return group.Wait()
}
