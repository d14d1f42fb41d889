package node

import (
	"errors"
	"fmt"
	"os"

	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/types"
	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"
)

// peers are the configured ones and those of p2p.peers_file. A file that is not there
// yet is waited for.
func (n *Node) peers() ([]p2p.Peer, error) {
	n.home = openHome(n.opt.Home)
	entries, err := n.entries()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("p2p.peers_file: %w", err)
	}
	n.dialled = entries
	peers, err := parsePeers(entries)
	n.filePeers = map[p2p.PeerID]bool{}
	for _, p := range peers {
		n.filePeers[p.ID] = true
	}
	return peers, err
}

// parsePeers reads NETWORK_KEY@HOST:PORT entries; one identity may have several.
func parsePeers(entries []string) ([]p2p.Peer, error) {
	byID := map[p2p.PeerID]int{}
	var peers []p2p.Peer
	for _, entry := range entries {
		p, err := p2p.ParsePeer(entry)
		if err != nil {
			return nil, fmt.Errorf("p2p.peers: %w", err)
		}
		at, known := byID[p.ID]
		if !known {
			at = len(peers)
			byID[p.ID] = at
			peers = append(peers, p2p.Peer{ID: p.ID})
		}
		peers[at].Addresses = append(peers[at].Addresses, p.Addresses...)
	}
	return peers, nil
}

// checkEpoch judges an epoch change beyond what every module must keep to: keys
// and proofs of possession of the chain's scheme. // rule: epoch-set-valid
func (n *Node) checkEpoch(p *executorv1.EpochParams) error {
	e := nextEpoch(&types.Epoch{Scheme: n.scheme.ID()}, p)
	return types.CheckEpochChange(e, n.scheme)
}
