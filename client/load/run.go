package load

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/client"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// Bounds of a run.
const (
	signedAhead = 16_384 // of all accounts; each holds at least two
	signers     = 2
	maxInFlight = 768 // of one account: below the pool's 1,024
	finishTime  = time.Minute
	drainEvery  = 5 * time.Millisecond
)

// run is one run's parts.
type run struct {
	config    Config
	factory   *factory
	flights   *flights
	stats     *stats
	endpoints []*endpoint
	groups    []*group
	accounts  []*account
	hungry    chan *account // for the signers; has room for all
	breaks    chan *account // for mend; has room for all
}

// Run makes the load and answers what became of it. It ends after Duration and the
// drain, or when ctx ends, which is no error: what was due until then is reported.
// Nodes may come and go meanwhile; one must be there at the start.
func Run(ctx context.Context, config Config) (*Result, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &run{config: c, flights: newFlights(), stats: newStats(&c), factory: newFactory(&c),
		hungry: make(chan *account, c.Senders), breaks: make(chan *account, c.Senders)}
	for i, url := range c.Endpoints {
		n, err := client.New(url, client.Options{Trust: c.Trust, TLS: c.TLS})
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		r.endpoints = append(r.endpoints, &endpoint{run: r, index: i, client: n})
	}
	before, live, err := r.statuses(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range before {
		if s != nil {
			r.endpoints[i].next = s.FinalHeight + 1
			r.endpoints[i].up.Store(true)
			r.stats.newest = max(r.stats.newest, s.FinalHeight)
		}
	}
	r.seat()
	if err := readNonces(ctx, live, r.accounts); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	offering, err := r.drive(ctx)
	if err != nil {
		return nil, err
	}
	// The caller's context may be over: the figures are wanted all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	return r.result(ctx, offering, before)
}

// seat gives each account to a lane: round robin over endpoints, then over the
// lanes of each.
func (r *run) seat() {
	for i, key := range r.config.Keys[:r.config.Senders] {
		home := i % len(r.endpoints)
		if home == len(r.groups) {
			r.groups = append(r.groups, &group{})
		}
		g := r.groups[home]
		place := i / len(r.endpoints) % lanesEach
		if place == len(g.lanes) {
			g.lanes = append(g.lanes, &lane{run: r, home: home, last: home, wake: make(chan struct{}, 1)})
		}
		l := g.lanes[place]
		a := &account{key: key, lane: l, hungry: true, random: rand.New(rand.NewPCG(r.config.Seed, uint64(i)))}
		l.accounts = append(l.accounts, a)
		r.accounts = append(r.accounts, a)
	}
}

// drive signs ahead, offers, drains, and answers how long it offered.
func (r *run) drive(ctx context.Context) (time.Duration, error) {
	signing, stopSigning := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSigning()
	if err := r.signAhead(ctx); err != nil {
		return 0, err
	}
	var makers errgroup.Group
	for range signers {
		makers.Go(func() error { return r.sign(signing) })
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var parts sync.WaitGroup
	r.stats.start = time.Now()
	for _, e := range r.endpoints {
		parts.Go(func() { e.watch(working) })
	}
	for _, g := range r.groups {
		for _, l := range g.lanes {
			parts.Go(func() { l.work(working) })
		}
	}
	parts.Go(func() { r.mend(working) })
	parts.Go(func() { r.sweep(working) })
	parts.Go(func() { r.tell(working) })
	offering := r.pace(ctx)
	stopSigning()
	r.drain()
	stop()
	parts.Wait()
	return offering, makers.Wait()
}

// signAhead fills every account before the clock starts.
func (r *run) signAhead(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(signers)
	for _, a := range r.accounts {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			return r.factory.fill(a)
		})
	}
	return g.Wait()
}

// sign fills the accounts that ask for it.
func (r *run) sign(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-r.hungry:
			if err := r.factory.fill(a); err != nil {
				return err
			}
		}
	}
}

