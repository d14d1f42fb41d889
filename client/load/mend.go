package load

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// Bounds of what is put right again.
const (
	queriesAtOnce = 16
	mendFirst     = 100 * time.Millisecond // after a refusal; doubles up to mendMost
	mendMost      = 5 * time.Second
	staleAfter    = 6 * time.Second // in flight: it is sent again
	staleMost     = 2000            // a sweep
	sweepEvery    = time.Second
)

var errNoAccount = errors.New("it has no account: fund it first, or give other keys")

// nonceOf asks a node for an account's next nonce, verified.
func nonceOf(ctx context.Context, c *client.Client, address ledger.Address) (uint64, error) {
	s, err := c.Query(ctx, "account/"+address.String(), nil, 0, ledger.AccountKey(address))
	if err != nil {
		return 0, fmt.Errorf("sender %s: %w", address, err)
	}
	if s.Absent {
		return 0, fmt.Errorf("sender %s: %w", address, errNoAccount)
	}
	row, err := ledger.DecodeAccount(s.Value)
	if err != nil {
		return 0, fmt.Errorf("sender %s: %w", address, err)
	}
	return row.Nonce, nil
}

// readNonces asks for every account's.
func readNonces(ctx context.Context, live []*client.Client, accounts []*account) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(queriesAtOnce)
	for i, a := range accounts {
		g.Go(func() (err error) {
			a.address = ledger.AddressOf(a.key.Public().(ed25519.PublicKey))
			a.next, err = nonceOf(ctx, live[i%len(live)], a.address)
			return err
		})
	}
	return g.Wait()
}

// mend lets accounts go on whose nonces have a gap after a refusal.
func (r *run) mend(ctx context.Context) {
	var g errgroup.Group
	g.SetLimit(queriesAtOnce)
	defer func() { _ = g.Wait() }()
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-r.breaks:
			g.Go(func() error {
				r.mendOne(ctx, a)
				return nil
			})
		}
	}
}

func (r *run) mendOne(ctx context.Context, a *account) {
	for ctx.Err() == nil {
		a.mu.Lock()
		wait := min(mendMost, mendFirst<<min(a.mends, 10))
		a.mends++
		a.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		next, err := nonceOf(ctx, a.lane.target().client, a.address)
		if err != nil {
			r.stats.note(err)
			continue
		}
		var inFlight []uint64
		r.flights.each(func(tx *transaction) bool {
			if tx.account == a && tx.nonce >= next {
				inFlight = append(inFlight, tx.nonce)
			}
			return false
		})
		a.resume(next, inFlight)
		return
	}
}

// abandon sends what an endpoint that is away had taken, or not, to others; what
// those have shown final counts.
func (r *run) abandon(index int) {
	var ended []*transaction
	r.resend(func(tx *transaction) bool { return tx.endpoint == index }, func(tx *transaction) bool {
		if tx.endpoint != index || tx.seen == 0 {
			return false
		}
		ended = append(ended, tx)
		return true
	}, maxFlights)
	for _, tx := range ended {
		tx.account.landed()
	}
	r.stats.settle(ended)
}

// sweep sends again what has been in flight for long: a pool may have dropped it.
func (r *run) sweep(ctx context.Context) {
	clock := time.NewTicker(sweepEvery)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
		old := r.stats.now() - staleAfter
		r.resend(func(tx *transaction) bool { return tx.sentAt < old }, func(*transaction) bool { return false }, staleMost)
	}
}

// resend puts transactions in flight back to their lanes, at most so many, those
// with the lowest nonces first; those that out picks it takes out.
func (r *run) resend(pick, out func(*transaction) bool, most int) {
	var again []*transaction
	r.flights.each(func(tx *transaction) bool {
		switch {
		case out(tx):
			return true
		case !tx.queued && tx.seen == 0 && pick(tx):
			again = append(again, tx)
		}
		return false
	})
	slices.SortFunc(again, func(a, b *transaction) int { return cmp.Compare(a.nonce, b.nonce) })
	byLane := map[*lane][]*transaction{}
	for _, tx := range again[:min(len(again), most)] {
		if r.flights.requeue(tx) {
			byLane[tx.account.lane] = append(byLane[tx.account.lane], tx)
		}
	}
	for l, txs := range byLane {
		l.putBack(txs)
	}
}
