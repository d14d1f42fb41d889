package home_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
)

func chain(t *testing.T, scheme string) *genesis.Genesis {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "net")
	if _, err := home.Make(home.Options{Dir: dir, ChainID: "there", Validators: 1, Scheme: scheme, ExecutorHash: types.SumHash([]byte("module")), Time: time.UnixMilli(1_790_000_000_000)}); err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(filepath.Join(dir, home.GenesisName))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A newcomer's home loads, pins the chain, and has an identity of its scheme; one
// that is on the volume already is taken as it is.
func TestJoinMakesOneHome(t *testing.T) {
	g := chain(t, "bls12381")
	peer := strings.Repeat("ab", 32) + "@a.example:7600"
	dir := filepath.Join(t.TempDir(), "fifth")
	record, err := signer.Init(filepath.Join(dir, "signer"), signer.InitOptions{Scheme: types.SchemeBLS12381, Marks: []string{"claim"}, AllowUnsafeFileSystem: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := home.Join(home.JoinOptions{Dir: dir, Genesis: g, Moniker: "fifth", Role: "validator", Host: "127.0.0.9", Peers: []string{peer}, Marks: []string{"claim"}, Module: []byte("module")})
	if err != nil {
		t.Fatal(err)
	}
	if n.Identity != record {
		t.Errorf("the identity that was there became %+v", n.Identity)
	}
	c, _, err := config.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Genesis.Hash != g.Hash().String() || c.Moniker != "fifth" || c.P2P.Peers[0] != peer || c.RPC.Listen != "127.0.0.9:7601" || c.Signer.Marks[0] != "claim" || c.Executor.Module == "" {
		t.Errorf("configuration: %+v", c)
	}
	if there, err := genesis.Load(c.Genesis.File); err != nil || there.Hash() != g.Hash() {
		t.Errorf("genesis of the home: %v", err)
	}
}

func TestJoinRefuses(t *testing.T) {
	g := chain(t, "ed25519")
	peers := []string{strings.Repeat("ab", 32) + "@a.example:7600"}
	whole, other, identity := filepath.Join(t.TempDir(), "h"), filepath.Join(t.TempDir(), "h"), filepath.Join(t.TempDir(), "h")
	good := home.JoinOptions{Dir: whole, Genesis: g, Role: "full", Host: "127.0.0.9", Peers: peers}
	if _, err := home.Join(good); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, home.GenesisName), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signer.Init(filepath.Join(identity, "signer"), signer.InitOptions{Scheme: types.SchemeBLS12381, AllowUnsafeFileSystem: true}); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*home.JoinOptions){
		"is a home already":      func(*home.JoinOptions) {},
		"exists and is another":  func(o *home.JoinOptions) { o.Dir = other },
		"use an empty signer":    func(o *home.JoinOptions) { o.Dir = identity },
		`role "king"`:            func(o *home.JoinOptions) { o.Role = "king" },
		"nodes to dial":          func(o *home.JoinOptions) { o.Peers = nil },
		"p2p.peers":              func(o *home.JoinOptions) { o.Peers = []string{"a.example"} },
		"configuration of the n": func(o *home.JoinOptions) { o.Moniker = strings.Repeat("m", 500) },
	} {
		o := good
		change(&o)
		if _, err := home.Join(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}
