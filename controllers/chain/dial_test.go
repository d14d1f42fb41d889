package chain_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/types"
)

func TestDialerKeepsTheClientOfADocument(t *testing.T) {
	dial := chain.NewDialer(chain.Options{})
	if _, err := dial([]byte("{}")); err == nil {
		t.Error("a document that is no genesis was taken")
	}
	document := genesisDocument(t)
	a, err := dial(document)
	if err != nil {
		t.Fatal(err)
	}
	b, err := dial(append([]byte(nil), document...))
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Error("the same document gave another client, which verifies every epoch anew")
	}
}

func TestAdminDialerKeepsTheAdministrationOfAKey(t *testing.T) {
	dial := chain.NewAdminDialer()
	key := func(b byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)) }
	a, err := dial(key(1))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := dial(key(1)); a != b {
		t.Error("the same key gave another administration, which connects anew")
	}
	if b, _ := dial(key(2)); a == b {
		t.Error("another key gave the same administration")
	}
	if _, err := dial(nil); err == nil {
		t.Error("no key was taken")
	}
}

func TestEndpointOf(t *testing.T) {
	if got := chain.EndpointOf("ns", "net-0", 2); got != "http://net-0-i2.ns.svc:7601" {
		t.Error(got)
	}
	if got := chain.AdminURLOf("ns", "net-0", 2); got != "https://net-0-i2.ns.svc:7602" {
		t.Error(got)
	}
}

func genesisDocument(t *testing.T) []byte {
	t.Helper()
	key := func(b byte) []byte {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)).Public().(ed25519.PublicKey)
	}
	g, err := genesis.New(genesis.Document{AppState: []byte("{}"), Block: genesis.Block{MaxBytes: 1 << 20, MaxGas: 1 << 30}, ChainID: "test", Engine: 1,
		ExecutorHash: types.Hash{1}, Scheme: "ed25519", TimeMs: 1, Timing: genesis.DevnetTiming(),
		Validators: []genesis.Validator{{ConsensusKey: key(1), NetworkKey: key(2), Power: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	return g.Bytes()
}
