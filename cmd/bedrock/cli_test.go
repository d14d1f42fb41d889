package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/bedrock-bft/bedrock/client/keystore"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

var update = flag.Bool("update", false, "write docs/cli.md")

// bedrock runs a command line and answers what it printed.
func bedrock(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := newRoot()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	root.SetIn(strings.NewReader(""))
	root.SetArgs(args)
	// A node that starts where it must refuse runs until then.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil {
		t.Fatalf("bedrock %s: has not ended after a minute (%v)", strings.Join(args, " "), err)
	}
	return out.String(), err
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := bedrock(t, args...)
	if err != nil {
		t.Fatalf("bedrock %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func TestCLIDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "cli.md")
	want := cliDocument(newRoot())
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
		t.Errorf("docs/cli.md is not current: run `go test ./cmd/bedrock -run TestCLIDocument -update`\n%s", cmp.Diff(string(want), string(got)))
	}
}

// Each command says what it does and shows how; those that print results can do
// so as JSON.
func TestEveryCommandHasHelp(t *testing.T) {
	noJSON := map[string]bool{"bedrock start": true, "bedrock devnet": true, "bedrock genesis format": true, "bedrock genesis make": true, "bedrock genesis recover": true, "bedrock genesis sign": true, "bedrock config": true}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" {
			return
		}
		if c.Short == "" {
			t.Errorf("%s has no short help", c.CommandPath())
		}
		if !c.HasSubCommands() {
			if c.Example == "" {
				t.Errorf("%s has no example", c.CommandPath())
			}
			if f := c.Flags().Lookup("output"); f == nil && !noJSON[c.CommandPath()] {
				t.Errorf("%s has no --output", c.CommandPath())
			}
		}
		for _, s := range c.Commands() {
			walk(s)
		}
	}
	walk(newRoot())
}

func TestCommandNamesOfTheTable(t *testing.T) {
	for _, path := range []string{
		"devnet", "init", "identity init", "identity show", "identity adopt", "start", "genesis recover", "genesis sign",
		"keys generate", "keys show", "keys import", "keys export",
		"identity consent join", "identity consent rotate",
		"tx transfer", "tx batch", "tx record put", "tx record delete", "tx send",
		"tx validator join", "tx validator ready", "tx validator rotate", "tx validator delegate", "tx validator leave", "tx validator maintain",
		"tx authority weigh", "tx authority schedule", "tx authority cancel", "tx authority set", "tx authority sign",
		"query status", "query block", "query tx", "query account", "query record", "query state", "query validators", "query epochs", "query receipts",
		"query evidence", "query upgrade", "query authority", "query parameters",
		"verify proof", "executor inspect", "executor hash", "executor add", "executor rehearse", "replay", "bench", "inspect db", "inspect votelog",
	} {
		c, rest, err := newRoot().Find(strings.Fields(path))
		if err != nil || len(rest) > 0 || c.CommandPath() != "bedrock "+path {
			t.Errorf("bedrock %s: found %q, %v", path, c.CommandPath(), err)
		}
	}
}

