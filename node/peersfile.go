package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/node/p2p"
)

// Bounds of the files that are read at run time.
const (
	maxPeerLines     = 1024
	maxAnnounceLines = 16
	maxLineFileBytes = 512 << 10
	peersEvery       = 2 * time.Second
)

// readLines are the lines of a small file that hold something; '#' begins a comment.
func readLines(path string, most int) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxLineFileBytes {
		return nil, fmt.Errorf("%s has %d bytes, at most %d", path, info.Size(), maxLineFileBytes)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.SplitSeq(string(raw), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	if len(out) > most {
		return nil, fmt.Errorf("%s names %d, at most %d", path, len(out), most)
	}
	return out, nil
}

// announced gives the addresses of p2p.announce_file as they are now, or those of
// p2p.announce. // rule: exposure
func (n *Node) announced() []string {
	if n.cfg.P2P.AnnounceFile == "" {
		return n.cfg.P2P.Announce
	}
	lines, err := readLines(n.path(n.cfg.P2P.AnnounceFile), maxAnnounceLines)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) { // the address may not be known yet
			n.log.Warn("p2p.announce_file is not used", "error", err)
		}
		return n.cfg.P2P.Announce
	}
	return lines
}

// watchPeers takes up changes of p2p.peers_file. // rule: peers-by-name
func (n *Node) watchPeers(ctx context.Context) error {
	if n.cfg.P2P.PeersFile == "" {
		return nil
	}
	ticker := time.NewTicker(peersEvery)
	defer ticker.Stop()
	before, told := n.peerLines, ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		lines, err := readLines(n.path(n.cfg.P2P.PeersFile), maxPeerLines)
		if err == nil && slices.Equal(lines, before) {
			continue
		}
		if err == nil {
			err = n.takePeers(lines)
		}
		if err == nil {
			n.log.Info("took up p2p.peers_file", "peers", len(lines))
			before, told = lines, ""
		} else if told != err.Error() {
			n.log.Warn("p2p.peers_file is not taken up: the peers stay as they were", "error", err)
			told = err.Error()
		}
	}
}

// takePeers dials the configured peers and those of the file's lines, and no others.
func (n *Node) takePeers(lines []string) error {
	peers, err := parsePeers(append(slices.Clone(n.cfg.P2P.Peers), lines...))
	if err != nil {
		return err
	}
	wanted := map[p2p.PeerID]bool{}
	for _, p := range peers {
		wanted[p.ID] = true
		if err := n.network.AddPeer(p); err != nil {
			return err
		}
	}
	for id := range n.filePeers {
		if !wanted[id] {
			n.network.RemovePeer(id)
		}
	}
	n.filePeers = wanted
	return nil
}
