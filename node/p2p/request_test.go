package p2p

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func echoProtocol() Protocol {
	return Protocol{Name: "echo/1", MaxRequestBytes: 1 << 10, MaxResponseBytes: 4 << 20,
		Timeout: 20 * time.Second, RatePerSecond: 1000, Burst: 1000, Concurrent: 4}
}

func TestRequest(t *testing.T) {
	nodes := cluster(t, 2, nil)
	p := echoProtocol()
	big := bytes.Repeat([]byte{5}, 4<<20)
	err := nodes[1].Handle(p, func(_ context.Context, from PeerID, r []byte) ([]byte, error) {
		if from != nodes[0].Self() {
			t.Errorf("request of %s", from)
		}
		switch string(r) {
		case "fail":
			return nil, errors.New("height 7 is pruned")
		case "big":
			return big, nil
		case "too big":
			return append(big, 0), nil
		}
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r string) ([]byte, error) {
		return nodes[0].Request(t.Context(), nodes[1].Self(), p, []byte(r))
	}
	if got, err := ask("hello"); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := ask(""); err != nil || len(got) != 0 {
		t.Errorf("empty: got %q, %v", got, err)
	}
	if got, err := ask("big"); err != nil || !bytes.Equal(got, big) {
		t.Errorf("big: got %d bytes, %v", len(got), err)
	}
	for _, bad := range []string{"fail", "too big"} {
		var remote *RemoteError
		if _, err := ask(bad); !errors.As(err, &remote) {
			t.Errorf("%s: %v, want the other side's text", bad, err)
		}
	}
	if _, err := ask(strings.Repeat("x", 1<<10+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large request: %v", err)
	}
	if _, err := nodes[0].Request(t.Context(), PeerID{1}, p, nil); !errors.Is(err, ErrNotConnected) {
		t.Errorf("unknown peer: %v", err)
	}
	p.Name = "other/1"
	if _, err := nodes[0].Request(t.Context(), nodes[1].Self(), p, nil); err == nil {
		t.Error("a protocol that nobody serves answered")
	}
	if err := nodes[1].Handle(echoProtocol(), nil); err == nil {
		t.Error("a protocol was registered twice")
	}
}

func TestRequestsAreBounded(t *testing.T) {
	nodes := cluster(t, 2, nil)
	p := echoProtocol()
	p.Burst, p.RatePerSecond, p.Concurrent = 4, 1e-9, 1
	inside, leave := make(chan struct{}, 8), make(chan struct{})
	err := nodes[1].Handle(p, func(ctx context.Context, _ PeerID, r []byte) ([]byte, error) {
		inside <- struct{}{}
		<-leave
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() {
		_, err := nodes[0].Request(t.Context(), nodes[1].Self(), p, []byte("a"))
		first <- err
	}()
	<-inside
	for range 3 { // all places taken
		if _, err := nodes[0].Request(t.Context(), nodes[1].Self(), p, nil); !errors.Is(err, ErrBusy) {
			t.Errorf("beside a running request: %v, want busy", err)
		}
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := nodes[0].Request(t.Context(), nodes[1].Self(), p, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("with an empty bucket: %v, want busy", err)
	}
}

func TestRequestObeysItsContext(t *testing.T) {
	nodes := cluster(t, 2, nil)
	p := echoProtocol()
	started := make(chan struct{})
	err := nodes[1].Handle(p, func(ctx context.Context, _ PeerID, _ []byte) ([]byte, error) {
		close(started)
		<-nodes[1].ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := nodes[0].Request(ctx, nodes[1].Self(), p, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
}

func TestMalformedAnswersAreRefused(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":      "",
		"status":       "\x09",
		"no length":    "\x00\x01",
		"above bound":  "\x00\xff\xff\xff\xff",
		"cut":          "\x00\x05\x00\x00\x00ab",
		"long failure": "\x01\xff\xff\x00\x00",
		"cut failure":  "\x01\x05\x00\x00\x00ab",
	} {
		if got, err := readAnswer(strings.NewReader(answer), PeerID{}, 100); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
