package home

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
)

func options(dir string) Options {
	return Options{
		Dir: dir, ChainID: "home-test", Validators: 4, ExecutorHash: types.SumHash([]byte("module")),
		Time: time.UnixMilli(1_790_000_000_000), Accounts: 12,
	}
}

func TestMakeGivesHomesThatFitTogether(t *testing.T) {
	for _, scheme := range []string{"ed25519", "bls12381"} {
		o := options(filepath.Join(t.TempDir(), "net"))
		o.Scheme = scheme
		n, err := Make(o)
		if err != nil {
			t.Fatal(err)
		}
		g, err := genesis.Load(filepath.Join(o.Dir, GenesisName))
		if err != nil {
			t.Fatal(err)
		}
		if g.Hash() != n.Hash || len(g.Validators) != 4 || g.Scheme != scheme {
			t.Errorf("genesis %s with %d validators of scheme %s", g.Hash(), len(g.Validators), g.Scheme)
		}
		for i, node := range n.Nodes {
			c, _, err := config.Load(node.Home, nil)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Clean(c.Genesis.File) != filepath.Join(o.Dir, GenesisName) || c.Genesis.Hash != n.Hash.String() || len(c.P2P.Peers) != 3 {
				t.Errorf("node %d: genesis %s (%s), peers %v", i, c.Genesis.File, c.Genesis.Hash, c.P2P.Peers)
			}
			record, err := signer.ReadRecord(c.Dirs.Signer)
			if err != nil {
				t.Fatal(err)
			}
			if string(record.NetworkKey) != node.Identity.NetworkKey || g.Moniker(g.Epoch().Validators[i].NetworkKey) != c.Moniker {
				t.Errorf("node %d: identity %s", i, record.NetworkKey)
			}
			s, opened, err := signer.Open(c.Dirs.Signer, signer.Options{AllowUnsafeFileSystem: true})
			if err != nil {
				t.Fatal(err)
			}
			epoch := g.Epoch()
			if index, err := s.Match(&epoch); err != nil || index != i || opened.SetAside != nil {
				t.Errorf("node %d: matched as %d: %v", i, index, err)
			}
			s.Close()
		}
	}
}

func TestAccountsAreFundedAndFoundAgain(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "net"))
	n, err := Make(o)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.Dir, AccountsName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets of accounts: %v, mode %v", err, info.Mode())
	}
	a, err := LoadAccounts(path)
	if err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(filepath.Join(o.Dir, GenesisName))
	if err != nil {
		t.Fatal(err)
	}
	var state appStateJSON
	if err := json.Unmarshal(g.AppState, &state); err != nil {
		t.Fatal(err)
	}
	if len(state.Accounts) != 12+4+3 || len(n.Accounts) != shownAccounts || len(state.Validators) != 4 || state.Authority == nil {
		t.Fatalf("%d funded, %d shown, %d validators", len(state.Accounts), len(n.Accounts), len(state.Validators))
	}
	checkGovernors(t, n, a, &state)
	for i := range a.Count {
		key, err := a.Key(i)
		if err != nil {
			t.Fatal(err)
		}
		if state.Accounts[i].Address != addressOf(key) || state.Accounts[i].Balance != a.Balance {
			t.Errorf("account %d: %+v", i, state.Accounts[i])
		}
	}
	if _, err := a.Key(12); err == nil {
		t.Error("an account beyond the last has a key")
	}
}

// checkGovernors: whoever reads the file can act as each owner and as the authority.
func checkGovernors(t *testing.T, n *Network, a *Accounts, state *appStateJSON) {
	t.Helper()
	for i, v := range state.Validators {
		key, err := a.OwnerKey(i)
		if err != nil {
			t.Fatal(err)
		}
		name, err := n.Nodes[i].name()
		if err != nil {
			t.Fatal(err)
		}
		if v.Identity != n.Nodes[i].Identity.NetworkKey || v.Owner != addressOf(key) || a.Owners[i].Validator != name.String() || v.Moniker != moniker(i) {
			t.Errorf("validator %d: %+v, its owner in the file %+v", i, v, a.Owners[i])
		}
	}
	if _, err := a.OwnerKey(4); err == nil {
		t.Error("a validator beyond the last has an owner")
	}
	keys, err := a.AuthorityKeys()
	if err != nil || len(keys) != 2 || state.Authority.Threshold != 2 || len(state.Authority.Keys) != 3 {
		t.Fatalf("authority %+v with %d keys: %v", state.Authority, len(keys), err)
	}
	for i, key := range keys {
		if state.Authority.Keys[i] != hex.EncodeToString(key.Public().(ed25519.PublicKey)) {
			t.Errorf("key %d of the authority is not the file's", i)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		change     func(*Options)
	}{
		{"chain id", "chain id", func(o *Options) { o.ChainID = "Über" }},
		{"too many validators", "1 to 128", func(o *Options) { o.Validators = 1000 }},
		{"hosts of other number", "name one for each", func(o *Options) { o.Hosts = []string{"a"} }},
		{"one host twice", "one of its own", func(o *Options) { o.Hosts = []string{"a", "b", "c", "a"} }},
		{"scheme", "unknown", func(o *Options) { o.Scheme = "rsa" }},
		{"no executor", "executor_hash", func(o *Options) { o.ExecutorHash = types.Hash{} }},
		{"too many accounts", "accounts", func(o *Options) { o.Accounts = 1 << 30 }},
		{"ledger state", "no integer", func(o *Options) { o.AppState = json.RawMessage(`{"a":1.5}`) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := options(filepath.Join(t.TempDir(), "net"))
			tc.change(&o)
			_, err := Make(o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestDocumentOfRecordsIsThatOfTheNetwork(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "net"))
	o.Accounts, o.AppState = 0, json.RawMessage(`{"accounts":[]}`)
	n, err := Make(o)
	if err != nil {
		t.Fatal(err)
	}
	var records []signer.Record
	for _, node := range n.Nodes {
		records = append(records, node.Identity)
	}
	g, err := Document(o, records)
	if err != nil || g.Hash() != n.Hash {
		t.Errorf("made of the records alone: %v; another hash than the network's", err)
	}
	o.Scheme = "bls12381"
	if _, err := Document(o, records); err == nil || !strings.Contains(err.Error(), "scheme") {
		t.Errorf("records of another scheme: %v", err)
	}
	o.Scheme = ""
	if _, err := Document(o, append(records, records[0])); err == nil || !strings.Contains(err.Error(), "belongs to one validator") {
		t.Errorf("one record twice: %v", err)
	}
}

func TestMakeOverwritesNothing(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "net"))
	if _, err := Make(o); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(o); err == nil || !strings.Contains(err.Error(), "holds a network already") {
		t.Errorf("a second network in the same folder: %v", err)
	}
	if err := os.Remove(filepath.Join(o.Dir, GenesisName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(o); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("over the rest of an init: %v", err)
	}
}

// Volumes may be mounted before the homes are made on them.
func TestMakeOnMountedVolumes(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "net"))
	for _, name := range []string{"node0/signer", "node0/data", "node1/signer"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Make(o); err != nil {
		t.Errorf("in empty folders: %v", err)
	}
}
