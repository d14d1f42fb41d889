package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

func TestListenNamesTheSetting(t *testing.T) {
	l, err := rpc.Listen("rpc.listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, want := range map[string]string{
		l.Addr().String():   "taken by another process",
		"203.0.113.7:7601":  "has no address",
		"127.0.0.1:notport": "rpc.listen",
	} {
		if _, err := rpc.Listen("rpc.listen", address); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "rpc.listen") {
			t.Errorf("%s: %v, want one that says %q", address, err, want)
		}
	}
	if _, err := rpc.LoadTLS("nothing.pem", "nothing.key"); err == nil || !strings.Contains(err.Error(), "rpc.tls_certificate") {
		t.Errorf("missing certificate: %v", err)
	}
}

func TestOps(t *testing.T) {
	registry := prometheus.NewRegistry()
	chain := rpctest.New(rpctest.Options{})
	_, c := rpctest.Serve(t, chain, rpc.Options{Registerer: registry})
	if _, err := c.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{})); err != nil {
		t.Fatal(err)
	}
	alive, reasons := error(nil), []string(nil)
	url := rpctest.ServeHandler(t, rpc.NewOps(rpc.Probes{
		Alive: func() error { return alive }, NotReady: func() []string { return reasons }, Gatherer: registry,
	}))
	get := func(path string) (int, string) {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if status, _ := get("/healthz"); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	alive, reasons = errors.New("the event loop stands still"), []string{"syncing: height 3 of 9"}
	if status, text := get("/healthz"); status != 503 || !strings.Contains(text, "stands still") {
		t.Errorf("healthz: %d %s", status, text)
	}
	status, text := get("/readyz")
	var ready struct {
		OK      bool
		Reasons []string
	}
	if err := json.Unmarshal([]byte(text), &ready); err != nil || status != 503 || ready.OK || len(ready.Reasons) != 1 {
		t.Errorf("readyz: %d %s", status, text)
	}
	if _, text := get("/metrics"); !strings.Contains(text, `bedrock_rpc_requests_total{code="ok",procedure="GetStatus"} 1`) {
		t.Errorf("metrics: %s", text)
	}
}

func TestServeEndsOpenStreams(t *testing.T) {
	server, err := rpc.NewServer(rpctest.New(rpctest.Options{}), rpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- rpc.Serve(sctx, l, server, rpc.ServeOptions{}) }()
	c := nodev1connect.NewNodeServiceClient(http.DefaultClient, "http://"+l.Addr().String())
	stream, err := c.StreamBlocks(ctx, connect.NewRequest(&nodev1.StreamBlocksRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if stream.Receive() {
		t.Error("the stream goes on")
	}
}

// openStreams is what the metric says.
func openStreams(t *testing.T, r *prometheus.Registry) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "bedrock_rpc_open_streams" {
			return f.Metric[0].GetGauge().GetValue()
		}
	}
	t.Fatal("the metric is missing")
	return 0
}

// A subscriber that takes no bytes is dropped, whatever it left unread.
func TestASubscriberThatDoesNotReadIsDropped(t *testing.T) {
	chain := rpctest.New(rpctest.Options{Stateless: true})
	for i := range 64 { // more than the kernel's buffers take
		chain.Add(append(make([]byte, 1<<20), byte(i)))
		chain.Commit()
	}
	registry := prometheus.NewRegistry()
	url, _ := rpctest.Serve(t, chain, rpc.Options{Registerer: registry, WriteTimeout: 500 * time.Millisecond})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	message := `{"fromHeight":"1","transactions":true}`
	body := string([]byte{0, 0, 0, 0, byte(len(message))}) + message
	fmt.Fprintf(conn, "POST /bedrock.node.v1.NodeService/StreamBlocks HTTP/1.1\r\nHost: x\r\nContent-Type: application/connect+json\r\nConnect-Protocol-Version: 1\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	first := make([]byte, 12)
	if _, err := io.ReadFull(conn, first); err != nil || string(first) != "HTTP/1.1 200" {
		t.Fatalf("the stream began with %q: %v", first, err)
	}
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for openStreams(t, registry) > 0 {
		select {
		case <-limit.Done():
			t.Fatal("the stream of a client that does not read is still open")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A stream on which nothing happens for longer than a write may take goes on.
func TestAnIdleStreamStaysOpen(t *testing.T) {
	const timeout = 300 * time.Millisecond
	chain := rpctest.New(rpctest.Options{})
	url, overHTTP1 := rpctest.Serve(t, chain, rpc.Options{WriteTimeout: timeout})
	overHTTP2, err := client.Connect(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]nodev1connect.NodeServiceClient{"HTTP/1.1": overHTTP1, "HTTP/2": overHTTP2} {
		// By its height: "the next one" would be taken from when the server reads this.
		stream, err := c.StreamBlocks(ctx, connect.NewRequest(&nodev1.StreamBlocksRequest{FromHeight: chain.FinalHeight() + 1}))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			want := chain.Commit()
			if !stream.Receive() || stream.Msg().Header.Height != want {
				t.Errorf("%s: no height %d: %v", name, want, stream.Err())
			}
			<-time.After(2 * timeout) // lets the deadline of that write pass
		}
		stream.Close()
	}
}

func TestNothingToProveWithBeforeTheFirstBlock(t *testing.T) {
	_, c := rpctest.Serve(t, rpctest.New(rpctest.Options{}), rpc.Options{})
	_, err := c.Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: "key", Data: []byte("genesis"), Prove: true}))
	code(t, "a proof at height 0", err, connect.CodeUnavailable, "no block is final yet")
	if res, err := c.Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: "key", Data: []byte("genesis")})); err != nil || string(res.Msg.Value) != "state" {
		t.Errorf("without a proof: %v, %v", res, err)
	}
}
