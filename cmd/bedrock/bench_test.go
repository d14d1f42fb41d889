package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/load"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
)

// benchChain serves a chain that commits what waits, and answers a node's URL and
// the path of the genesis document, with accounts.json beside.
func benchChain(t *testing.T) (url, genesisPath string) {
	t.Helper()
	dir := t.TempDir()
	accounts := home.Accounts{Seed: strings.Repeat("5a", 32), Count: 8}
	rows := map[string][]byte{}
	for i := range accounts.Count {
		key, err := accounts.Key(i)
		if err != nil {
			t.Fatal(err)
		}
		rows[string(ledger.AccountKey(ledger.AddressOf(key.Public().(ed25519.PublicKey))))] = make([]byte, 24)
	}
	chain := rpctest.New(rpctest.Options{Stateless: true, State: rows, KeyOf: func(path string, _ []byte) []byte {
		address, err := ledger.ParseAddress(strings.TrimPrefix(path, "account/"))
		if err != nil {
			return nil
		}
		return ledger.AccountKey(address)
	}})
	chain.Commit()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for chain.WaitPending(ctx, 1) == nil {
			chain.Commit()
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	url, _ = rpctest.Serve(t, chain, rpc.Options{})
	genesisPath = filepath.Join(dir, "genesis.json")
	file, err := json.Marshal(&accounts)
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{genesisPath: chain.Document().Bytes(), filepath.Join(dir, home.AccountsName): file} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return url, genesisPath
}

func TestBenchReports(t *testing.T) {
	url, genesisPath := benchChain(t)
	out, plot := filepath.Join(t.TempDir(), "r.json"), filepath.Join(t.TempDir(), "r.svg")
	text := mustRun(t, "bench", "--endpoints", url+","+url, "--genesis", genesisPath, "--rate", "200", "--duration", "500ms",
		"--senders", "6", "--out", out, "--plot", plot)
	for _, want := range []string{"100 transactions, 200 a second", "100 (100.00 %)", "p99", "0 refused", "all nodes agree"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var r load.Report
	if err := json.Unmarshal(b, &r); err != nil || r.CommittedTx != 100 || !r.StateRootsAgree {
		t.Errorf("report %s, %v", b, err)
	}
	if b, err = os.ReadFile(plot); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b, new(struct{})); err != nil {
		t.Errorf("plot: %v", err)
	}
	text = mustRun(t, "bench", "--endpoints", url, "--genesis", genesisPath, "--rate", "100", "--duration", "100ms", "--output", "json")
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.OfferedTx != 10 {
		t.Errorf("--output json gave %s", text)
	}
}

func TestBenchSaysWhatIsMissing(t *testing.T) {
	url, genesisPath := benchChain(t)
	t.Setenv(genesisEnv, "")
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"no endpoints", "endpoints", nil},
		{"no accounts named", "--accounts", []string{"--endpoints", url}},
		{"no accounts there", "bedrock init", []string{"--endpoints", url, "--genesis", genesisPath, "--accounts", genesisPath + ".none"}},
		{"nobody there", "no node answers", []string{"--endpoints", "http://127.0.0.1:1", "--genesis", genesisPath}},
		{"nobody there to give a genesis", "no node answers", []string{"--endpoints", "http://127.0.0.1:1", "--accounts", "x"}},
		{"no end", "--duration", []string{"--endpoints", url, "--genesis", genesisPath, "--duration", "0"}},
		{"no rate", "a second", []string{"--endpoints", url, "--genesis", genesisPath, "--rate", "0"}},
		{"no place for the report", "write the report", []string{"--endpoints", url, "--genesis", genesisPath, "--rate", "10", "--duration", "100ms", "--out", genesisPath + "/r.json"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := bedrock(t, append([]string{"bench"}, tc.args...)...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestBenchTable(t *testing.T) {
	var b strings.Builder
	benchTable(&b, &load.Result{Text: "node1: pool_full: wait", Report: load.Report{
		OfferedTx: 1000, CommittedTx: 990, OfferedTPS: 500, OfferSeconds: 2, GoodputTPS: 495,
		FinalityMs: load.Quantiles{P50: 61.25, P90: 80, P99: 120, Max: 130}, BlockIntervalMs: load.Interval{P50: 50, P99: 60}, Heights: 40,
		RefusedTx: map[string]uint64{"check_failed": 2, "after_refusal": 4}, FailedTx: 1, LostTx: 1, UnsentTx: 2,
		Retries: map[string]uint64{"pool_full": 7}, EndpointMoves: 1,
	}}, 50_000_000)
	want := `offered        1000 transactions, 500 a second for 2 s
committed      990 (99.00 %), 495.0 a second
finality       p50 61.2  p90 80.0  p99 120.0  max 130.0 ms
blocks         40, every 50 ms (p50), 60 ms (p99); 0 timeouts, 0 empty views
not committed  6 refused (after_refusal 4, check_failed 2), 1 failed, 1 lost, 2 unsent
sent again     7 (pool_full 7); 1 moves to another endpoint
nodes          0 messages dropped, 0 host faults
outcomes       all nodes agree at every height that all have
this client    0.05 s of CPU, 50.0 ms for 1,000 transactions
last error     node1: pool_full: wait
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
