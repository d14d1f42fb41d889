package p2p

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

// A request is one stream: the asker writes its length (u32 little-endian) and
// bytes and closes its side; the answer is a status byte, a length and bytes.
const (
	statusOK     byte = 0
	statusFailed byte = 1 // the bytes say why
	statusBusy   byte = 2

	maxFailureText = 1 << 10
)

var protocolName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}/[0-9]{1,3}$`)

func (p Protocol) check() error {
	if !protocolName.MatchString(p.Name) {
		return fmt.Errorf("protocol name %q: want a name and a number, as in blocks/1", p.Name)
	}
	if p.MaxRequestBytes <= 0 || p.MaxResponseBytes <= 0 || p.Timeout <= 0 ||
		p.RatePerSecond <= 0 || p.Burst <= 0 || p.Concurrent <= 0 {
		return fmt.Errorf("protocol %s: sizes, timeout, rate, burst and concurrency must be above zero", p.Name)
	}
	return nil
}

// Request implements Transport.
func (n *Network) Request(ctx context.Context, to PeerID, p Protocol, request []byte) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if len(request) > p.MaxRequestBytes {
		return nil, fmt.Errorf("request %s: %d bytes, want at most %d: %w", p.Name, len(request), p.MaxRequestBytes, ErrTooLarge)
	}
	begin := time.Now()
	answer, err := n.ask(ctx, to, p, request)
	n.metrics.requestSeconds.WithLabelValues("asked").Observe(time.Since(begin).Seconds())
	n.metrics.requests.WithLabelValues("asked", resultName(err)).Inc()
	if err != nil {
		return nil, fmt.Errorf("request %s of %s: %w", p.Name, to.Short(), err)
	}
	return answer, nil
}

func resultName(err error) string {
	var remote *RemoteError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrBusy):
		return "busy"
	case errors.As(err, &remote):
		return "refused"
	}
	return "failed"
}

func (n *Network) ask(ctx context.Context, to PeerID, p Protocol, request []byte) ([]byte, error) {
	n.mu.Lock()
	closed, r := n.closed, n.peers[to]
	n.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if r == nil {
		return nil, ErrNotConnected
	}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	s, err := n.host.NewStream(network.WithNoDial(ctx, "a peer is connected or not"), r.pid, n.protocol(p.Name))
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	defer s.Reset()
	stop := context.AfterFunc(ctx, func() { s.Reset() })
	defer stop()
	msg := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(request)), uint32(len(request)))
	if _, err := s.Write(append(msg, request...)); err != nil {
		return nil, orContext(ctx, err)
	}
	if err := s.CloseWrite(); err != nil {
		return nil, orContext(ctx, err)
	}
	answer, err := readAnswer(n.listening(s), to, p.MaxResponseBytes)
	return answer, orContext(ctx, err)
}

// orContext prefers the reason for which a stream was reset here.
func orContext(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func readAnswer(r io.Reader, from PeerID, most int) ([]byte, error) {
	var status [1]byte
	if _, err := io.ReadFull(r, status[:]); err != nil {
		return nil, unexpectedEnd(err)
	}
	switch status[0] {
	case statusOK:
		return readSized(r, most)
	case statusBusy:
		return nil, ErrBusy
	case statusFailed:
		text, err := readSized(r, maxFailureText)
		if err != nil {
			return nil, err
		}
		return nil, &RemoteError{Peer: from, Text: clipText(string(text))}
	}
	return nil, fmt.Errorf("%w: status %d of an answer", errFrame, status[0])
}

// readSized reads a length and that many bytes; memory grows with what arrives.
func readSized(r io.Reader, most int) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, unexpectedEnd(err)
	}
	n := binary.LittleEndian.Uint32(size[:])
	if int64(n) > int64(most) {
		return nil, fmt.Errorf("%w: %d bytes announced, want at most %d", errFrame, n, most)
	}
	out := make([]byte, 0, min(int(n), 4*pieceBytes))
	for len(out) < int(n) {
		have := len(out)
		step := min(int(n)-have, max(have, pieceBytes))
		grown := append(out, make([]byte, step)...)
		if _, err := io.ReadFull(r, grown[have:]); err != nil {
			return nil, unexpectedEnd(err)
		}
		out = grown
	}
	return out, nil
}

// Handle implements Transport.
func (n *Network) Handle(p Protocol, h RequestHandler) error {
	if err := p.check(); err != nil {
		return err
	}
	n.mu.Lock()
	taken := n.handlers[p.Name]
	n.handlers[p.Name] = true
	n.mu.Unlock()
	if taken {
		return fmt.Errorf("protocol %s is served already", p.Name)
	}
	places := make(chan struct{}, p.Concurrent)
	n.host.SetStreamHandler(n.protocol(p.Name), func(s network.Stream) {
		defer s.Close()
		begin := time.Now()
		err := n.serveRequest(s, p, h, places)
		n.metrics.requestSeconds.WithLabelValues("served").Observe(time.Since(begin).Seconds())
		n.metrics.requests.WithLabelValues("served", resultName(err)).Inc()
		if err != nil && resultName(err) == "failed" {
			s.Reset()
		}
	})
	return nil
}

func (n *Network) serveRequest(s network.Stream, p Protocol, h RequestHandler, places chan struct{}) error {
	if err := s.SetDeadline(time.Now().Add(p.Timeout)); err != nil {
		return err
	}
	l, ok := n.awaitReady(s.Conn())
	if !ok {
		return ErrNotConnected
	}
	if !n.buckets.allow(l.id, p.Name, p.RatePerSecond, p.Burst, 1) {
		return errors.Join(ErrBusy, writeAnswer(s, statusBusy, nil))
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		return errors.Join(ErrBusy, writeAnswer(s, statusBusy, nil))
	}
	request, err := readSized(s, p.MaxRequestBytes)
	if err != nil {
		if errors.Is(err, errFrame) {
			n.Penalise(l.id, "malformed request")
		}
		return err
	}
	ctx, cancel := context.WithTimeout(n.ctx, p.Timeout)
	defer cancel()
	answer, err := h(ctx, l.id, request)
	if err == nil && len(answer) > p.MaxResponseBytes {
		err = fmt.Errorf("the answer has %d bytes, more than %d: ask for less", len(answer), p.MaxResponseBytes)
	}
	if err != nil {
		text := err.Error()
		if werr := writeAnswer(s, statusFailed, []byte(text[:min(len(text), maxFailureText)])); werr != nil {
			return werr
		}
		return &RemoteError{Peer: l.id, Text: text}
	}
	return writeAnswer(s, statusOK, answer)
}

func writeAnswer(w io.Writer, status byte, answer []byte) error {
	head := []byte{status}
	if status != statusBusy {
		head = binary.LittleEndian.AppendUint32(head, uint32(len(answer)))
	}
	if _, err := w.Write(append(head, answer...)); err != nil {
		return err
	}
	return nil
}
