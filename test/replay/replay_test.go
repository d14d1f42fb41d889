package replay

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/test/fleet"
)

// deadline bounds the whole test, far above what it takes: building for Rust
// from nothing is in it.
const deadline = 20 * time.Minute

// engines has other engines execute the blocks too: `make test-long` does.
var engines = flag.Bool("engines", false, "execute witnesses natively and on wasmi too, which builds bedrock-replay")

// witnessed is how many blocks the other engines execute: wasmi is slow.
const witnessed = 40

func TestReplay(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	bedrock := fleet.Build(t)
	run(bedrock, "devnet", "--dir", "net", "--validators", "2", "--first-host", "120", "--load", "200", "--duration", "5s", "--report", "report.json")
	var report struct {
		CommittedTx     uint64 `json:"committed_tx"`
		StateRootsAgree bool   `json:"state_roots_agree"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &report); err != nil || report.CommittedTx == 0 || !report.StateRootsAgree {
		t.Fatalf("report %+v, %v", report, err)
	}

	var outcomes [2]string
	var tips [2]int
	for i, home := range []string{"net/node0", "net/node1"} {
		out := run(bedrock, "replay", "--home", home)
		_, outcomes[i], _ = strings.Cut(out, "final outcome ")
		heights := out[strings.Index(out, "heights"):]
		if _, err := fmt.Sscanf(heights, "heights 1 to %d:", &tips[i]); err != nil {
			t.Fatalf("replay said %q: %v", out, err)
		}
		t.Logf("%s: %s", home, strings.TrimSpace(heights))
	}
	for _, o := range outcomes {
		if len(o) < 64 {
			t.Fatalf("final outcomes %q", outcomes)
		}
	}
	out := run(bedrock, "replay", "--home", "net/node0", "--to", strconv.Itoa(min(witnessed, tips[0])), "--witness", "witnesses")
	files, err := filepath.Glob(filepath.Join(dir, "witnesses", "*.witness"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d witnesses, %v\n%s", len(files), err, out)
	}
	if *engines {
		otherEngines(t, ctx, root, files)
	}
}

// otherEngines has bedrock-replay execute witnesses natively and on wasmi.
func otherEngines(t *testing.T, ctx context.Context, root string, files []string) {
	replay := func(files ...string) (string, error) {
		args := []string{"run", "--quiet", "--locked", "--manifest-path", filepath.Join(root, "wasm-core", "Cargo.toml"), "-p", "bedrock-replay", "--bin", "bedrock-replay", "--",
			"--module", filepath.Join(root, "executor", "module", "bedrock.wasm")}
		out, err := exec.CommandContext(ctx, filepath.Join(root, "hack", "cargo"), append(args, files...)...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	out, err := replay(files...)
	if err != nil {
		t.Fatalf("bedrock-replay: %v\n%s", err, out)
	}
	t.Logf("natively and on wasmi, %d blocks: %s", len(files), out[strings.LastIndex(out, "\n")+1:])

	changed := filepath.Join(t.TempDir(), "changed.witness")
	b, err := os.ReadFile(files[len(files)/2])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/3] ^= 1
	if err := os.WriteFile(changed, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := replay(changed); err == nil {
		t.Errorf("a changed witness was accepted:\n%s", out)
	}
}
