package p2p

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

const (
	votesWaiting = 1024    // messages queued for one peer
	votesWaitMax = 8 << 20 // bytes
	blocksWait   = 16
	// writeBatch is how much of the votes channel goes into one write.
	writeBatch = 32 << 10
)

// SendVotes implements Transport.
func (n *Network) SendVotes(to PeerID, data []byte) error {
	return n.sendOne(to, ChannelVotes, data)
}

// SendBlock implements Transport.
func (n *Network) SendBlock(to PeerID, data []byte) error {
	return n.sendOne(to, ChannelBlocks, data)
}

// MulticastVotes implements Transport.
func (n *Network) MulticastVotes(data []byte) error { return n.sendAll(ChannelVotes, data) }

// MulticastBlock implements Transport.
func (n *Network) MulticastBlock(data []byte) error { return n.sendAll(ChannelBlocks, data) }

func (n *Network) checkSize(c Channel, data []byte) error {
	most := MaxVoteBytes
	if c == ChannelBlocks {
		most = n.cfg.MaxBlockBytes
	}
	if len(data) == 0 || len(data) > most {
		return fmt.Errorf("send %d bytes on %s, which takes 1 to %d: %w", len(data), c, most, ErrTooLarge)
	}
	return nil
}

func (n *Network) sendOne(to PeerID, c Channel, data []byte) error {
	if err := n.checkSize(c, data); err != nil {
		return err
	}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return ErrClosed
	}
	p := n.peers[to]
	if p == nil {
		n.mu.Unlock()
		n.countDropOut(c, "not_connected", 1)
		return fmt.Errorf("send to %s: %w", to.Short(), ErrNotConnected)
	}
	o := n.outboxOf(p, c)
	n.mu.Unlock()
	n.countDropOut(c, "queue_full", o.put(data))
	return nil
}

func (n *Network) sendAll(c Channel, data []byte) error {
	if err := n.checkSize(c, data); err != nil {
		return err
	}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return ErrClosed
	}
	boxes := make([]*outbox, 0, len(n.validators))
	for id := range n.validators {
		if p := n.peers[id]; p != nil {
			boxes = append(boxes, n.outboxOf(p, c))
		}
	}
	absent := len(n.validators) - len(boxes)
	n.mu.Unlock()
	n.countDropOut(c, "not_connected", absent)
	for _, o := range boxes {
		n.countDropOut(c, "queue_full", o.put(data))
	}
	return nil
}

func (n *Network) countDropOut(c Channel, reason string, count int) {
	n.metrics.drop(c.String(), dirOut, reason, count)
}

// outboxOf is the peer's queue, with its writer running. Callers hold mu.
func (n *Network) outboxOf(p *remote, c Channel) *outbox {
	if o := p.senders[c]; o != nil {
		return o
	}
	o := newOutbox(votesWaiting, votesWaitMax)
	if c == ChannelBlocks {
		o = newOutbox(blocksWait, n.cfg.BlockQueueBytes)
	}
	p.senders[c] = o
	w := &writer{n: n, peer: p, channel: c, box: o}
	n.work.Add(1) // callers checked that the network is open
	go func() {
		defer n.work.Done()
		w.run()
	}()
	return o
}

// SetValidators implements Transport.
func (n *Network) SetValidators(ids []PeerID) {
	set := make(map[PeerID]bool, len(ids))
	for _, id := range ids {
		if id != n.self {
			set[id] = true
		}
	}
	n.mu.Lock()
	n.validators = set
	n.mu.Unlock()
}

// writer sends one peer's queue of one channel over one long-lived stream, which
// it opens when there is something to send and again after a loss.
type writer struct {
	n       *Network
	peer    *remote
	channel Channel
	box     *outbox
	stream  network.Stream
	buf     []byte
}

func (w *writer) run() {
	// A write that waits for a peer that is gone must not hold up the end.
	stop := context.AfterFunc(w.peer.ctx, func() {
		w.n.mu.Lock()
		s := w.stream
		w.n.mu.Unlock()
		if s != nil {
			s.Reset()
		}
	})
	defer func() {
		stop()
		if w.stream != nil {
			w.stream.Reset()
		}
		w.n.countDropOut(w.channel, "peer_gone", w.box.close())
	}()
	for {
		batch := w.box.take(writeBatch)
		if batch == nil {
			select {
			case <-w.box.wake:
				continue
			case <-w.peer.ctx.Done():
				return
			}
		}
		w.deliver(batch)
		if w.peer.ctx.Err() != nil {
			return
		}
	}
}

// deliver writes a batch, once more on a new stream if the first is lost. What
// cannot be sent is dropped: its receiver may be gone, and consensus resends.
func (w *writer) deliver(batch [][]byte) {
	const attempts = 2
	for range attempts {
		err := w.write(batch)
		if err == nil {
			size := 0
			for _, m := range batch {
				size += len(m)
			}
			w.n.metrics.sent.WithLabelValues(w.channel.String()).Add(float64(len(batch)))
			w.n.metrics.sentBytes.WithLabelValues(w.channel.String()).Add(float64(size))
			return
		}
		if w.peer.ctx.Err() != nil {
			w.n.countDropOut(w.channel, "peer_gone", len(batch))
			return
		}
		w.n.metrics.streamsReset.WithLabelValues(w.channel.String(), "write").Inc()
		w.n.log.Debug("stream lost", "peer", w.peer.id, "channel", w.channel.String(), "error", err)
		if w.stream != nil {
			w.stream.Reset()
			w.setStream(nil)
		}
	}
	w.box.drop(len(batch))
	w.n.countDropOut(w.channel, "unsendable", len(batch))
	// The peer counts as connected and takes nothing: do not spin on it.
	select {
	case <-time.After(w.n.cfg.DialMin):
	case <-w.peer.ctx.Done():
	}
}

func (w *writer) write(batch [][]byte) error {
	if w.stream == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	if w.channel == ChannelVotes {
		w.buf = w.buf[:0]
		for _, m := range batch {
			w.buf = appendVoteFrame(w.buf, m)
		}
		return w.flush()
	}
	for _, m := range batch {
		for offset := 0; offset < len(m); {
			w.buf, offset = appendPiece(w.buf[:0], m, offset)
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) flush() error {
	if err := w.stream.SetWriteDeadline(time.Now().Add(w.n.cfg.WriteTimeout)); err != nil {
		return err
	}
	_, err := w.stream.Write(w.buf)
	return err
}

func (w *writer) open() error {
	ctx, cancel := context.WithTimeout(w.peer.ctx, w.n.cfg.WriteTimeout)
	defer cancel()
	name := "votes/1"
	if w.channel == ChannelBlocks {
		name = "proposals/1"
	}
	s, err := w.n.host.NewStream(network.WithNoDial(ctx, "a peer is connected or not"), w.peer.pid, w.n.protocol(name))
	if err != nil {
		return fmt.Errorf("open a stream: %w", err)
	}
	w.setStream(s)
	return nil
}

func (w *writer) setStream(s network.Stream) {
	w.n.mu.Lock()
	w.stream = s
	w.n.mu.Unlock()
}
