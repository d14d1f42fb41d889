package signer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
)

// testInit tolerates whatever file system tests run on.
var testInit = InitOptions{Scheme: types.SchemeEd25519, AllowUnsafeFileSystem: true}

func mustInit(t *testing.T, dir string, opt InitOptions) Record {
	t.Helper()
	r, err := Init(dir, opt)
	if err != nil {
		t.Fatalf("Init: %v", err)
	}
	return r
}

func mustOpen(t *testing.T, dir string, marks ...string) (*Signer, Opened) {
	t.Helper()
	s, opened, err := Open(dir, Options{Marks: marks, AllowUnsafeFileSystem: true})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s, opened
}

func TestIdentityIsBornOnceAndPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signer")
	record := mustInit(t, dir, testInit)
	read, err := ReadRecord(dir)
	if diff := cmp.Diff(record, read); err != nil || diff != "" {
		t.Errorf("record on the volume: %v\n%s", err, diff)
	}
	for _, name := range []string{networkName, consensusName, marksName, identityName} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o, want 0600", name, info.Mode().Perm())
		}
	}
	if there, _ := exists(filepath.Join(dir, voteLogName)); !there {
		t.Error("no vote log was born")
	}
	if there, _ := exists(filepath.Join(dir, birthName)); there {
		t.Error("the birth's marker is still there")
	}
	if _, err := Init(dir, testInit); !errors.Is(err, ErrExists) {
		t.Errorf("second Init: %v, want ErrExists", err)
	}
}

func TestBLSIdentity(t *testing.T) {
	dir := t.TempDir()
	opt := testInit
	opt.Scheme = types.SchemeBLS12381
	mustInit(t, dir, opt)
	s, _ := mustOpen(t, dir)
	record := s.Record()
	key, _, possession, err := record.Keys()
	if err != nil {
		t.Fatal(err)
	}
	if err := (types.BLS12381{}).CheckKey(key, possession); err != nil {
		t.Errorf("the record's proof of possession: %v", err)
	}
}

