package fleet

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Build builds the program of this tree, with these build tags, and answers its path.
func Build(t testing.TB, tags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bedrock")
	args := []string{"build", "-o", path}
	for _, tag := range tags {
		args = append(args, "-tags", tag)
	}
	build := exec.CommandContext(t.Context(), "go", append(args, "github.com/bedrock-bft/bedrock/cmd/bedrock")...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program under test: %v\n%s", err, out)
	}
	return path
}
