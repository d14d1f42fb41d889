package p2p

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"

	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// The handshake is the one protocol whose name knows no chain, so that a mismatch
// has a reason. The dialler says hello, the other side answers with its own or a
// refusal, the dialler closes with an empty reply or a refusal:
//
//	dialler                     listener
//	   Hello            ------>
//	            <------           HelloReply{hello | refusal}
//	   HelloReply{} or refusal -> ready
const handshakeProtocol = protocol.ID("/bedrock/handshake/1")

func (n *Network) hello() *p2pv1.Hello {
	var addresses []string
	if n.cfg.Announced != nil {
		addresses = usable(n.cfg.Announced())
	}
	return &p2pv1.Hello{
		Addresses: addresses,
		ChainId:   n.cfg.ChainID, GenesisHash: n.cfg.Genesis[:],
		ProtocolMin: ProtocolMin, ProtocolMax: ProtocolMax,
		TipHeight: n.tip.Load(), Role: p2pv1.Role(n.cfg.Role), Session: n.session,
	}
}

// greet runs the dialler's side on a new connection.
func (n *Network) greet(l *link) {
	err := n.sayHello(l)
	if err == nil {
		return
	}
	if refused, ok := err.(*RefusedError); ok {
		n.logRefusal(l, refused)
	} else if n.ctx.Err() == nil {
		n.log.Debug("handshake failed", "peer", l.id, "address", l.conn.RemoteMultiaddr(), "error", err)
	}
	l.conn.CloseWithError(network.ConnGated)
}

func (n *Network) sayHello(l *link) error {
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.HandshakeTimeout)
	defer cancel()
	s, err := l.conn.NewStream(ctx)
	if err != nil {
		return fmt.Errorf("open the handshake: %w", err)
	}
	defer s.Reset()
	if err := s.SetProtocol(handshakeProtocol); err != nil {
		return fmt.Errorf("open the handshake: %w", err)
	}
	if err := s.SetDeadline(time.Now().Add(n.cfg.HandshakeTimeout)); err != nil {
		return err
	}
	if err := multistream.SelectProtoOrFail(handshakeProtocol, s); err != nil {
		return fmt.Errorf("the peer does not speak the handshake of this software: %w", err)
	}
	ours := n.hello()
	if err := writeMessage(s, ours); err != nil {
		return err
	}
	var reply p2pv1.HelloReply
	if err := readMessage(s, &reply); err != nil {
		return err
	}
	if reply.GetRefusal() != "" {
		return &RefusedError{Peer: l.id, Text: clipText(reply.GetRefusal()), Remote: true}
	}
	why := judgeHello(ours, reply.GetHello())
	if why == "" {
		n.onReady(l, reply.GetHello())
	}
	if err := writeMessage(s, &p2pv1.HelloReply{Refusal: why}); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	if why != "" {
		n.awaitEnd(s)
		return &RefusedError{Peer: l.id, Text: why}
	}
	n.awaitEnd(s)
	return nil
}

// serveHandshake runs the listener's side.
func (n *Network) serveHandshake(s network.Stream) {
	defer s.Close()
	n.mu.Lock()
	l := n.links[s.Conn()]
	fresh := l != nil && !l.isReady
	n.mu.Unlock()
	if !fresh {
		s.Reset()
		return
	}
	refused, err := n.answerHello(l, s)
	switch {
	case refused != nil:
		n.logRefusal(l, refused)
		n.awaitEnd(s)
		l.conn.CloseWithError(network.ConnGated)
	case err != nil:
		s.Reset()
		n.log.Debug("handshake failed", "peer", l.id, "address", l.conn.RemoteMultiaddr(), "error", err)
		l.conn.CloseWithError(network.ConnProtocolViolation)
	}
}

func (n *Network) answerHello(l *link, s network.Stream) (*RefusedError, error) {
	if err := s.SetDeadline(time.Now().Add(n.cfg.HandshakeTimeout)); err != nil {
		return nil, err
	}
	var theirs p2pv1.Hello
	if err := readMessage(s, &theirs); err != nil {
		return nil, err
	}
	ours := n.hello()
	if why := judgeHello(ours, &theirs); why != "" {
		if err := writeMessage(s, &p2pv1.HelloReply{Refusal: why}); err != nil {
			return nil, err
		}
		s.CloseWrite()
		return &RefusedError{Peer: l.id, Text: why}, nil
	}
	if err := writeMessage(s, &p2pv1.HelloReply{Hello: ours}); err != nil {
		return nil, err
	}
	var end p2pv1.HelloReply
	if err := readMessage(s, &end); err != nil {
		return nil, err
	}
	if end.GetRefusal() != "" {
		return &RefusedError{Peer: l.id, Text: clipText(end.GetRefusal()), Remote: true}, nil
	}
	n.onReady(l, &theirs)
	return nil, nil
}

// awaitEnd reads until the other side has closed, so that the last words arrive
// before the connection ends.
func (n *Network) awaitEnd(s network.Stream) {
	s.SetReadDeadline(time.Now().Add(2 * time.Second))
	var b [1]byte
	s.Read(b[:])
}

const maxRefusals = 1024

// logRefusal says why a connection was refused: loudly once, since both sides dial
// again.
func (n *Network) logRefusal(l *link, refused *RefusedError) {
	side := "here"
	if refused.Remote {
		side = "there"
	}
	n.metrics.refused.WithLabelValues(side).Inc()
	n.mu.Lock()
	repeated := n.refusals[l.id] == refused.Text
	for id := range n.refusals {
		if len(n.refusals) < maxRefusals {
			break
		}
		delete(n.refusals, id)
	}
	n.refusals[l.id] = refused.Text
	n.mu.Unlock()
	attrs := []any{"peer", l.id, "address", l.conn.RemoteMultiaddr(), "refused", side, "reason", refused.Text}
	if repeated {
		n.log.Debug("connection refused", attrs...)
	} else {
		n.log.Warn("connection refused", attrs...)
	}
}
