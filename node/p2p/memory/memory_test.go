package memory

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
)

func id(n byte) p2p.PeerID { return p2p.PeerID{n} }

func take(t *testing.T, ch <-chan p2p.Message) p2p.Message {
	t.Helper()
	select {
	case m := <-ch:
		return m
	case <-time.After(5 * time.Second):
		t.Fatal("no message")
	}
	return p2p.Message{}
}

func TestMulticastReachesTheSetAndObeysTheRule(t *testing.T) {
	hub := NewHub(nil)
	a, b, c := hub.Join(id(1)), hub.Join(id(2)), hub.Join(id(3))
	a.SetValidators([]p2p.PeerID{id(1), id(2), id(3)})
	if err := a.MulticastVotes([]byte("v")); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Endpoint{b, c} {
		if m := take(t, e.Votes()); m.From != id(1) || string(m.Data) != "v" {
			t.Errorf("got %+v", m)
		}
	}
	hub.SetRule(func(_, to p2p.PeerID, kind Traffic, _ []byte) Fate {
		return Fate{Drop: to == id(2), Delay: time.Millisecond, Copies: 1}
	})
	if err := a.MulticastBlock([]byte("b")); err != nil {
		t.Fatal(err)
	}
	take(t, c.Blocks())
	take(t, c.Blocks())
	if len(b.Blocks()) != 0 || len(a.Votes()) != 0 {
		t.Error("a dropped or own message was delivered")
	}
}

func TestRequestsAndClosing(t *testing.T) {
	hub := NewHub(nil)
	a, b := hub.Join(id(1)), hub.Join(id(2))
	p := p2p.Protocol{Name: "echo/1", MaxRequestBytes: 8, MaxResponseBytes: 8, Timeout: time.Second, RatePerSecond: 1, Burst: 1, Concurrent: 1}
	err := b.Handle(p, func(_ context.Context, _ p2p.PeerID, r []byte) ([]byte, error) {
		if string(r) == "bad" {
			return nil, errors.New("no such thing")
		}
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Request(t.Context(), id(2), p, []byte("hi")); err != nil || string(got) != "hi" {
		t.Errorf("got %q, %v", got, err)
	}
	var remote *p2p.RemoteError
	if _, err := a.Request(t.Context(), id(2), p, []byte("bad")); !errors.As(err, &remote) {
		t.Errorf("got %v, want the other side's text", err)
	}
	b.Close()
	if _, err := a.Request(t.Context(), id(2), p, []byte("hi")); !errors.Is(err, p2p.ErrNotConnected) {
		t.Errorf("got %v, want not connected", err)
	}
	if err := b.SendVotes(id(1), []byte("x")); !errors.Is(err, p2p.ErrClosed) {
		t.Errorf("got %v, want closed", err)
	}
}

func TestGossipIsValidated(t *testing.T) {
	hub := NewHub(nil)
	a, b := hub.Join(id(1)), hub.Join(id(2))
	out, err := b.Subscribe(p2p.TopicTx, func(_ context.Context, _ p2p.PeerID, data []byte) p2p.Verdict {
		if string(data) == "bad" {
			return p2p.Reject
		}
		return p2p.Accept
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"bad", "good"} {
		if err := a.Publish(p2p.TopicTx, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	if m := take(t, out); string(m.Data) != "good" {
		t.Errorf("got %q", m.Data)
	}
}
