package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/types"
)

// Each key of the authority adds its signature; what is no recovery is not signed, and
// what is not known is named.
func TestRecoveryCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	mustRun(t, "init", "--chain-id", "cli-test", "--validators", "4", "--dir", dir)
	file, accounts := filepath.Join(dir, home.GenesisName), filepath.Join(dir, home.AccountsName)
	g, err := genesis.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := g.Document
	doc.AppState = json.RawMessage(`{}`)
	doc.Continues = &genesis.Continues{Authority: []genesis.Cosignature{}, Epoch: 1, GenesisHash: g.Hash(), Height: 5, LockEpoch: 1, LockView: 6, OutcomeHash: types.SumHash(nil)}
	recovery, err := genesis.New(doc)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "recovery.json")
	if err := os.WriteFile(path, recovery.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, index := range []string{"authority0", "authority1"} {
		if err := os.WriteFile(path, []byte(mustRun(t, "genesis", "sign", path, "--accounts", accounts, "--index", index)), 0o600); err != nil {
			t.Fatal(err)
		}
		if signed, err := genesis.Load(path); err != nil || len(signed.Continues.Authority) != i+1 {
			t.Errorf("signed by %s: %v", index, err)
		}
	}
	node0 := filepath.Join(dir, "node0")
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"continues no chain", []string{"sign", file, "--accounts", accounts, "--index", "authority0"}},
		{"name the key", []string{"sign", path}},
		{"neither a moniker", []string{"recover", "--home", node0, "--survivor", "nobody"}},
		{"--time", []string{"recover", "--home", node0, "--survivor", "node0", "--time", "soon"}},
		{"no final block", []string{"recover", "--home", node0, "--survivor", "node0"}},
	} {
		if out, err := bedrock(t, append([]string{"genesis"}, tc.args...)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("genesis %v: %v (%s), want %q", tc.args, err, out, tc.want)
		}
	}
}