func TestInitThenIdentityAndGenesis(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	var network struct {
		GenesisHash string `json:"genesis_hash"`
		Nodes       []struct {
			Home     string
			Identity map[string]any
		}
	}
	if err := json.Unmarshal([]byte(mustRun(t, "init", "--chain-id", "cli-test", "--validators", "4", "--dir", dir, "--accounts", "3", "--output", "json")), &network); err != nil {
		t.Fatal(err)
	}
	var g map[string]any
	if err := json.Unmarshal([]byte(mustRun(t, "genesis", "hash", filepath.Join(dir, "genesis.json"), "--output", "json")), &g); err != nil {
		t.Fatal(err)
	}
	if g["genesis_hash"] != network.GenesisHash || len(network.Nodes) != 4 {
		t.Errorf("genesis %v, network %+v", g, network)
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(mustRun(t, "identity", "show", "--home", network.Nodes[2].Home)), &record); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(network.Nodes[2].Identity, record); diff != "" {
		t.Errorf("identity (-init +show):\n%s", diff)
	}
	formatted := mustRun(t, "genesis", "format", filepath.Join(dir, "genesis.json"))
	raw, err := os.ReadFile(filepath.Join(dir, "genesis.json"))
	if err != nil || formatted != string(raw) {
		t.Errorf("a canonical document was changed by format: %v", err)
	}
	args := []string{"genesis", "make", "--chain-id", "several", "--time", "2026-11-22T12:00:00Z", "--app-state", filepath.Join(dir, "state.json")}
	if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte(`{"accounts":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, n := range network.Nodes {
		path := filepath.Join(dir, fmt.Sprintf("record%d.json", i))
		if err := os.WriteFile(path, []byte(mustRun(t, "identity", "show", "--home", n.Home)), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--record", path)
	}
	made := mustRun(t, args...)
	if g, err := genesis.Parse([]byte(made)); err != nil || len(g.Validators) != 4 || made != mustRun(t, args...) {
		t.Errorf("genesis of records: %v", err)
	}
	if c, err := config.Parse([]byte(mustRun(t, "config"))); err != nil || !cmp.Equal(c, config.Default()) {
		t.Errorf("the default configuration: %v", err)
	}
	out := mustRun(t, "inspect", "votelog", "--home", network.Nodes[0].Home, "--output", "json")
	if !strings.Contains(out, `"segments"`) {
		t.Errorf("inspect votelog printed %s", out)
	}
}

func TestKeysThereAndBack(t *testing.T) {
	keystoreWork = keystore.Light
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("pw"), []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file("wrong"), []byte("battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "keys", "generate", "--out", file("a.json"), "--password-file", file("pw"), "--description", "mine")
	if info, err := os.Stat(file("a.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("keystore: %v, mode %v", err, info.Mode())
	}
	secret := mustRun(t, "keys", "export", file("a.json"), "--plain", "--password-file", file("pw"))
	if err := os.WriteFile(file("seed"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "keys", "import", "--secret-file", file("seed"), "--out", file("b.json"), "--password-file", file("pw"))
	var a, b map[string]any
	for path, v := range map[string]*map[string]any{"a.json": &a, "b.json": &b} {
		if err := json.Unmarshal([]byte(mustRun(t, "keys", "show", file(path), "--output", "json")), v); err != nil {
			t.Fatal(err)
		}
	}
	if a["address"] != b["address"] || !strings.HasPrefix(a["address"].(string), "bed1") {
		t.Errorf("address %v became %v", a["address"], b["address"])
	}
	mustRun(t, "identity", "init", "--signer-dir", file("vol1"), "--allow-unsafe-file-system")
	mustRun(t, "keys", "generate", "--kind", "consensus", "--scheme", "bls12381", "--out", file("c.json"), "--password-file", file("pw"))
	out := mustRun(t, "identity", "init", "--signer-dir", file("vol2"), "--scheme", "bls12381", "--consensus-key", file("c.json"), "--password-file", file("pw"), "--allow-unsafe-file-system")
	if !strings.Contains(out, `"source": "brought"`) {
		t.Errorf("identity of a brought key: %s", out)
	}
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"wrong password", []string{"keys", "export", file("a.json"), "--plain", "--password-file", file("wrong")}},
		{"--plain", []string{"keys", "export", file("a.json"), "--password-file", file("pw")}},
		{"never exported", []string{"keys", "export", file("vol1/consensus.key"), "--plain", "--password-file", file("pw")}},
		{"never exported", []string{"keys", "import", "--secret-file", file("vol1/consensus.key"), "--out", file("x.json"), "--password-file", file("pw")}},
		{"not a keystore", []string{"keys", "show", file("pw")}},
		{"exists", []string{"keys", "generate", "--out", file("a.json"), "--password-file", file("pw")}},
		{"BEDROCK_PASSWORD", []string{"keys", "generate", "--out", file("y.json")}},
		{"use one of", []string{"keys", "generate", "--kind", "king", "--out", file("y.json"), "--password-file", file("pw")}},
		{"a consensus key for ed25519", []string{"identity", "init", "--signer-dir", file("vol3"), "--consensus-key", file("a.json"), "--password-file", file("pw"), "--allow-unsafe-file-system"}},
		{"made once", []string{"identity", "init", "--signer-dir", file("vol1"), "--allow-unsafe-file-system"}},
		{"--no-other-copy", []string{"identity", "adopt", "--signer-dir", file("vol1"), "--allow-unsafe-file-system"}},
		{"signed by accounts", []string{"tx", "transfer", "bed1h5e5pjydr3fhfzrum74k87gxmfzs07nwu45dmpfyt7rc7z7n9ysqc3usnj", "1", "--key", file("c.json"), "--password-file", file("pw")}},
	} {
		if out, err := bedrock(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("bedrock %s: %v (%s), want an error that says %q", strings.Join(tc.args, " "), err, out, tc.want)
		}
	}
}

func TestBadInputSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const address = "bed1h5e5pjydr3fhfzrum74k87gxmfzs07nwu45dmpfyt7rc7z7n9ysqc3usnj"
	nowhere := []string{"--node", "http://127.0.0.1:1"}
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "config.yaml"), []byte("rpc:\n  listn: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"unknown command", []string{"strat"}},
		{"required flag", []string{"init"}},
		{"weigh VALIDATOR=POWER", []string{"tx", "authority", "weigh"}},
		{"for example\n  bedrock tx authority weigh fifth=10", []string{"tx", "authority", "weigh"}},
		{"2 arguments do not fit: bedrock keys show takes them as\n  bedrock keys show", []string{"keys", "show", "a", "b"}},
		{"there is no file missing.wasm here", []string{"executor", "rehearse", "missing.wasm", "--home", dir}},
		{"who may read it", []string{"executor", "inspect", filepath.Join(home, "config.yaml", "x")}},
		{"say which node joins: --home H", []string{"tx", "validator", "join"}},
		{"chain id", []string{"init", "--chain-id", "No Good", "--dir", filepath.Join(dir, "n")}},
		{"--chain-id C makes a new network", []string{"init", "--dir", filepath.Join(dir, "n")}},
		{"--peers is about a home", []string{"init", "--dir", filepath.Join(dir, "n"), "--chain-id", "a", "--peers", "x"}},
		{"--accounts makes a new chain", []string{"init", "--dir", filepath.Join(dir, "n"), "--genesis", "g.json", "--accounts", "3"}},
		{"no genesis file", []string{"init", "--dir", filepath.Join(dir, "n"), "--genesis", filepath.Join(dir, "nothing")}},
		{"--home H, or --admin URL", []string{"identity", "consent", "join", "--owner", strings.Repeat("ab", 32)}},
		{"public key", []string{"identity", "consent", "join", "--owner", "me"}},
		{"--valid-until", []string{"identity", "consent", "rotate", strings.Repeat("ab", 32), "--expect", strings.Repeat("ab", 32), "--admin", "http://127.0.0.1:1"}},
		{"which node is ready", append([]string{"tx", "validator", "ready", "node2"}, nowhere...)},
		{"not accepted", []string{"init", "--chain-id", "a", "--dir", filepath.Join(dir, "n"), "--executor", file("x.wasm", "not wasm")}},
		{"use text or json", []string{"genesis", "hash", "--output", "yaml", file("g.json", "{}")}},
		{"no genesis file", []string{"genesis", "hash", filepath.Join(dir, "nothing")}},
		{"member app_state is missing", []string{"genesis", "hash", file("g2.json", "{}")}},
		{"refused", []string{"executor", "inspect", file("y.wasm", "\x00asm\x01\x00\x00\x00")}},
		{"--home H", []string{"executor", "add", file("z.wasm", "x")}},
		{"bedrock init", []string{"inspect", "db", "--home", filepath.Join(dir, "nowhere")}},
		{`did you mean "rpc.listen"`, []string{"inspect", "db", "--home", home}},
		{`did you mean "rpc.listen"`, []string{"start", "--home", home}},
		{"name the volume", []string{"identity", "show"}},
		{"identity init", []string{"identity", "show", "--home", home}},
		{"no node answers", append([]string{"query", "status"}, nowhere...)},
		{"no node answers", append([]string{"query", "account", address}, nowhere...)},
		{"http://HOST:PORT", []string{"query", "status", "--node", "localhost"}},
		{"checksum", append([]string{"query", "account", address[:61] + "k"}, nowhere...)},
		{"neither a height", append([]string{"query", "block", "newest"}, nowhere...)},
		{"parse hash", append([]string{"query", "tx", "abc"}, nowhere...)},
		{"amount", append([]string{"tx", "transfer", address, "5x"}, nowhere...)},
		{"name the key", append([]string{"tx", "transfer", address, "5"}, nowhere...)},
		{"accepted or final", append([]string{"tx", "transfer", address, "5", "--wait", "soon"}, nowhere...)},
		{"neither a signed transaction", append([]string{"tx", "send", file("s.tx", "zz")}, nowhere...)},
		{"not a proof file", []string{"verify", "proof", file("p.proof", "x"), "--genesis", filepath.Join("..", "..", "client", "proof", "testdata", "genesis.json")}},
	} {
		out, err := bedrock(t, tc.args...)
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tc.want)) {
			t.Errorf("bedrock %s: %v (%s), want an error that says %q", strings.Join(tc.args, " "), err, out, tc.want)
		}
	}
}
