package governance_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bedrock-bft/bedrock/node/devnet"
)

// TestSigningTwice is a validator that signs twice, in each way there is: the
// chain holds the evidence.
func TestSigningTwice(t *testing.T) {
	for _, scheme := range []string{"ed25519", "bls12381"} {
		for _, kind := range []string{"proposals", "prepares", "commits", "amnesia"} {
			t.Run(scheme+"/"+kind, func(t *testing.T) { signTwice(t, scheme, kind) })
		}
	}
}

func signTwice(t *testing.T, scheme, kind string) {
	begin := filepath.Join(t.TempDir(), "begin")
	c := network(t, devnet.Options{Scheme: scheme})
	c.Evidence = true
	c.Net.Nodes[3].Binary = liar
	c.Net.Nodes[3].Env = []string{"BEDROCK_EQUIVOCATE=" + kind, "BEDROCK_EQUIVOCATE_WHEN=" + begin}
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	load := c.Send(w, 0, 20, 50, 0, 1, 2)
	c.Wait("transfers are final", func() (bool, string) { return load.Final() > 20, "" })
	if err := os.WriteFile(begin, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Wait("the evidence is on the chain", func() (bool, string) { return len(w.Evidence()) > 0, "" })
	for _, e := range w.Evidence() {
		t.Logf("evidence of kind %d in epoch %d against validator %d", e.Kind, e.Epoch, e.Validator)
		if e.Validator != 3 {
			t.Errorf("validator %d did not sign twice", e.Validator)
		}
	}
	load.Stop()
	load.Check()
}
