package load

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestHistogramIsRightToOnePercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, spread := range []int64{50, 5_000, 3_000_000, 3_000_000_000} { // us
		var h histogram
		exact := make([]time.Duration, 10_001)
		for i := range exact {
			exact[i] = time.Duration(random.Int64N(spread)) * time.Microsecond
			h.add(exact[i])
		}
		slices.Sort(exact)
		for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
			want := exact[max(1, int(q*10_001+0.999999))-1]
			if got := h.quantile(q); got < want || float64(got) > float64(want)*1.01+float64(2*time.Microsecond) {
				t.Errorf("spread %d us: quantile %g is %s, want %s", spread, q, got, want)
			}
		}
		if h.max != exact[10_000] || h.n != 10_001 {
			t.Errorf("spread %d us: max %s of %d", spread, h.max, h.n)
		}
	}
	if (&histogram{}).quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	var edges histogram
	edges.add(-time.Second)
	edges.add(100 * 24 * time.Hour)
	if edges.quantile(0) > time.Microsecond || edges.n != 2 {
		t.Errorf("edges: %s", edges.quantile(0))
	}
}

func TestBucketsHoldWhatTheySay(t *testing.T) {
	for us := uint64(0); us < 1<<20; us = us + us/300 + 1 {
		b := bucketOf(us)
		if us > upperOf(b) || b > 0 && us <= upperOf(b-1) {
			t.Fatalf("%d us lies in bucket %d, up to %d after %d", us, b, upperOf(b), upperOf(max(0, b-1)))
		}
	}
}

func TestDueTimesAreFixed(t *testing.T) {
	for _, rate := range []float64{0.5, 3, 500, 1000, 99_999} {
		if dueBefore(rate, 0) != 0 || dueAt(rate, 0) != 0 {
			t.Errorf("rate %g: something is due before the start", rate)
		}
		for i := uint64(0); i < 5000; i++ {
			at := dueAt(rate, i)
			if n := dueBefore(rate, at-time.Microsecond); i > 0 && n > i {
				t.Fatalf("rate %g: %d are due before %s, want at most %d", rate, n, at, i)
			}
			if n := dueBefore(rate, at+time.Microsecond); n < i+1 {
				t.Fatalf("rate %g: %d are due by %s, want %d", rate, n, at, i+1)
			}
		}
	}
}

func TestNoncesInFlightAreSkipped(t *testing.T) {
	a := &account{}
	a.resume(10, []uint64{14, 11, 12, 9})
	var got []uint64
	for range 4 {
		got = append(got, a.takeNonce())
	}
	if diff := cmp.Diff([]uint64{10, 13, 15, 16}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAgreement(t *testing.T) {
	var clients []*client.Client
	for i := range 3 {
		chain := rpctest.New(rpctest.Options{Stateless: true})
		for h := range 1500 { // more than a page
			if i == 2 && h == 1200 {
				chain.Add([]byte("other"))
			}
			chain.Commit()
		}
		url, _ := rpctest.Serve(t, chain, rpc.Options{})
		c, err := client.New(url, client.Options{Trust: client.Trust{Genesis: chain.Document().Hash(), Epoch: chain.Document().Epoch()}})
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	away, err := client.New("http://127.0.0.1:1", client.Options{Trust: client.Trust{Epoch: rpctest.New(rpctest.Options{}).Document().Epoch()}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, tc := range []struct {
		name    string
		clients []*client.Client
		want    Agreement
	}{
		{"all", clients, Agreement{Nodes: 3, From: 1, To: 1500, Height: 1201, URL: clients[2].URL()}},
		{"the same", clients[:2], Agreement{Agree: true, Nodes: 2, From: 1, To: 1500}},
		{"one", clients[2:], Agreement{Agree: true, Nodes: 1, From: 1, To: 1500}},
		{"one away", []*client.Client{clients[0], away, clients[2]}, Agreement{Nodes: 2, From: 1, To: 1500, Height: 1201, URL: clients[2].URL()}},
		{"none", []*client.Client{away}, Agreement{Agree: true, From: 1}},
	} {
		got, err := CompareOutcomes(ctx, tc.clients)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func sample() *Report {
	return &Report{
		CommittedTx: 995, OfferedTx: 1000, GoodputTPS: 497.5, Heights: 42, EmptyViews: 1, Timeouts: 2, StateRootsAgree: true,
		FinalityMs:      Quantiles{P50: 61.2, P90: 80, P99: 120.75, Max: 130},
		BlockIntervalMs: Interval{P50: 50, P99: 61},
		Nodes:           []NodeReport{{Height: 42, StateRoot: strings.Repeat("ab", 32), CPUSeconds: 1.5, RSSBytes: 1 << 20, DiskBytes: 1 << 21, DroppedMessages: 3, HostFaults: 1}},
		FailedTx:        1, RefusedTx: map[string]uint64{"check_failed": 2}, LostTx: 1, UnsentTx: 1, AcceptedTx: 997,
		Retries: map[string]uint64{"pool_full": 3}, EndpointMoves: 1, OfferedTPS: 500, OfferSeconds: 2,
		Seconds: []Second{{500, 470, 60, 110}, {500, 525, 62.5, 121}},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestReportJSON(t *testing.T) {
	b, err := sample().JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b)
}

func TestPlot(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "plot.svg", b.Bytes())
}

func TestPlotIsWellFormed(t *testing.T) {
	long := make([]Second, 3601)
	for i := range long {
		long[i] = Second{Offered: uint64(i), Committed: 12_345_678, P99Ms: float64(i) / 7}
	}
	for _, seconds := range [][]Second{nil, {{}}, {{5, 4, 1, 1000}, {5, 0, 0, 0}, {5, 6, 1, 2}}, long} {
		var b bytes.Buffer
		if err := (&Report{Seconds: seconds}).WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"NaN", "Inf", "e+"} {
			if bytes.Contains(b.Bytes(), []byte(bad)) {
				t.Errorf("%d seconds: %s in the plot", len(seconds), bad)
			}
		}
		dec := xml.NewDecoder(&b)
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%d seconds: %v", len(seconds), err)
			}
		}
	}
}
