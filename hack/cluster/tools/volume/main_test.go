package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The folder is open to every user whatever the process's mask, and goes with what is in it.
func TestMakesAndRemoves(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	folder := filepath.Join(t.TempDir(), "pvc-1")
	if err := act("create", folder); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o777 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
	if err := os.WriteFile(filepath.Join(folder, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := act("delete", folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// Names under which nothing is, should the refusal be lost.
func TestRefusesWhatIsNoVolume(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, folder := range []string{"", "relative", "relative/deeper", "/bedrock-test-no-such-folder", "/../bedrock-test-no-such-folder"} {
		if err := act("delete", folder); err == nil {
			t.Errorf("%q was deleted", folder)
		}
	}
	if err := act("create", "relative"); err == nil {
		t.Error("a relative folder was made")
	}
}
