package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

func TestFieldsCoverTheSectionsAndPresets(t *testing.T) {
	c := Default() // panics where a preset breaks its own bounds
	if err := c.check(); err != nil {
		t.Errorf("defaults contradict each other: %v", err)
	}
	seen := map[string]bool{}
	for _, f := range fields() {
		if seen[f.key] {
			t.Errorf("key %s is in the table twice", f.key)
		}
		seen[f.key] = true
		if f.doc == "" {
			t.Errorf("key %s has no comment", f.key)
		}
		if section, _, ok := strings.Cut(f.key, "."); ok && sections[section] == "" {
			t.Errorf("section %s has no comment", section)
		}
	}
}

func TestEncodeThenParse(t *testing.T) {
	c := Default()
	c.Moniker = "nœud: #1 'x'"
	c.P2P.Listen = []string{"127.0.0.2:7600", "[::1]:7600"}
	c.P2P.Peers = []string{strings.Repeat("ab", 32) + "@val-1.example:7600"}
	c.RPC.ClientRate = 7
	c.Storage.WriteBufferBytes = 32 * mib
	c.Mempool.TTL = 90 * time.Second
	c.Mempool.Journal = false
	c.Genesis.Hash = strings.Repeat("01", 32)
	for name, want := range map[string]Config{"changed": c, "defaults": Default()} {
		got, err := Parse(Encode(&want))
		if err != nil {
			t.Fatalf("%s: Parse: %v\n%s", name, err, Encode(&want))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-wrote +read)\n%s", name, diff)
		}
	}
}

func TestParseRefusesWithLineAndKey(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"unknown key", "moniker: a\nrpc:\n  listn: 127.0.0.1:1\n", `line 3: unknown key "rpc.listn"; did you mean "rpc.listen"?`},
		{"unknown section", "rpcs:\n  listen: x\n", `line 1: unknown key "rpcs"; did you mean "rpc"?`},
		{"key of another section", "rpc:\n  max_peers: 3\n", `did you mean "p2p.max_peers"?`},
		{"nothing near", "zzzzzzzzzzzz: 1\n", "docs/configuration.md"},
		{"repeated key", "moniker: a\nmoniker: b\n", "twice"},
		{"list for a value", "moniker: [a, b]\n", "line 1: moniker: expected one value"},
		{"keys for a value", "moniker: {a: b}\n", "expected a value"},
		{"value for a section", "rpc: 3\n", `line 1: expected keys below "rpc"`},
		{"no value", "rpc:\n  listen:\n", "line 2: rpc.listen: no value"},
		{"not YAML", "rpc: [\n", "YAML"},
		{"tabs", "rpc:\n\tlisten: x\n", "YAML"},
		{"alias", "moniker: &a x\nrole: *a\n", "alias"},
		{"number out of range", "p2p:\n  max_peers: 100000\n", "0 to 4096"},
		{"no number", "p2p:\n  max_peers: many\n", "whole number"},
		{"size", "storage:\n  write_buffer_bytes: 5 lots\n", "512KiB"},
		{"size out of range", "storage:\n  write_buffer_bytes: 1KiB\n", "8MiB to 16GiB"},
		{"duration", "mempool:\n  ttl: 10\n", "250ms, 5s or 10m"},
		{"switch", "mempool:\n  journal: maybe\n", "true or false"},
		{"address", "rpc:\n  listen: localhost\n", "HOST:PORT"},
		{"port", "rpc:\n  listen: 127.0.0.1:99999\n", "port"},
		{"admin from outside", "admin:\n  listen: 0.0.0.0:7602\n", "loopback"},
		{"peer", "p2p:\n  peers: [10.0.0.1:7600]\n", "NETWORK_KEY@HOST:PORT"},
		{"role", "role: king\n", "validator, full, sentry, seed"},
		{"hash", "genesis:\n  hash: 12\n", "64 hex digits"},
		{"origin", "rpc:\n  allowed_origins: [example.org]\n", "https://HOST"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.file))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	home := t.TempDir()
	if _, _, err := Load(home, nil); err == nil || !strings.Contains(err.Error(), "bedrock init") {
		t.Errorf("no file: %v", err)
	}
	c := Default()
	c.Moniker = "from the file"
	if err := Write(filepath.Join(home, FileName), &c); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(home, FileName), &c); err == nil {
		t.Error("a configuration was overwritten")
	}
	got, notes, err := Load(home, []string{
		"PATH=/bin", "BEDROCK_RPC_LISTEN=127.0.0.1:9", "BEDROCK_P2P_LISTEN=127.0.0.1:1,127.0.0.2:2", "BEDROCK_RPC_PORT_7601_TCP=x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Moniker != "from the file" || got.RPC.Listen != "127.0.0.1:9" || len(got.P2P.Listen) != 2 {
		t.Errorf("loaded %+v", got)
	}
	if diff := cmp.Diff([]string{"BEDROCK_RPC_PORT_7601_TCP is set and overrides no setting"}, notes); diff != "" {
		t.Errorf("notes:\n%s", diff)
	}
	if want := filepath.Join(home, "signer"); got.Dirs.Signer != want || got.RPC.TLSKey != "" {
		t.Errorf("signer volume %q, want %q", got.Dirs.Signer, want)
	}
}

func TestLoadRefusesSettingsThatContradict(t *testing.T) {
	for _, tc := range []struct{ env, want string }{
		{"BEDROCK_RPC_LISTEN=nowhere", "BEDROCK_RPC_LISTEN"},
		{"BEDROCK_RPC_TLS_KEY=key.pem", "both or neither"},
		{"BEDROCK_OPS_LISTEN=127.0.0.1:7601", "each its own port"},
		{"BEDROCK_P2P_LISTEN=", "p2p.listen is empty"},
		{"BEDROCK_DIRS_DATA=signer", "the volumes are two"},
		{"BEDROCK_ADMIN_PINNED_LISTEN=0.0.0.0:7602", "named by key"},
		{"BEDROCK_ADMIN_CLIENTS=abc", "64 hex digits"},
	} {
		home := t.TempDir()
		if err := os.WriteFile(filepath.Join(home, FileName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Load(home, []string{tc.env}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", tc.env, err, tc.want)
		}
	}
}

func TestDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := Document()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/configuration.md is not current: run `go test ./node/config -run TestDocument -update`\n%s", cmp.Diff(string(want), string(got)))
	}
}

func FuzzParse(f *testing.F) {
	c := Default()
	f.Add(Encode(&c))
	f.Add([]byte("p2p:\n  listen: [a:1, b:2]\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Parse(raw)
		if err != nil {
			return
		}
		again, err := Parse(Encode(&c))
		if err != nil || !cmp.Equal(c, again) {
			t.Fatalf("an accepted configuration does not survive being written: %v\n%s", err, cmp.Diff(c, again))
		}
	})
}
