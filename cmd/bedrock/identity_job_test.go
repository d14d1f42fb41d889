package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client/keystore"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
)

// An identity Job runs again and gives the same record; a brought key is read once;
// a volume of other marks is refused.
func TestIdentityJobRunsAgain(t *testing.T) {
	keystoreWork = keystore.Light
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("pw"), []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "keys", "generate", "--kind", "consensus", "--scheme", "bls12381", "--out", file("key.json"), "--password-file", file("pw"))
	job := []string{"identity", "init", "--signer-dir", file("vol"), "--mark", "pvc-1", "--mark", "cluster", "--scheme", "bls12381", "--allow-unsafe-file-system",
		"--consensus-key", file("key.json"), "--password-file", file("pw"), "--termination-log", file("log")}
	first := mustRun(t, job...)
	message, err := os.ReadFile(file("log"))
	if err != nil || len(message) > genesis.MaxRecordBytes || bytes.ContainsAny(message, "\n ") {
		t.Fatalf("termination message: %v, %q", err, message)
	}
	record, err := genesis.ParseRecord(message)
	if err != nil || record.Check() != nil || record.Source != "brought" {
		t.Errorf("record of the message: %+v, %v", record, err)
	}
	for _, name := range []string{"key.json", "pw", "log"} { // never read again
		if err := os.Remove(file(name)); err != nil {
			t.Fatal(err)
		}
	}
	if again := mustRun(t, job...); again != first {
		t.Errorf("the second run gave\n%s\nthe first\n%s", again, first)
	}
	if b, err := os.ReadFile(file("log")); err != nil || !bytes.Equal(b, message) {
		t.Errorf("the second message: %v, %q", err, b)
	}
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"foreign here", []string{"--mark", "pvc-2", "--mark", "cluster", "--scheme", "bls12381"}},
		{"of scheme bls12381, not ed25519", []string{"--mark", "pvc-1", "--mark", "cluster"}},
		{"made once", []string{"--scheme", "bls12381"}},
	} {
		args := append([]string{"identity", "init", "--signer-dir", file("vol"), "--allow-unsafe-file-system"}, tc.args...)
		if out, err := bedrock(t, args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v (%s), want %q", tc.args, err, out, tc.want)
		}
	}
}

// A volume that was kept of one that has left the chain gets another identity, once.
// rule: identity-once
func TestIdentityJobOnAVolumeOfOneThatLeft(t *testing.T) {
	vol := filepath.Join(t.TempDir(), "vol")
	job := []string{"identity", "init", "--signer-dir", vol, "--mark", "pvc-1", "--mark", "cluster", "--allow-unsafe-file-system"}
	first, err := genesis.ParseRecord([]byte(mustRun(t, job...)))
	if err != nil {
		t.Fatal(err)
	}
	left := append(slices.Clone(job), "--left", first.NetworkKey)
	text := mustRun(t, left...)
	second, err := genesis.ParseRecord([]byte(text))
	if err != nil || second.NetworkKey == first.NetworkKey || second.ConsensusKey == first.ConsensusKey {
		t.Fatalf("after it left the volume holds %+v, %v", second, err)
	}
	for _, args := range [][]string{left, job} {
		if again := mustRun(t, args...); again != text {
			t.Errorf("%v gives another record:\n%s", args, again)
		}
	}
}

// What an operator makes of records is what `genesis make` makes.
func TestCeremonyAndCommandAgree(t *testing.T) {
	dir := t.TempDir()
	network := filepath.Join(dir, "net")
	mustRun(t, "init", "--chain-id", "cli-test", "--validators", "4", "--dir", network)
	state := filepath.Join(dir, "state.json")
	if err := os.WriteFile(state, []byte(`{"accounts":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(filepath.Join(network, home.GenesisName))
	if err != nil {
		t.Fatal(err)
	}
	c := genesis.Ceremony{ChainID: "several", TimeMs: 1_795_348_800_000, ExecutorHash: g.ExecutorHash, WideArea: true, AppState: json.RawMessage(`{"accounts":[]}`)}
	args := []string{"genesis", "make", "--chain-id", "several", "--time", "2026-11-22T12:00:00Z", "--app-state", state}
	for _, name := range []string{"node0", "node1", "node2", "node3"} {
		shown := mustRun(t, "identity", "show", "--home", filepath.Join(network, name))
		r, err := genesis.ParseRecord([]byte(shown))
		if err != nil {
			t.Fatal(err)
		}
		c.Participants = append(c.Participants, genesis.Participant{Record: r})
		path := filepath.Join(dir, name+".json")
		if err := os.WriteFile(path, []byte(shown), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--record", path)
	}
	made, err := c.Make()
	if err != nil {
		t.Fatal(err)
	}
	if out := mustRun(t, args...); out != string(made.Bytes()) {
		t.Errorf("the command made\n%.300s\nthe ceremony\n%.300s", out, made.Bytes())
	}
}

// Another genesis is refused with both hashes, and so is a configuration that says
// otherwise than the arguments.
func TestStartIsPinned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	mustRun(t, "init", "--chain-id", "cli-test", "--validators", "4", "--dir", dir)
	node := filepath.Join(dir, "node0")
	g, err := genesis.Load(filepath.Join(dir, home.GenesisName))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Repeat("ab", 32)
	refused := func(want []string, args ...string) {
		t.Helper()
		_, err := bedrock(t, append([]string{"start", "--home", node}, args...)...)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("start %v: %v, want %q", args, err, w)
			}
		}
	}
	refused([]string{other, g.Hash().String()}, "--genesis-hash", other)
	refused([]string{"64 hex digits"}, "--genesis-hash", "abc")
	refused([]string{`made for "here" and runs in "there"`, "StatefulSet"}, "--made-for", "here=there")
	refused([]string{"want WRITTEN=FOUND"}, "--made-for", "=there")
	config := filepath.Join(node, "config.yaml")
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	unpinned := bytes.ReplaceAll(raw, []byte(g.Hash().String()), []byte(`""`))
	if bytes.Equal(unpinned, raw) {
		t.Fatal("the configuration pins no genesis")
	}
	if err := os.WriteFile(config, bytes.Replace(unpinned, []byte(`""""`), []byte(`""`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	refused([]string{other, g.Hash().String()}, "--genesis-hash", other)
	t.Setenv("BEDROCK_SIGNER_MARKS", "another")
	refused([]string{"say it in one place"}, "--mark", "a")
}
