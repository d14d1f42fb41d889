package load

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
)

// firstNonce is every sender's at the start.
const firstNonce = 7

func keysOf(n int) []ed25519.PrivateKey {
	keys := make([]ed25519.PrivateKey, n)
	for i := range keys {
		seed := sha256.Sum256(fmt.Appendf(nil, "sender %d", i))
		keys[i] = ed25519.NewKeyFromSeed(seed[:])
	}
	return keys
}

func accountsOf(keys []ed25519.PrivateKey) map[string][]byte {
	rows := map[string][]byte{}
	for _, k := range keys {
		row := make([]byte, 24)
		row[0], row[15] = firstNonce, 1
		rows[string(ledger.AccountKey(ledger.AddressOf(k.Public().(ed25519.PublicKey))))] = row
	}
	return rows
}

func keyOf(path string, _ []byte) []byte {
	address, err := ledger.ParseAddress(strings.TrimPrefix(path, "account/"))
	if err != nil {
		return nil
	}
	return ledger.AccountKey(address)
}

// startChain commits what waits, again and again, until the test ends. The config
// is of 1,000 transactions and has no endpoints yet.
func startChain(t *testing.T, opt rpctest.Options) (*rpctest.Chain, Config) {
	t.Helper()
	keys := keysOf(20)
	opt.Stateless, opt.State, opt.KeyOf = true, accountsOf(keys), keyOf
	chain := rpctest.New(opt)
	chain.Commit()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for chain.WaitPending(ctx, 1) == nil {
			chain.Commit()
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return chain, Config{
		Trust: client.Trust{Genesis: chain.Document().Hash(), Epoch: chain.Document().Epoch()},
		Keys:  keys, Rate: 2000, Duration: 500 * time.Millisecond, RecordShare: 0.25, Drain: time.Minute,
	}
}

// serve adds n honest nodes of the chain.
func (c *Config) serve(t *testing.T, chain *rpctest.Chain, n int) {
	t.Helper()
	for range n {
		url, _ := rpctest.Serve(t, chain, rpc.Options{})
		c.Endpoints = append(c.Endpoints, url)
	}
}

// node is a node of a chain whose submissions go through submit, and that can die:
// its streams are cut and it answers nothing more.
type node struct {
	submit func(http.ResponseWriter, *http.Request, http.Handler)
	dead   atomic.Bool
	death  context.Context
	kill   context.CancelFunc
}

// serveNode adds such a node.
func (c *Config) serveNode(t *testing.T, chain *rpctest.Chain, submit func(http.ResponseWriter, *http.Request, http.Handler)) *node {
	t.Helper()
	n := &node{submit: submit}
	n.death, n.kill = context.WithCancel(context.Background())
	t.Cleanup(n.kill)
	server, err := rpc.NewServer(chain, rpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	honest := http.Handler(server)
	url := rpctest.ServeHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.dead.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(n.death, cancel)()
		if strings.HasSuffix(r.URL.Path, "/SubmitBatch") {
			n.submit(w, r.WithContext(ctx), honest)
			return
		}
		honest.ServeHTTP(w, r.WithContext(ctx))
	}))
	c.Endpoints = append(c.Endpoints, url)
	return n
}

func (n *node) die() {
	n.dead.Store(true)
	n.kill()
}

// checkSum holds a report to its promise: each transaction that was due has one end.
func checkSum(t *testing.T, r *Report) {
	t.Helper()
	if sum := r.CommittedTx + r.FailedTx + r.Refused() + r.LostTx + r.UnsentTx; sum != r.OfferedTx {
		t.Errorf("%d offered, but committed %d + failed %d + refused %v + lost %d + unsent %d = %d",
			r.OfferedTx, r.CommittedTx, r.FailedTx, r.RefusedTx, r.LostTx, r.UnsentTx, sum)
	}
	var offered, committed uint64
	for _, s := range r.Seconds {
		offered, committed = offered+s.Offered, committed+s.Committed
	}
	if offered != r.OfferedTx || committed != r.CommittedTx {
		t.Errorf("the seconds sum up to %d offered and %d committed, want %d and %d", offered, committed, r.OfferedTx, r.CommittedTx)
	}
}

// mustRun runs a load that is to succeed.
func mustRun(t *testing.T, c Config) *Result {
	t.Helper()
	result, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, &result.Report)
	return result
}
