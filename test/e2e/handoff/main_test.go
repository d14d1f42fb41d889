//go:build e2e

package handoff

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/bedrock-bft/bedrock/controllers/apitest"
)

var hostFlag = flag.Int("first-host", 40, "x of the first node's address 127.0.0.x")

// Programs under test, and the two clusters' API servers.
var (
	bedrock, plugin string
	east, west      *apitest.Server
)

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "handoff:", err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	handler := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	dir, err := os.MkdirTemp("", "bedrock-handoff-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bedrock, plugin = filepath.Join(dir, "bedrock"), filepath.Join(dir, "kubectl-bedrock")
	// The module is compiled once for the nodes of chain and clusters.
	code := filepath.Join(dir, "code")
	if err := errors.Join(os.Mkdir(code, 0o700), os.Setenv("BEDROCK_SHARED_CODE", code)); err != nil {
		return 1, err
	}
	for _, path := range []string{bedrock, plugin} {
		build := exec.Command("go", "build", "-tags", "sharedcode", "-o", path, "github.com/bedrock-bft/bedrock/cmd/"+filepath.Base(path))
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build %s: %w\n%s", filepath.Base(path), err, out)
		}
	}
	var both sync.WaitGroup
	var failed [2]error
	for i, server := range []**apitest.Server{&east, &west} {
		both.Go(func() { *server, failed[i] = apitest.Start(apitest.Options{}) })
	}
	both.Wait()
	for _, s := range []*apitest.Server{east, west} {
		if s != nil {
			defer func() { err = errors.Join(err, s.Stop()) }()
		}
	}
	if err := errors.Join(failed[:]...); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
