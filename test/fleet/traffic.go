package fleet

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// passing are refusals of a transaction that is sent again: it may be in already, or
// the pool may be busy coming up.
var passing = []string{"nonce_used", "executed", "busy", "pool_full", "peer_quota", "closed"}

// Traffic is transactions of many senders, each with one in flight. A transaction's
// finality counts from when it was due, so that a stall is seen by all that it held
// up.
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

// maker makes a sender's next transaction.
type maker func() ([]byte, error)

// Send starts transfers of the accounts [first, first+senders) to some nodes, rate
// a second in all, until stop.
func (c *Network) Send(w *Told, first, senders int, rate float64, nodes ...int) *Traffic {
	c.Helper()
	return c.sendOf(w, first, senders, rate, nodes, func(key ed25519.PrivateKey, _ uint64) ledger.Operation {
		return ledger.Transfer{To: ledger.AddressOf(key.Public().(ed25519.PublicKey)), Amount: ledger.AmountOf(1)}
	})
}

// SendRecords is Send of records of so many bytes, one of each account, written anew
// each time: it fills logs and volumes.
func (c *Network) SendRecords(w *Told, first, senders int, rate float64, bytes int, nodes ...int) *Traffic {
	c.Helper()
	return c.sendOf(w, first, senders, rate, nodes, func(_ ed25519.PrivateKey, nonce uint64) ledger.Operation {
		data := make([]byte, bytes)
		binary.LittleEndian.PutUint64(data, nonce)
		return ledger.RecordPut{Key: []byte("load"), Data: data}
	})
}

func (c *Network) sendOf(w *Told, first, senders int, rate float64, nodes []int, op func(ed25519.PrivateKey, uint64) ledger.Operation) *Traffic {
	c.Helper()
	keys := make([]ed25519.PrivateKey, senders)
	for i := range keys {
		var err error
		if keys[i], err = c.Keys.Key((first + i) % c.Keys.Count); err != nil {
			c.Fatal(err)
		}
	}
	return c.start(w, senders, rate, nodes, func(ctx context.Context, tr *Traffic, sender int) (maker, error) {
		nonce, err := tr.nonce(ctx, sender, keys[sender])
		return func() ([]byte, error) {
			tx, err := tr.sign(keys[sender], nonce, op(keys[sender], nonce))
			nonce++
			return tx, err
		}, err
	})
}

// SendRaw is Send of a state machine's own transactions: next makes the n-th of a
// sender, no two of them the same.
func (c *Network) SendRaw(w *Told, senders int, rate float64, next func(sender, n int) []byte, nodes ...int) *Traffic {
	c.Helper()
	return c.start(w, senders, rate, nodes, func(_ context.Context, _ *Traffic, sender int) (maker, error) {
		n := 0
		return func() ([]byte, error) {
			tx := next(sender, n)
			n++
			return tx, nil
		}, nil
	})
}

func (c *Network) start(w *Told, senders int, rate float64, nodes []int, of func(context.Context, *Traffic, int) (maker, error)) *Traffic {
	ctx, cancel := context.WithCancel(c.Context())
	tr := &Traffic{c: c, w: w, nodes: nodes, cancel: cancel, interval: time.Duration(float64(senders) / rate * float64(time.Second))}
	begin := time.Now()
	for i := range senders {
		due := begin.Add(tr.interval * time.Duration(i) / time.Duration(senders))
		tr.all.Go(func() {
			next, err := of(ctx, tr, i)
			if err == nil {
				err = tr.sender(ctx, i, next, due)
			}
			if ctx.Err() == nil {
				tr.mu.Lock()
				tr.failed = append(tr.failed, err.Error())
				tr.mu.Unlock()
			}
		})
	}
	c.Cleanup(tr.Stop)
	return tr
}

// Stop ends it and waits for its senders.
func (tr *Traffic) Stop() {
	tr.cancel()
	tr.all.Wait()
}

// sender sends one after the other until ctx ends or one cannot be made.
func (tr *Traffic) sender(ctx context.Context, at int, next maker, due time.Time) error {
	clock := time.NewTimer(time.Until(due))
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		tx, err := next()
		if err == nil {
			err = tr.deliver(ctx, at, tx, due)
		}
		if err != nil {
			return err
		}
		due = due.Add(tr.interval)
		clock.Reset(time.Until(due))
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

func (tr *Traffic) sign(key ed25519.PrivateKey, nonce uint64, op ledger.Operation) ([]byte, error) {
	return ledger.Sign(key, ledger.Body{Genesis: tr.c.Trust.Genesis, Nonce: nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op})
}

// deliver sends one transaction until it is final: where a node refuses or is away,
// to the next one, and again after some time, since a pool may have been lost.
func (tr *Traffic) deliver(ctx context.Context, at int, tx []byte, due time.Time) error {
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

// Final is how many transactions are final.
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
		tr.c.Errorf("%d transactions were refused, such as: %s", n, tr.failed[n-1])
	}
}
