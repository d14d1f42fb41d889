package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// passing are refusals of a transfer that is sent again: it may be in already, or
// the pool may be busy coming up.
var passing = []string{"nonce_used", "executed", "busy", "pool_full", "peer_quota", "closed"}

// Traffic is signed transfers of many accounts, each with one in flight. A
// transfer's finality counts from when it was due, so that a stall is seen by
// all that it held up.
type Traffic struct {
	c        *Network
	w        *Told
	nodes    []int // that they are sent to
	interval time.Duration
	cancel   context.CancelFunc
	all      sync.WaitGroup

	mu     sync.Mutex
	took   []time.Duration
	sent   int
	failed []string
}

// Send starts traffic of the accounts [first, first+senders) to some nodes, rate
// transfers a second in all, until stop.
func (c *Network) Send(w *Told, first, senders int, rate float64, nodes ...int) *Traffic {
	c.Helper()
	ctx, cancel := context.WithCancel(c.Context())
	tr := &Traffic{c: c, w: w, nodes: nodes, cancel: cancel, interval: time.Duration(float64(senders) / rate * float64(time.Second))}
	start := time.Now()
	for i := range senders {
		key, err := c.Keys.Key((first + i) % c.Keys.Count)
		if err != nil {
			c.Fatal(err)
		}
		due := start.Add(tr.interval * time.Duration(i) / time.Duration(senders))
		tr.all.Go(func() { tr.sender(ctx, i, key, due) })
	}
	c.Cleanup(tr.Stop)
	return tr
}

// Stop ends it and waits for its senders.
func (tr *Traffic) Stop() {
	tr.cancel()
	tr.all.Wait()
}

func (tr *Traffic) sender(ctx context.Context, at int, key ed25519.PrivateKey, due time.Time) {
	clock := time.NewTimer(time.Until(due))
	defer clock.Stop()
	nonce, err := tr.nonce(ctx, at, key)
	for ; err == nil; nonce++ {
		select {
		case <-clock.C:
		case <-ctx.Done():
			return
		}
		err = tr.transfer(ctx, at, key, nonce, due)
		due = due.Add(tr.interval)
		clock.Reset(time.Until(due))
	}
	if ctx.Err() == nil {
		tr.mu.Lock()
		tr.failed = append(tr.failed, err.Error())
		tr.mu.Unlock()
	}
}

// nonce asks the nodes in turn for the account's next nonce.
func (tr *Traffic) nonce(ctx context.Context, at int, key ed25519.PrivateKey) (uint64, error) {
	path := "account/" + ledger.AddressOf(key.Public().(ed25519.PublicKey)).String()
	for ; ; at++ {
		res, err := tr.c.Clients[tr.nodes[at%len(tr.nodes)]].RPC().Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: path}))
		if err == nil {
			account, err := ledger.DecodeAccount(res.Msg.Value)
			return account.Nonce, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pollEvery): // no node answers: again
		}
	}
}

// transfer sends one transfer until it is final: where a node refuses or is away,
// to the next one, and again after some time, since a pool may have been lost.
func (tr *Traffic) transfer(ctx context.Context, at int, key ed25519.PrivateKey, nonce uint64, due time.Time) error {
	op := ledger.Transfer{To: ledger.AddressOf(key.Public().(ed25519.PublicKey)), Amount: ledger.AmountOf(1)}
	tx, err := ledger.Sign(key, ledger.Body{Genesis: tr.c.Trust.Genesis, Nonce: nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op})
	if err != nil {
		return err
	}
	tr.mu.Lock()
	tr.sent++
	tr.mu.Unlock()
	final := tr.w.Await(ledger.Hash(tx))
	resend := time.NewTicker(2 * time.Second)
	defer resend.Stop()
	for ; ; at++ {
		_, err := tr.c.Clients[tr.nodes[at%len(tr.nodes)]].Submit(ctx, tx)
		var refused *client.RejectedError
		if errors.As(err, &refused) && !slices.Contains(passing, refused.Reason) {
			tr.mu.Lock()
			tr.failed = append(tr.failed, err.Error())
			tr.mu.Unlock()
		}
		select {
		case <-final:
			tr.mu.Lock()
			tr.took = append(tr.took, time.Since(due))
			tr.mu.Unlock()
			return nil
		case <-resend.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Final is how many transfers are final.
func (tr *Traffic) Final() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.took)
}

// Quantile is a quantile of the time to finality.
func (tr *Traffic) Quantile(q float64) time.Duration {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if len(tr.took) == 0 {
		return 0
	}
	list := slices.Sorted(slices.Values(tr.took))
	return list[min(len(list)-1, int(q*float64(len(list))))]
}

// Check fails for refusals of what should be accepted.
func (tr *Traffic) Check() {
	tr.c.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if n := len(tr.failed); n > 0 {
		tr.c.Errorf("%d transfers were refused, such as: %s", n, tr.failed[n-1])
	}
}
