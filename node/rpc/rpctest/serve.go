package rpctest

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// Serve serves backend on a free port of loopback until the test ends, and
// answers its URL and a client of it.
func Serve(t testing.TB, backend rpc.Backend, opt rpc.Options) (string, nodev1connect.NodeServiceClient) {
	t.Helper()
	server, err := rpc.NewServer(backend, opt)
	if err != nil {
		t.Fatal(err)
	}
	url := ServeHandler(t, server)
	return url, nodev1connect.NewNodeServiceClient(http.DefaultClient, url)
}

// ServeHandler serves a handler as a node would, and answers its URL.
func ServeHandler(t testing.TB, handler http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- rpc.Serve(ctx, l, handler, rpc.ServeOptions{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}
