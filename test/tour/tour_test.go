package tour

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// deadline bounds the whole test, far above what it takes.
const deadline = 5 * time.Minute

// commands are the indented lines of the README's section "A first tour".
func commands(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), "## A first tour\n")
	if !ok {
		t.Fatal("README.md has no section `A first tour`")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var out []string
	for line := range strings.Lines(section) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			out = append(out, strings.TrimSpace(command))
		}
	}
	if len(out) < 5 {
		t.Fatalf("the tour has %d commands: its form changed", len(out))
	}
	return out
}

func TestTheTourOfTheReadme(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	dir := t.TempDir()
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "bin", "bedrock"), "github.com/bedrock-bft/bedrock/cmd/bedrock").CombinedOutput(); err != nil {
		t.Fatalf("build bedrock: %v\n%s", err, out)
	}
	// Not of the test's context, which ends before the clean-up.
	devnet := exec.CommandContext(context.Background(), filepath.Join(dir, "bin", "bedrock"), "devnet", "--first-host", "140")
	devnet.Dir = dir
	stdout, err := devnet.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	devnet.Stderr = os.Stderr
	if err := devnet.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := devnet.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := devnet.Wait(); err != nil {
			t.Errorf("devnet ended with: %v", err)
		}
	})
	said := bufio.NewScanner(stdout)
	for said.Scan() && !strings.HasPrefix(said.Text(), "explorer:") {
	}
	go func() { // its pipe must not fill
		for said.Scan() {
		}
	}()

	shell := exec.CommandContext(ctx, "bash", "-euxo", "pipefail", "-c", strings.Join(commands(t), "\n"))
	shell.Dir = dir
	shell.Env = append(os.Environ(), "BEDROCK_NODE=http://127.0.0.140:7601")
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("the tour failed: %v\n%s", err, out)
	}
	for _, want := range []string{"The proof holds", "hello", "state        final"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tour does not say %q:\n%s", want, out)
		}
	}
}
