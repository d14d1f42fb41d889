package signer

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzVolumeFiles puts arbitrary bytes where a volume keeps its small files: each is
// read or refused, a key is the one that its line says, and nothing panics.
func FuzzVolumeFiles(f *testing.F) {
	secret := bytes.Repeat([]byte{7}, secretBytes)
	f.Add(keyLine("network", secret))
	f.Add(keyLine("ed25519", secret)[:40])
	f.Add([]byte(`{"version":1,"given":["a"]}`))
	f.Add([]byte(`{"folder":"aside-0001","why":"foreign"}`))
	f.Add([]byte(`{"folder":"../x"}`))
	f.Add([]byte(`{"version":1,"scheme":"ed25519","consensus_key":"` + strings.Repeat("ab", 32) + `","network_key":"` + strings.Repeat("cd", 32) + `"}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{identityName, networkName, marksName} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if key, err := readKey(filepath.Join(dir, networkName), "network"); err == nil {
			if len(key) != secretBytes || !bytes.Contains(bytes.ToLower(data), []byte(hex.EncodeToString(key))) {
				t.Fatalf("%q holds the key %x", data, key)
			}
		}
		if m, err := readMarks(filepath.Join(dir, marksName)); err == nil && m.Version != marksVersion {
			t.Fatalf("marks of version %d", m.Version)
		}
		if r, err := ReadRecord(dir); err == nil && r.Version != recordVersion {
			t.Fatalf("a record of version %d", r.Version)
		}
	})
}

// FuzzAside puts arbitrary bytes where a volume remembers that it is setting an identity
// aside: it goes on with that, within the volume, or refuses. What is beside the volume
// stays. // rule: volume-foreign
func FuzzAside(f *testing.F) {
	for _, s := range []string{`{"folder":"aside-0001"}`, `{"folder":"aside-/../../x"}`, `{"folder":"aside-.."}`, `{"folder":""}`, `{"folder":"aside-\u0000"}`, "null"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		dir := filepath.Join(top, "volume")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for path, content := range map[string][]byte{filepath.Join(dir, pendingName): data, filepath.Join(dir, identityName): []byte("{}"), filepath.Join(top, identityName): []byte("{}")} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := finishAside(dir)
		beside, readErr := os.ReadDir(top)
		if readErr != nil || len(beside) != 2 {
			t.Fatalf("beside the volume: %v, %v", beside, readErr)
		}
		if _, statErr := os.Stat(filepath.Join(dir, identityName)); err == nil && statErr == nil {
			t.Fatal("it went on, and the identity is still there")
		}
		if _, err := listAsides(dir); err != nil && !strings.Contains(err.Error(), reasonName) {
			t.Fatal(err)
		}
	})
}
