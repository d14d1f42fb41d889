package signer

import (
	"os"
	"path/filepath"
	"testing"
)

// A volume whose identity has left the chain gets a new one, once, whether or not its
// node came to delete the keys; another volume is left alone. // rule: identity-once
func TestAfterAnIdentityHasLeft(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		dir := t.TempDir()
		old := mustInit(t, dir, testInit)
		if deleted {
			s, _ := mustOpen(t, dir)
			if err := s.DeleteKeys("of epoch 7"); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if made, err := After(dir, testInit, "of another validator"); made || err != nil {
			t.Fatalf("for another identity: made %v, %v", made, err)
		}
		if made, err := After(dir, testInit, old.NetworkKey); !made || err != nil {
			t.Fatalf("keys deleted %v: made %v, %v", deleted, made, err)
		}
		now, err := Held(dir, Options{Marks: testInit.Marks, AllowUnsafeFileSystem: true})
		if err != nil || now.NetworkKey == old.NetworkKey || now.ConsensusKey == old.ConsensusKey {
			t.Fatalf("it holds %s after %s: %v", now.NetworkKey, old.NetworkKey, err)
		}
		if made, err := After(dir, testInit, old.NetworkKey); made || err != nil {
			t.Fatalf("again: made %v, %v", made, err)
		}
		if s, opened := mustOpen(t, dir); opened.SetAside != nil || s.Record() != now {
			t.Errorf("the node opens it as %+v", opened.SetAside)
		}
	}
	if made, err := After(filepath.Join(t.TempDir(), "none"), testInit, "of nobody"); made || err != nil {
		t.Errorf("without a volume: made %v, %v", made, err)
	}
}

// Broken off after the old identity was set aside, it goes on to the new one.
func TestAfterThatBrokeOff(t *testing.T) {
	dir := t.TempDir()
	old := mustInit(t, dir, testInit)
	if _, err := putAside(dir, AsideSuperseded, "it has left the chain"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, birthName), 0o700); err != nil {
		t.Fatal(err)
	}
	if made, err := After(dir, testInit, old.NetworkKey); !made || err != nil {
		t.Fatalf("made %v, %v", made, err)
	}
}
