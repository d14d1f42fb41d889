package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Modules that Build makes.
const (
	// Counter is the example: named counters, no accounts.
	Counter = "counter"
	// LedgerCopy is the ledger that ships under another hash: nothing differs.
	LedgerCopy = "ledger-copy"
	// LedgerNext is the ledger with schema 2: its first blocks migrate the state, 30 to
	// 50 accounts each where a block has 1,000,000,000 gas. Beside the row of each account
	// (0x01 and its address) it adds one at 0x7f and the address.
	LedgerNext = "ledger-next"
	// LedgerTrap fails every block.
	LedgerTrap = "ledger-trap"
	// LedgerTrapLater fails every block after epoch 1: rehearsed on blocks of that epoch
	// it behaves as the ledger that ships.
	LedgerTrapLater = "ledger-trap-later"
)

// All is every module.
var All = []string{Counter, LedgerCopy, LedgerNext, LedgerTrap, LedgerTrapLater}

// buildLimit bounds one build, that of std included.
const buildLimit = 15 * time.Minute

// Build builds a module, if that has not been done, and answers the path of its
// file in a cache: it is to be read, never written.
func Build(t testing.TB, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildLimit)
	defer cancel()
	root, err := root()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "wasm", "modules"), name)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("build the module %s: %v\n%s", name, err, said.String())
	}
	path, ok := strings.CutPrefix(strings.TrimSpace(out.String()), name+" ")
	if !ok {
		t.Fatalf("hack/wasm/modules printed %q", out.String())
	}
	return path
}

// root is the folder of the checkout: the first one above the test's with a go.mod.
func root() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", errors.New("find the checkout: no folder above the test's has a go.mod")
		}
		at = filepath.Dir(at)
	}
}
