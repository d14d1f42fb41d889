package p2p

import (
	"bufio"
	"errors"

	"github.com/libp2p/go-libp2p/core/network"
)

const (
	strangerVotesPerSecond = 64
	strangerVotesBurst     = 256
	// maxChannelStreams bounds the long-lived streams of one kind that a peer may
	// have open: one, and one that replaces it.
	maxChannelStreams = 4
)

// serveChannel reads a peer's long-lived stream until it ends. It never waits for
// the node: what does not fit is dropped.
func (n *Network) serveChannel(s network.Stream, c Channel) {
	defer s.Reset()
	l, ok := n.awaitReady(s.Conn())
	if !ok || n.channelStreams(s) > maxChannelStreams {
		n.metrics.streamsReset.WithLabelValues(c.String(), "refused").Inc()
		return
	}
	reader := &frameReader{r: bufio.NewReaderSize(&heardReader{n, l, s}, 16<<10), channel: c, max: MaxVoteBytes}
	box := n.votes
	if c == ChannelBlocks {
		reader.max = n.cfg.MaxBlockBytes
		reader.keep = func() bool { return n.isValidator(l.id) }
		box = n.blocks
	}
	for {
		msg, err := reader.next()
		if err != nil {
			n.endOfChannel(l, c, err)
			return
		}
		if msg == nil {
			n.countDropIn(l.id, c, "not_validator")
			continue
		}
		if c == ChannelVotes && !n.isValidator(l.id) &&
			!n.buckets.allow(l.id, "votes", strangerVotesPerSecond, strangerVotesBurst, 1) {
			n.countDropIn(l.id, c, "rate")
			continue
		}
		n.metrics.received.WithLabelValues(c.String()).Inc()
		n.metrics.receivedBytes.WithLabelValues(c.String()).Add(float64(len(msg)))
		box.put(Message{From: l.id, Channel: c, Data: msg})
	}
}

// channelStreams counts the streams of s's protocol on its connection, s included.
func (n *Network) channelStreams(s network.Stream) int {
	count := 0
	for _, other := range s.Conn().GetStreams() {
		if other.Protocol() == s.Protocol() && other.Stat().Direction == network.DirInbound {
			count++
		}
	}
	return count
}

func (n *Network) endOfChannel(l *link, c Channel, err error) {
	if !errors.Is(err, errFrame) {
		return // closed, reset or the connection's end
	}
	n.metrics.streamsReset.WithLabelValues(c.String(), "malformed").Inc()
	n.log.Warn("peer sent a malformed frame, its stream is closed", "peer", l.id, "channel", c.String(), "error", err)
	n.Penalise(l.id, "malformed frame")
}
