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
	staleMost     = 16              // of an account in a sweep
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
	r.again(maxInFlight, func(tx *transaction) bool { return tx.endpoint == index })
}

// sweep sends again what has been in flight for long: a pool may have dropped it.
// It begins with an account's lowest nonces: those above wait for them.
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
		r.again(staleMost, func(tx *transaction) bool { return tx.sentAt < old })
	}
}

// again goes through what no lane has in hands. What an endpoint has shown final
// while its own is away counts; of the rest, those picked are sent again.
func (r *run) again(most int, pick func(*transaction) bool) {
	var ended, picked []*transaction
	r.flights.each(func(tx *transaction) (out bool) {
		switch {
		case tx.queued:
		case tx.seen != 0 && !r.endpoints[tx.endpoint].up.Load():
			ended = append(ended, tx)
			return true
		case tx.seen == 0 && pick(tx):
			picked = append(picked, tx)
		}
		return false
	})
	for _, tx := range ended {
		tx.account.landed()
	}
	r.stats.settle(ended)
	r.resend(picked, most)
}

// resend puts transactions in flight back to their lanes, the lowest nonces first,
// at most so many of an account.
func (r *run) resend(picked []*transaction, most int) {
	slices.SortFunc(picked, func(a, b *transaction) int { return cmp.Compare(a.nonce, b.nonce) })
	byAccount, byLane := map[*account]int{}, map[*lane][]*transaction{}
	for _, tx := range picked {
		if byAccount[tx.account] < most && r.flights.requeue(tx) {
			byAccount[tx.account]++
			byLane[tx.account.lane] = append(byLane[tx.account.lane], tx)
		}
	}
	for l, txs := range byLane {
		l.putBack(txs)
	}
}
