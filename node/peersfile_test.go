package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/config"
)

// Nodes that know of no peer finalise once their files name some: without a restart,
// and past a file that was nonsense for a while.
func TestPeersFileIsTakenUp(t *testing.T) {
	homes := makeNetwork(t, 4, "ed25519")
	file := filepath.Join(t.TempDir(), "peers")
	if err := os.WriteFile(file, []byte("# nothing yet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all []string
	var nodes []*running
	for _, h := range homes {
		cfg, _, err := config.Load(h, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cfg.P2P.Peers...)
		nodes = append(nodes, start(t, h, "BEDROCK_P2P_PEERS=", "BEDROCK_P2P_PEERS_FILE="+file))
	}
	for _, content := range []string{"no peer at all\n", strings.Join(all, "\n") + "\n"} {
		if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		n.waitHeight(t, 1)
	}
	for _, n := range nodes {
		n.end(t)
	}
}

// The same by the homes' own configuration.
func TestPeersOfTheHomeAreTakenUp(t *testing.T) {
	homes := makeNetwork(t, 4, "ed25519")
	var files [][]byte
	var nodes []*running
	for _, h := range homes {
		path := filepath.Join(h, config.FileName)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, raw)
		c.P2P.Peers = nil
		if err := os.WriteFile(path, config.Encode(&c), 0o600); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, start(t, h))
	}
	for i, h := range homes {
		if err := os.WriteFile(filepath.Join(h, config.FileName), files[i], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		n.waitHeight(t, 1)
	}
	for _, n := range nodes {
		n.end(t)
	}
}
