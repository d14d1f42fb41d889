package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/node/config"
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
// p2p.announce in the home's configuration. // rule: exposure
func (n *Node) announced() []string {
	configured := n.cfg.P2P.Announce
	if now := n.home.now(); now != nil && !slices.Equal(now.Announce, n.home.atStart.Announce) {
		configured = now.Announce
	}
	if n.cfg.P2P.AnnounceFile == "" {
		return configured
	}
	lines, err := readLines(n.path(n.cfg.P2P.AnnounceFile), maxAnnounceLines)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) { // the address may not be known yet
			n.log.Warn("p2p.announce_file is not used", "error", err)
		}
		return configured
	}
	return lines
}

// homeFile is the home's configuration, of which p2p.peers and p2p.announce are read
// again while the node runs.
type homeFile struct {
	path    string
	atStart config.P2P
}

// openHome remembers what the file said at the start: only what it says otherwise later
// counts, so that the environment's overrides stay.
func openHome(home string) homeFile {
	h := homeFile{path: filepath.Join(home, config.FileName)}
	if now := h.now(); now != nil {
		h.atStart = *now
	}
	return h
}

// now is what the file says; nil where it cannot be read, which it could at the start.
func (h *homeFile) now() *config.P2P {
	info, err := os.Stat(h.path)
	if err != nil || info.Size() > maxLineFileBytes {
		return nil
	}
	raw, err := os.ReadFile(h.path)
	if err != nil {
		return nil
	}
	c, err := config.Parse(raw)
	if err != nil {
		return nil
	}
	return &c.P2P
}

// entries are the peers that are to be dialled now.
func (n *Node) entries() ([]string, error) {
	out := slices.Clone(n.cfg.P2P.Peers)
	if now := n.home.now(); now != nil && !slices.Equal(now.Peers, n.home.atStart.Peers) {
		out = slices.Clone(now.Peers)
	}
	if n.cfg.P2P.PeersFile == "" {
		return out, nil
	}
	lines, err := readLines(n.path(n.cfg.P2P.PeersFile), maxPeerLines)
	return append(out, lines...), err
}

// watchPeers takes up changes of p2p.peers and p2p.peers_file. // rule: peers-by-name
func (n *Node) watchPeers(ctx context.Context) error {
	ticker := time.NewTicker(peersEvery)
	defer ticker.Stop()
	before, told := n.dialled, ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		entries, err := n.entries()
		if err == nil && slices.Equal(entries, before) {
			continue
		}
		if err == nil {
			err = n.takePeers(entries)
		}
		if err == nil {
			n.log.Info("took up a change of the peers", "peers", len(entries))
			before, told = entries, ""
		} else if told != err.Error() {
			n.log.Warn("a change of the peers is not taken up: they stay as they were", "error", err)
			told = err.Error()
		}
	}
}

// takePeers dials the peers that entries name, and of those before it no others.
func (n *Node) takePeers(entries []string) error {
	peers, err := parsePeers(entries)
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