// tell calls Progress.
func (r *run) tell(ctx context.Context) {
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			r.config.Progress(r.stats.progress(r.flights.len()))
			return
		case <-clock.C:
			r.config.Progress(r.stats.progress(r.flights.len()))
		}
	}
}

// drain waits for what is in flight, at most for the time that the config gives.
func (r *run) drain() {
	deadline := time.NewTimer(r.config.Drain)
	defer deadline.Stop()
	clock := time.NewTicker(drainEvery)
	defer clock.Stop()
	for r.flights.len() > 0 {
		select {
		case <-clock.C:
		case <-deadline.C:
			return
		}
	}
}

// refuse ends a transaction that no node will take.
func (r *run) refuse(tx *transaction, reason, text string) {
	if !r.flights.end(tx) {
		return
	}
	tx.account.landed()
	r.stats.refuse(reason, text)
}

// statuses asks every node how it is; those that do not answer are nil.
func (r *run) statuses(ctx context.Context) ([]*nodev1.GetStatusResponse, []*client.Client, error) {
	list := make([]*nodev1.GetStatusResponse, len(r.endpoints))
	errs := make([]error, len(r.endpoints))
	var g errgroup.Group
	g.SetLimit(nodesAtOnce)
	for i, e := range r.endpoints {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, aliveTime)
			defer cancel()
			list[i], errs[i] = e.client.Status(ctx)
			return nil
		})
	}
	_ = g.Wait()
	var live []*client.Client
	for i, e := range r.endpoints {
		if errors.Is(errs[i], client.ErrUnverified) { // a node of another chain is a mistake
			return nil, nil, fmt.Errorf("load: %w", errs[i])
		}
		if list[i] != nil {
			live = append(live, e.client)
		}
	}
	if len(live) == 0 {
		return nil, nil, fmt.Errorf("load: no node answers: %w", errors.Join(errs...))
	}
	return list, live, nil
}

// result puts the figures together.
func (r *run) result(ctx context.Context, offering time.Duration, before []*nodev1.GetStatusResponse) (*Result, error) {
	var lost, unsent uint64
	var ended []*transaction
	r.flights.each(func(tx *transaction) bool {
		switch {
		case tx.seen != 0: // by another endpoint than its own
			ended = append(ended, tx)
		case tx.accepted.Load():
			lost++
		default:
			unsent++
		}
		return true
	})
	r.stats.settle(ended)
	r.stats.unserved(unsent)
	rep := r.stats.report(offering, lost)
	after, _, err := r.statuses(ctx)
	if err != nil { // the figures are worth having without the nodes' own
		rep.Nodes = make([]NodeReport, len(r.endpoints))
		return &Result{Report: rep, Text: r.stats.text, Disagreement: "not compared: " + err.Error()}, nil
	}
	all := make([]*client.Client, len(r.endpoints))
	rep.Nodes = make([]NodeReport, len(r.endpoints))
	for i, s := range after {
		all[i] = r.endpoints[i].client
		if s == nil {
			continue
		}
		b := before[i]
		if b == nil || b.StartedTimeMs != s.StartedTimeMs { // another process
			b = &nodev1.GetStatusResponse{}
		}
		rep.Nodes[i] = NodeReport{Height: s.FinalHeight, StateRoot: hex.EncodeToString(s.StateRoot),
			DroppedMessages: s.DroppedMessages - min(s.DroppedMessages, b.DroppedMessages), HostFaults: s.HostFaults - min(s.HostFaults, b.HostFaults)}
		rep.Timeouts += s.Timeouts - min(s.Timeouts, b.Timeouts)
		rep.EmptyViews = max(rep.EmptyViews, s.EmptyViews-min(s.EmptyViews, b.EmptyViews))
	}
	agreement, err := CompareOutcomes(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("load: compare the nodes: %w", err)
	}
	res := &Result{Report: rep, Text: r.stats.text}
	if res.Report.StateRootsAgree = agreement.Agree; !agreement.Agree {
		res.Disagreement = agreement.String()
	}
	return res, nil
}
