package node_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/p2p"
)

// rule: exposure — a node that runs tells whoever connects the addresses that its
// announce file has then: an address that changes needs no restart.
func TestAnnounceFileIsReadWhileTheNodeRuns(t *testing.T) {
	t.Parallel() // it waits more than it computes
	homes := makeNetwork(t, 2, "ed25519")
	file := filepath.Join(t.TempDir(), "announce")
	cfg, _, err := config.Load(homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, homes[0], "BEDROCK_P2P_ANNOUNCE_FILE="+file)
	for i, step := range []struct {
		content string
		want    []string
	}{
		{"", cfg.P2P.Announce}, // not known yet: there is no file
		{"198.51.100.7:7600\n", []string{"198.51.100.7:7600"}},
		{"# moved\n\nlb.example:7600\n[2001:db8::8]:7600\n", []string{"lb.example:7600", "[2001:db8::8]:7600"}},
	} {
		if step.content != "" {
			if err := os.WriteFile(file+".new", []byte(step.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(file+".new", file); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(step.want, announcedTo(t, homes, byte(i))); diff != "" {
			t.Errorf("after %q it announces (-want +got):\n%s", step.content, diff)
		}
	}
	n.end(t)
}

// announcedTo is what node 0 tells a full node that connects to it now.
func announcedTo(t *testing.T, homes []string, seed byte) []string {
	t.Helper()
	other, _, err := config.Load(homes[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	node0, err := p2p.ParsePeer(other.P2P.Peers[0])
	if err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(filepath.Join(filepath.Dir(homes[0]), home.GenesisName))
	if err != nil {
		t.Fatal(err)
	}
	network, err := p2p.New(p2p.Config{
		Identity: ed25519.NewKeyFromSeed(append(make([]byte, 31), 100+seed)), Listen: []string{"127.0.0.1:0"},
		ChainID: g.ChainID, Genesis: g.Hash(), Role: p2p.RoleFull, Peers: []p2p.Peer{node0},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	for until := time.Now().Add(deadline); time.Now().Before(until); {
		if peers := network.Peers(); len(peers) == 1 && peers[0].ID == node0.ID {
			return peers[0].Announced
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("waited %s for a connection to %v", deadline, node0.Addresses)
	return nil
}
