package rpc

import (
	"context"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
)

func TestQueryPoolBoundsWhatRunsAndWaits(t *testing.T) {
	p := newQueryPool(1, 1, time.Hour)
	ctx := context.Background()
	entered, release := make(chan struct{}, 2), make(chan struct{})
	work := func(context.Context) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := p.run(ctx, work); err != nil {
			t.Errorf("first: %v", err)
		}
	})
	<-entered
	// The second takes the one place in the queue; until it has, a further one
	// that gives up at once would take it.
	p.waiting <- struct{}{}
	if err := p.run(ctx, work); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("with a full queue: %v, want resource_exhausted", err)
	}
	<-p.waiting
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := p.run(gone, work); err == nil {
		t.Error("a caller that is gone was served")
	}
	done.Go(func() {
		if err := p.run(ctx, work); err != nil {
			t.Errorf("second: %v", err)
		}
	})
	close(release)
	done.Wait()
	if len(p.waiting) != 0 || len(p.workers) != 0 {
		t.Errorf("%d places and %d workers are still taken", len(p.waiting), len(p.workers))
	}
}

func TestClientsAreLimitedByAddress(t *testing.T) {
	l, err := newClientLimiter(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		remote string
		want   bool
	}{
		{"10.0.0.1:5", true}, {"10.0.0.1:6", true}, {"10.0.0.1:7", false}, {"10.0.0.2:5", true},
		{"[2001:db8::1]:5", true}, {"[2001:db8::2]:5", true}, {"[2001:db8::3]:5", false}, {"[2001:db8:0:1::1]:5", true},
		{"[::ffff:10.0.0.1]:9", false}, {"pipe", true}, {"pipe", true}, {"pipe", true},
	} {
		if got := l.allow(tc.remote); got != tc.want {
			t.Errorf("%s: allowed %t, want %t", tc.remote, got, tc.want)
		}
	}
}
