package node_test

import (
	"context"
	"crypto/ed25519"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/bytecodealliance/wasmtime-go/v44"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/metrics"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// failing is a module that a node accepts and that executes nothing.
const failing = `(module
  (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "abi_version") (result i32) (i32.const 1))
  (func (export "genesis") (param i32 i32) (result i64) unreachable)
  (func (export "verify") (param i32 i32) (result i64) unreachable)
  (func (export "check") (param i32 i32) (result i64) unreachable)
  (func (export "execute") (param i32 i32) (result i64) unreachable)
  (func (export "query") (param i32 i32) (result i64) unreachable))`

// TestRehearse runs modules on the blocks of a node that was stopped, after its
// metrics were looked at.
func TestRehearse(t *testing.T) {
	t.Parallel() // it waits more than it computes
	homes := makeNetwork(t, 1, "ed25519")
	n := start(t, homes[0])
	n.waitUp(t)
	cfg, _, err := config.Load(homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(filepath.Join(filepath.Dir(homes[0]), "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	to := ledger.AddressOf(account(t, homes, 1).Public().(ed25519.PublicKey))
	for nonce := range uint64(2) {
		op := ledger.Transfer{To: to, Amount: ledger.AmountOf(5)}
		tx, err := ledger.Sign(account(t, homes, 0), ledger.Body{Genesis: g.Hash(), Nonce: nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1, Operation: op})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.rpc.SubmitTransaction(t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx, Wait: nodev1.Wait_WAIT_FINAL})); err != nil {
			t.Fatal(err)
		}
	}
	checkMetrics(t, "http://"+cfg.Ops.Listen+"/metrics")
	n.end(t)

	rehearse := func(wasm []byte) node.RehearseReport {
		t.Helper()
		r, err := node.Rehearse(t.Context(), node.RehearseOptions{Home: homes[0], Config: &cfg, Module: wasm})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	canonical, err := executor.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if r := rehearse(canonical); !r.Accepted || !r.Same || r.Transactions != 2 || r.GasBefore != r.GasAfter || len(r.Differences) != 0 {
		t.Errorf("the chain's own module: %+v", r)
	}
	if r := rehearse([]byte("no module")); r.Accepted || r.Reason == "" {
		t.Errorf("no module: %+v", r)
	}
	wasm, err := wasmtime.Wat2Wasm(failing)
	if err != nil {
		t.Fatal(err)
	}
	r := rehearse(wasm)
	if !r.Accepted || r.Same || len(r.Differences) == 0 || r.Differences[0].What != "block" || !strings.HasPrefix(r.Differences[0].After, "failed") {
		t.Errorf("a module that executes nothing: %+v", r)
	}
}

// waitUp waits until a node answers.
func (r *running) waitUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for {
		_, err := r.rpc.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{}))
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v", r.home, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// checkMetrics holds all that a node exports to the convention.
func checkMetrics(t *testing.T, url string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	found, err := metrics.Problems(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return slices.Collect(maps.Values(families)), nil
	}))
	if err != nil || len(found) > 0 || len(families) < 20 {
		t.Errorf("%d metrics, problems: %s (%v)", len(families), strings.Join(found, "\n"), err)
	}
}
