package node

import (
	"fmt"
	"strings"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
)

// peers are the configured ones, by identity.
func (n *Node) peers() ([]p2p.Peer, error) {
	byID := map[p2p.PeerID]int{}
	var peers []p2p.Peer
	for _, entry := range n.cfg.P2P.Peers {
		key, address, ok := strings.Cut(entry, "@")
		if !ok {
			return nil, fmt.Errorf("p2p.peers: %q: want NETWORK_KEY@HOST:PORT", entry)
		}
		id, err := p2p.ParsePeerID(key)
		if err != nil {
			return nil, fmt.Errorf("p2p.peers: %w", err)
		}
		at, known := byID[id]
		if !known {
			at = len(peers)
			byID[id] = at
			peers = append(peers, p2p.Peer{ID: id})
		}
		peers[at].Addresses = append(peers[at].Addresses, address)
	}
	return peers, nil
}

// checkEpoch judges an epoch change beyond what every module must keep to: keys
// and proofs of possession of the chain's scheme. // rule: epoch-set-valid
func (n *Node) checkEpoch(p *executorv1.EpochParams) error {
	e := nextEpoch(&types.Epoch{Scheme: n.scheme.ID()}, p)
	return types.CheckEpochChange(e, n.scheme)
}