func TestOpenCountsBootsAndLocks(t *testing.T) {
	dir := t.TempDir()
	record := mustInit(t, dir, testInit)
	for want := uint64(1); want <= 3; want++ {
		s, opened, err := Open(dir, Options{AllowUnsafeFileSystem: true})
		if err != nil {
			t.Fatal(err)
		}
		if opened.Boots != want || opened.SetAside != nil || s.Record() != record {
			t.Errorf("boot %d: opened %+v with record %v", want, opened, s.Record())
		}
		if _, _, err := Open(dir, Options{AllowUnsafeFileSystem: true}); !errors.Is(err, disk.ErrLocked) {
			t.Errorf("second Open while the first holds the volume: %v, want ErrLocked", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRefusesWithWhatToDo(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		change     func(t *testing.T, dir string)
	}{
		{"no identity", "bedrock identity init", func(t *testing.T, dir string) { clear(t, dir) }},
		{"key others can read", "chmod 600", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, consensusName), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"newer record", "version 2", func(t *testing.T, dir string) { edit(t, dir, identityName, `"version": 1`, `"version": 2`) }},
		{"broken record", "identity record", func(t *testing.T, dir string) { edit(t, dir, identityName, `{`, ``) }},
		{"broken boot counter", "boot counter", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, bootsName), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"broken marks", "marks", func(t *testing.T, dir string) { edit(t, dir, marksName, `{`, ``) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			mustInit(t, dir, testInit)
			tc.change(t, dir)
			_, _, err := Open(dir, Options{AllowUnsafeFileSystem: true})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestBroughtKeyIsTakenIn(t *testing.T) {
	secret := make([]byte, secretBytes)
	secret[0] = 7
	key, err := newConsensusKey(types.SchemeEd25519, secret)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	opt := testInit
	opt.BroughtKey = secret
	record := mustInit(t, dir, opt)
	s, _ := mustOpen(t, dir)
	if record.Source != SourceBrought || string(s.ConsensusKey()) != string(key.Public()) {
		t.Errorf("record %+v does not hold the brought key", record)
	}
	opt.BroughtKey = secret[:31]
	if _, err := Init(t.TempDir(), opt); err == nil || !strings.Contains(err.Error(), "31 bytes") {
		t.Errorf("a short key was taken in: %v", err)
	}
}

// A birth is broken off after each of its steps by taking away what later steps
// made: the volume must never come up with half an identity.
func TestBirthThatBrokeOff(t *testing.T) {
	order := []string{voteLogName, networkName, consensusName, marksName, identityName}
	for steps := range len(order) + 1 {
		dir := t.TempDir()
		record := mustInit(t, dir, testInit)
		birth := filepath.Join(dir, birthName)
		if err := os.Mkdir(birth, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range order[steps:] {
			if err := os.Rename(filepath.Join(dir, name), filepath.Join(birth, name)); err != nil {
				t.Fatal(err)
			}
		}
		if steps == len(order) { // only the marker was left
			s, opened := mustOpen(t, dir)
			if s.Record() != record || opened.SetAside != nil {
				t.Errorf("a finished birth was not kept: %+v", opened)
			}
			continue
		}
		_, _, err := Open(dir, Options{AllowUnsafeFileSystem: true})
		if !errors.Is(err, ErrNoIdentity) {
			t.Fatalf("after %d moves: Open gave %v, want ErrNoIdentity", steps, err)
		}
		if again := mustInit(t, dir, testInit); again.NetworkKey == record.NetworkKey {
			t.Errorf("after %d moves: the identity that broke off came back", steps)
		}
		mustOpen(t, dir)
	}
}

// Keys whose record was lost are not deleted and no birth happens over them.
func TestInitLeavesForeignFilesAlone(t *testing.T) {
	dir := t.TempDir()
	mustInit(t, dir, testInit)
	if err := os.Remove(filepath.Join(dir, identityName)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Init(dir, testInit); err == nil || !strings.Contains(err.Error(), "in the way") {
			t.Fatalf("Init over keys without a record: %v", err)
		}
	}
	if there, _ := exists(filepath.Join(dir, consensusName)); !there {
		t.Error("the keys are gone")
	}
}

func TestDeleteKeysKeepsTheVoteLog(t *testing.T) {
	dir := t.TempDir()
	mustInit(t, dir, testInit)
	s, _ := mustOpen(t, dir)
	old := s.Record()
	if err := s.DeleteKeys("epoch 7 left it out"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{consensusName: false, networkName: false, voteLogName: true} {
		if there, _ := exists(filepath.Join(dir, name)); there != want {
			t.Errorf("%s is there: %t, want %t", name, there, want)
		}
	}
	if len(s.Suspended()) == 0 {
		t.Error("signing goes on without keys")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// rule: identity-once. The kept volume is foreign: a new identity, and the old
	// vote log beside it; nobody can take the old one back.
	s, opened := mustOpen(t, dir)
	if opened.SetAside == nil || opened.SetAside.Why != AsideSuperseded || opened.SetAside.Detail != "epoch 7 left it out" {
		t.Fatalf("the next start: %+v", opened.SetAside)
	}
	if r := s.Record(); r.NetworkKey == old.NetworkKey || r.ConsensusKey == old.ConsensusKey {
		t.Error("it goes on with keys that were superseded")
	}
	if there, _ := exists(filepath.Join(dir, opened.SetAside.Folder, voteLogName)); !there {
		t.Error("the old vote log is gone")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(dir, AdoptOptions{Folder: opened.SetAside.Folder, NoOtherCopy: true, AllowUnsafeFileSystem: true}); err == nil || !strings.Contains(err.Error(), "superseded") {
		t.Errorf("a superseded identity was taken back: %v", err)
	}
	_, opened = mustOpen(t, dir)
	if opened.SetAside != nil {
		t.Errorf("the start after that set aside %+v", opened.SetAside)
	}
}

func clear(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

func edit(t *testing.T, dir, name, old, new string) {
	t.Helper()
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), old) {
		t.Fatalf("%s does not hold %q", name, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
