package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// version is set by the linker.
var version = "dev"

// Exit codes.
const (
	exitFine     = 0
	exitDegraded = 1
	exitHalted   = 2
	exitFailed   = 3
)

// exitError ends the program with a code and, where text is empty, without a word more.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, &app{out: os.Stdout, err: os.Stderr, in: os.Stdin, open: openCluster}, os.Args[1:])
	stop()
	os.Exit(code)
}

// app is what commands share: the streams, and how the cluster is reached.
type app struct {
	in       io.Reader
	out, err io.Writer
	flags    flags
	open     func(f *flags) (*cluster, error)
	// nodes is the client of nodes that are named by --endpoint; nil: see namedNodes.
	nodes func(ctx context.Context) (chain.Client, error)
}

func run(ctx context.Context, a *app, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	code := exitFailed
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(a.err, "kubectl bedrock:", text)
	}
	return code
}
