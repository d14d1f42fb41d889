package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"
)

// QUIC notices after half a minute that nobody is there, and until then doubles the
// time to its next attempt: a link that was broken for twenty seconds may stay silent
// for twenty more after it healed, and the chain with it. So each side listens by
// itself: a link to a peer that matters on which nothing is heard is asked, and where
// that too stays without an answer, ended. The dialler makes a new one at once.

// pingProtocol is a stream that says nothing: that it could be opened is the answer.
const pingProtocol = "ping/1"

const (
	pingsPerSecond = 4
	pingsBurst     = 16
)

// hear notes that a peer was heard on a link.
func (n *Network) hear(l *link) { l.heard.Store(int64(time.Since(n.began))) }

// silence is for how long nothing was heard on a link.
func (n *Network) silence(l *link) time.Duration {
	return time.Since(n.began) - time.Duration(l.heard.Load())
}

// heardReader is a link's stream whose bytes count as being heard.
type heardReader struct {
	n *Network
	l *link
	r io.Reader
}

func (h *heardReader) Read(b []byte) (int, error) {
	count, err := h.r.Read(b)
	if count > 0 {
		h.n.hear(h.l)
	}
	return count, err
}

// listening is a stream whose bytes count as being heard: a long answer on a slow link
// is no silence.
func (n *Network) listening(s network.Stream) io.Reader {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.links[s.Conn()]; l != nil {
		return &heardReader{n, l, s}
	}
	return s
}

// watch ends a link to a validator or configured peer that has gone silent. It returns
// with the link.
func (n *Network) watch(l *link) {
	every := n.cfg.SilenceMax / 3
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := time.Now(); ; last = time.Now() {
		select {
		case <-tick.C:
		case <-l.ended:
			return
		case <-n.ctx.Done():
			return
		}
		if time.Since(last) > n.cfg.SilenceMax {
			n.hear(l) // this process stood still: what came meanwhile is yet to be read
		}
		if n.silence(l) < every || !n.isExempt(l.id) {
			continue
		}
		if n.ping(l) {
			n.hear(l)
		}
		if silent := n.silence(l); silent >= n.cfg.SilenceMax {
			n.metrics.silent.Inc()
			n.log.Info("peer is silent, its connection is ended", "peer", l.id, "address", l.conn.RemoteMultiaddr(), "silent", silent.Round(time.Millisecond))
			l.conn.CloseWithError(network.ConnGarbageCollected)
			return
		}
	}
}

// ping asks for a sign of life, until the silence has lasted too long. A peer of older
// software refuses the protocol, which is one.
func (n *Network) ping(l *link) bool {
	ctx, cancel := context.WithTimeout(n.ctx, max(0, n.cfg.SilenceMax-n.silence(l)))
	defer cancel()
	err := n.openPing(ctx, l)
	return err == nil || errors.Is(err, multistream.ErrNotSupported[protocol.ID]{})
}

func (n *Network) openPing(ctx context.Context, l *link) error {
	s, err := l.conn.NewStream(ctx)
	if err != nil {
		return fmt.Errorf("open a ping: %w", err)
	}
	defer s.Reset()
	name := n.protocol(pingProtocol)
	if err := s.SetProtocol(name); err != nil {
		return fmt.Errorf("open a ping: %w", err)
	}
	if end, ok := ctx.Deadline(); ok {
		if err := s.SetDeadline(end); err != nil {
			return err
		}
	}
	if err := multistream.SelectProtoOrFail(name, s); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return nil
}

// answerPing ends a ping: its peer has what it wants. One that asks too often is heard
// no better for it.
func (n *Network) answerPing(s network.Stream) {
	l, ok := n.awaitReady(s.Conn())
	if !ok || !n.buckets.allow(l.id, pingProtocol, pingsPerSecond, pingsBurst, 1) {
		s.Reset()
		return
	}
	n.hear(l)
	s.Close()
}
