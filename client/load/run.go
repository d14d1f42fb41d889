package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/client"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// run is one run's parts.
type run struct {
	opt     Config
	clients []*client.Client
	track   *tracker
	workers []*worker
	from    []uint64 // the height that each endpoint's stream begins with; 0: the next
}

// Run sends the load and answers what became of it. It ends after Duration, or
// when ctx ends: that is no error. Nodes may come and go meanwhile; one must be
// there at the start.
func Run(ctx context.Context, config Config) (*Result, error) {
	opt, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &run{opt: opt, track: newTracker(len(opt.Keys), len(opt.Endpoints)), from: make([]uint64, len(opt.Endpoints))}
	for _, e := range opt.Endpoints {
		c, err := client.New(e, client.Options{Trust: opt.Trust})
		if err != nil {
			return nil, err
		}
		r.clients = append(r.clients, c)
	}
	before, live, err := r.statuses(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range before {
		if s != nil {
			r.from[i] = s.FinalHeight + 1
			r.track.newest = max(r.track.newest, s.FinalHeight)
		}
	}
	nonces, err := findNonces(ctx, live, opt.Keys)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if err := r.send(ctx, newSource(&r.opt, nonces)); err != nil {
		return nil, err
	}
	// The caller's context may be over: the figures are wanted all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return r.result(ctx, before)
}

// statuses asks every node how it is; those that do not answer are nil.
func (r *run) statuses(ctx context.Context) ([]*nodev1.GetStatusResponse, []*client.Client, error) {
	list := make([]*nodev1.GetStatusResponse, len(r.clients))
	var live []*client.Client
	var failed error
	for i, c := range r.clients {
		s, err := c.Status(ctx)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		list[i] = s
		live = append(live, c)
	}
	if len(live) == 0 {
		return nil, nil, fmt.Errorf("load: no node answers: %w", failed)
	}
	return list, live, nil
}

// send runs streams, workers and the clock until everything due is final, or the
// time for that is over.
func (r *run) send(ctx context.Context, src *source) error {
	items := make(chan item, signedAhead)
	making, stopMaking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopMaking()
	var maker errgroup.Group
	maker.Go(func() error { return src.produce(making, items) })

	listening, stopListening := context.WithCancel(context.WithoutCancel(ctx))
	var listeners sync.WaitGroup
	for i := range r.clients {
		listeners.Go(func() { r.listen(listening, i) })
	}
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	var senders sync.WaitGroup
	for i := range r.clients {
		for range workersEach {
			w := &worker{run: r, endpoint: i, wake: make(chan struct{}, 1)}
			r.workers = append(r.workers, w)
			senders.Go(func() { w.work(sending) })
		}
	}
	r.waitSigned(ctx, items)
	r.dispatch(ctx, items)
	stopMaking()
	r.drain()
	stopSending()
	senders.Wait()
	stopListening()
	listeners.Wait()
	for range items { // the maker may wait for room
	}
	return maker.Wait()
}

// waitSigned lets signing get ahead before the clock starts.
func (r *run) waitSigned(ctx context.Context, items <-chan item) {
	want := signedAhead
	if r.opt.Duration > 0 {
		want = min(want, int(math.Ceil(r.opt.Rate*r.opt.Duration.Seconds())))
	}
	want = min(want, int(r.opt.Rate*5)+1) // five seconds ahead will do
	check := time.NewTicker(tick)
	defer check.Stop()
	for len(items) < want {
		select {
		case <-check.C:
		case <-ctx.Done():
			return
		}
	}
}

// dispatch hands each transaction over when it is due.
func (r *run) dispatch(ctx context.Context, items <-chan item) {
	r.track.mu.Lock()
	r.track.start = time.Now()
	r.track.mu.Unlock()
	clock := time.NewTicker(tick)
	defer clock.Stop()
	nextTurn := time.Second
	var held *item
	for {
		elapsed := time.Since(r.track.start)
		for r.backlog() < maxBacklog {
			if held == nil {
				select {
				case it, more := <-items:
					if more {
						held = &it
					}
				default:
				}
			}
			if held == nil || held.due > elapsed {
				break
			}
			r.workers[held.sender%len(r.workers)].add(*held)
			held = nil
		}
		if elapsed >= nextTurn {
			r.progress(elapsed)
			nextTurn += time.Second
		}
		if r.opt.Duration > 0 && elapsed >= r.opt.Duration {
			r.progress(elapsed)
			return
		}
		select {
		case <-clock.C:
		case <-ctx.Done():
			r.progress(time.Since(r.track.start))
			r.opt.Duration = time.Since(r.track.start) // what was due ends here
			return
		}
	}
}

func (r *run) progress(elapsed time.Duration) {
	p := r.track.turn(elapsed, r.opt.Rate, r.opt.Duration)
	p.Elapsed = elapsed
	if r.opt.Progress != nil {
		r.opt.Progress(p)
	}
}

func (r *run) backlog() int {
	n := 0
	for _, w := range r.workers {
		n += w.length()
	}
	return n
}

// drain waits for what is in flight.
func (r *run) drain() {
	deadline := time.NewTimer(r.opt.Drain)
	defer deadline.Stop()
	clock := time.NewTicker(tick)
	defer clock.Stop()
	nextTurn := time.Now().Add(time.Second)
	for r.track.waiting() > 0 || r.backlog() > 0 {
		select {
		case now := <-clock.C:
			if now.After(nextTurn) {
				r.progress(time.Since(r.track.start))
				nextTurn = now.Add(time.Second)
			}
		case <-deadline.C:
			return
		}
	}
}

// Bounds of a run.
const (
	signedAhead = 16_384
	maxBacklog  = 200_000 // due and not sent
	maxInFlight = 768     // of one sender: below the pool's 1,024
	batchMost   = 500
	workersEach = 2 // for an endpoint; a sender belongs to one
	tick        = 4 * time.Millisecond
)
