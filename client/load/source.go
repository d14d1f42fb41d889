package load

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// item is one transaction on its way.
type item struct {
	tx     []byte
	hash   [32]byte
	sender int
	due    time.Duration // after the start
}

// source makes signed transactions, each sender's in the order of its nonces.
type source struct {
	opt     *Config
	genesis [32]byte
	nonces  []uint64
	rng     *rand.Rand
	made    uint64
	data    []byte
}

func newSource(opt *Config, nonces []uint64) *source {
	return &source{
		opt: opt, genesis: opt.Trust.Genesis, nonces: nonces,
		rng: rand.New(rand.NewPCG(1, 2)), data: make([]byte, opt.RecordBytes),
	}
}

// next signs the transaction that is due i/rate after the start.
func (s *source) next() (item, error) {
	sender := int(s.made % uint64(len(s.opt.Keys)))
	var op ledger.Operation
	if s.rng.Float64() < s.opt.RecordShare {
		binary.LittleEndian.PutUint64(s.data, s.rng.Uint64())
		// A few hundred keys a sender: some puts are new, most replace.
		key := fmt.Appendf(nil, "load/%d", s.rng.IntN(256))
		op = ledger.RecordPut{Key: key, Data: append([]byte(nil), s.data...)}
	} else {
		to := s.opt.Keys[s.rng.IntN(len(s.opt.Keys))].Public().(ed25519.PublicKey)
		op = ledger.Transfer{To: ledger.AddressOf(to), Amount: ledger.AmountOf(1 + s.rng.Uint64N(100))}
	}
	tx, err := ledger.Sign(s.opt.Keys[sender], ledger.Body{
		Genesis: s.genesis, Nonce: s.nonces[sender], GasLimit: ledger.GasLimit(op), GasPrice: s.opt.GasPrice, Operation: op,
	})
	if err != nil {
		return item{}, fmt.Errorf("sign for the load: %w", err)
	}
	due := time.Duration(float64(s.made) / s.opt.Rate * float64(time.Second))
	s.nonces[sender]++
	s.made++
	return item{tx: tx, hash: ledger.Hash(tx), sender: sender, due: due}, nil
}

// produce signs ahead until ctx ends or all of a bounded run are made.
func (s *source) produce(ctx context.Context, out chan<- item) error {
	defer close(out)
	for {
		if s.opt.Duration > 0 && float64(s.made) >= s.opt.Rate*s.opt.Duration.Seconds() {
			return nil
		}
		it, err := s.next()
		if err != nil {
			return err
		}
		select {
		case out <- it:
		case <-ctx.Done():
			return nil
		}
	}
}

// findNonces asks for the next nonce of each sender, verified.
func findNonces(ctx context.Context, clients []*client.Client, senders []ed25519.PrivateKey) ([]uint64, error) {
	const most = 16
	nonces := make([]uint64, len(senders))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(most)
	for i, key := range senders {
		g.Go(func() error {
			address := ledger.AddressOf(key.Public().(ed25519.PublicKey))
			s, err := clients[i%len(clients)].Query(ctx, "account/"+address.String(), nil, 0, ledger.AccountKey(address))
			if err != nil {
				return fmt.Errorf("account of sender %d: %w", i, err)
			}
			if s.Absent {
				return fmt.Errorf("sender %s has no account: fund it first", address)
			}
			account, err := ledger.DecodeAccount(s.Value)
			if err != nil {
				return fmt.Errorf("account of sender %s: %w", address, err)
			}
			nonces[i] = account.Nonce
			return nil
		})
	}
	return nonces, g.Wait()
}
