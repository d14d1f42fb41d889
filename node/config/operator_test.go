package config_test

import (
	"os"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/bedrock-bft/bedrock/node/config"
)

// TestTakesWhatTheOperatorWrites holds the operator's golden file to this package: the
// two import nothing of each other.
func TestTakesWhatTheOperatorWrites(t *testing.T) {
	raw, err := os.ReadFile("../../controllers/build/testdata/configmap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Data map[string]string `yaml:"data"`
	}
	if err := yaml.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse([]byte(object.Data[config.FileName]))
	if err != nil {
		t.Fatalf("a pod would not start: %v", err)
	}
	if c.P2P.PeersFile != "/etc/bedrock/node/peers" || object.Data["peers"] == "" || c.Dirs.Signer != "/var/lib/bedrock/signer/instance" || c.RPC.Listen != ":7601" {
		t.Errorf("it is read as %+v", c)
	}
}

// The same of full nodes.
func TestTakesWhatTheOperatorWritesForFullNodes(t *testing.T) {
	raw, err := os.ReadFile("../../controllers/build/testdata/fullnode-configmap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Data map[string]string `yaml:"data"`
	}
	if err := yaml.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse([]byte(object.Data[config.FileName]))
	if err != nil {
		t.Fatalf("a pod would not start: %v", err)
	}
	if c.Role != "full" || c.P2P.PeersFile == "" || c.Dirs.Data == c.Dirs.Signer {
		t.Errorf("it is read as %+v", c)
	}
}
