package hunt

import (
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/p2p"
)

// filtered is a transport by which some messages do not leave.
type filtered struct {
	engine.Transport
	drops func(data []byte) bool
}

// SendVotes implements engine.Transport.
func (f filtered) SendVotes(to p2p.PeerID, data []byte) error {
	if f.drops(data) {
		return nil
	}
	return f.Transport.SendVotes(to, data)
}

// SendBlock implements engine.Transport.
func (f filtered) SendBlock(to p2p.PeerID, data []byte) error {
	if f.drops(data) {
		return nil
	}
	return f.Transport.SendBlock(to, data)
}

// MulticastVotes implements engine.Transport.
func (f filtered) MulticastVotes(data []byte) error {
	if f.drops(data) {
		return nil
	}
	return f.Transport.MulticastVotes(data)
}

// MulticastBlock implements engine.Transport.
func (f filtered) MulticastBlock(data []byte) error {
	if f.drops(data) {
		return nil
	}
	return f.Transport.MulticastBlock(data)
}
