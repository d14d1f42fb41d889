package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/bedrock-bft/bedrock/executor"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/metrics"
	"github.com/bedrock-bft/bedrock/node/types"
)

func main() {
	page, err := generate(context.Background())
	if err == nil {
		_, err = os.Stdout.Write(page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pagegen:", err)
		os.Exit(1)
	}
}

// generate makes the page from a node that is opened and closed again.
func generate(ctx context.Context) (page []byte, err error) {
	dir, err := os.MkdirTemp("", "bedrock-metrics-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	canonical, err := executor.Canonical()
	if err != nil {
		return nil, err
	}
	net := filepath.Join(dir, "net")
	if _, err := home.Make(home.Options{Dir: net, ChainID: "metrics", Validators: 1, ExecutorHash: types.SumHash(canonical), Time: time.Now()}); err != nil {
		return nil, err
	}
	h := filepath.Join(net, "node0")
	cfg, _, err := config.Load(h, nil)
	if err != nil {
		return nil, err
	}
	cfg.P2P.Listen = []string{"127.0.0.1:0"}
	n, err := node.New(ctx, node.Options{Home: h, Config: &cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	return metrics.Page(n.Metrics())
}
