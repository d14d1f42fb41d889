package modules

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
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
	cmd := exec.CommandContext(ctx, filepath.Join(root(), "hack", "wasm", "modules"), name)
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

// root is the folder of the checkout.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}
