package p2p

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/proto"

	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// Protocol numbers that this build speaks.
const (
	ProtocolMin = 1
	ProtocolMax = 1
)

const (
	maxHelloBytes   = 8 << 10
	maxRefusalBytes = 512
	sessionBytes    = 16
)

// RefusedError says why one side of a connection refused the other. Its text
// names both sides' values.
type RefusedError struct {
	Peer PeerID
	Text string
	// Remote reports that the peer refused us; otherwise we refused it.
	Remote bool
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Remote {
		return fmt.Sprintf("peer %s refused this node: %s", e.Peer.Short(), e.Text)
	}
	return fmt.Sprintf("refused peer %s: %s", e.Peer.Short(), e.Text)
}

// judgeHello reports why a peer that says theirs cannot be a peer of one that says
// ours, or "".
func judgeHello(ours, theirs *p2pv1.Hello) string {
	switch {
	case theirs.GetChainId() != ours.GetChainId():
		return fmt.Sprintf("chain %.80q meets chain %.80q: the nodes are of different chains", ours.GetChainId(), theirs.GetChainId())
	case string(theirs.GetGenesisHash()) != string(ours.GetGenesisHash()):
		return fmt.Sprintf("genesis hash %x meets %.32x: the nodes were made from different genesis files", ours.GetGenesisHash(), theirs.GetGenesisHash())
	case theirs.GetProtocolMin() > ours.GetProtocolMax() || theirs.GetProtocolMax() < ours.GetProtocolMin():
		return fmt.Sprintf("protocols %d-%d meet %d-%d: upgrade the older node",
			ours.GetProtocolMin(), ours.GetProtocolMax(), theirs.GetProtocolMin(), theirs.GetProtocolMax())
	case len(theirs.GetSession()) != sessionBytes:
		return fmt.Sprintf("session of %d bytes, want %d", len(theirs.GetSession()), sessionBytes)
	case theirs.GetRole() == p2pv1.Role_ROLE_UNSPECIFIED:
		return "the hello names no role"
	}
	return ""
}

// writeMessage writes a small message behind its length.
func writeMessage(w io.Writer, m proto.Message) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %T: %w", m, err)
	}
	if len(b) > maxHelloBytes {
		return fmt.Errorf("encode %T: %d bytes, want at most %d", m, len(b), maxHelloBytes)
	}
	_, err = w.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// readMessage reads what writeMessage wrote.
func readMessage(r io.Reader, m proto.Message) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > maxHelloBytes {
		return fmt.Errorf("%w: handshake message of %d bytes, want at most %d", errFrame, n, maxHelloBytes)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return unexpectedEnd(err)
	}
	if err := proto.Unmarshal(b, m); err != nil {
		return errors.Join(errFrame, err)
	}
	return nil
}

// clipText makes a peer's text fit for a log line.
func clipText(s string) string {
	if len(s) > maxRefusalBytes {
		s = s[:maxRefusalBytes]
	}
	return strings.ToValidUTF8(s, "?")
}
