package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

// deadline bounds every wait, far above what it takes.
const deadline = 90 * time.Second

// running is a node with its end.
type running struct {
	home string
	stop context.CancelFunc
	done chan error
	rpc  nodev1connect.NodeServiceClient
}

// makeNetwork makes homes on free ports of loopback.
func makeNetwork(t *testing.T, validators int, scheme string) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "net")
	canonical, err := executor.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	_, err = home.Make(home.Options{ExecutorHash: types.SumHash(canonical), ChainID: "test", Validators: validators, Dir: dir, Scheme: scheme, Accounts: 10, Balance: 1_000_000_000,
		MaxBytes: 2 << 20, MaxGas: 1_000_000_000, Time: time.Now(), Hosts: hosts(t, validators)})
	if err != nil {
		t.Fatal(err)
	}
	var homes []string
	for i := range validators {
		homes = append(homes, filepath.Join(dir, fmt.Sprintf("node%d", i)))
	}
	return homes
}

// hosts picks addresses 127.x.y.z that this test has for itself.
func hosts(t *testing.T, n int) []string {
	t.Helper()
	// A listener on a free port tells a number that no other test has now.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("127.%d.%d.%d", 1+port>>8, port&255, i+1))
	}
	return out
}

func start(t *testing.T, homeDir string, env ...string) *running {
	t.Helper()
	return startThrough(t, homeDir, nil, env...)
}

// startThrough starts a node whose engine sends through what is given.
func startThrough(t *testing.T, homeDir string, transport func(engine.Transport) engine.Transport, env ...string) *running {
	t.Helper()
	cfg, _, err := config.Load(homeDir, env)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})).With("home", filepath.Base(homeDir))
	n, err := node.New(t.Context(), node.Options{Home: homeDir, Config: &cfg, Log: log, Version: "test", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{home: homeDir, stop: cancel, done: make(chan error, 1)}
	r.rpc = nodev1connect.NewNodeServiceClient(&httpClient, "http://"+cfg.RPC.Listen)
	go func() {
		err := n.Run(ctx)
		if closed := n.Close(); err == nil {
			err = closed
		}
		r.done <- err
	}()
	return r
}

func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("%s ended: %v", r.home, err)
	}
}

func (r *running) status(t *testing.T) *nodev1.GetStatusResponse {
	t.Helper()
	res, err := r.rpc.GetStatus(t.Context(), connect.NewRequest(&nodev1.GetStatusRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	return res.Msg
}

// waitHeight waits until a node has a final height.
func (r *running) waitHeight(t *testing.T, height uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for {
		stream, err := r.rpc.StreamBlocks(ctx, connect.NewRequest(&nodev1.StreamBlocksRequest{FromHeight: height}))
		if err == nil {
			got := stream.Receive()
			err = errors.Join(stream.Err(), stream.Close())
			if got {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: no height %d: %v; status %v", r.home, height, err, r.status(t))
		case <-time.After(20 * time.Millisecond): // its listener may not be up yet
		}
	}
}
