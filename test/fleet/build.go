package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// underTest names a folder with programs of this tree that were built already: `make test`
// builds them once for all networks, with compiled modules shared among processes.
const underTest = "BEDROCK_UNDER_TEST"

// Program answers the path of the program of this tree, with this build tag if it is not
// empty: the one in the folder of underTest, or one that is built into dir.
func Program(dir, tag string) (string, error) {
	if built := os.Getenv(underTest); built != "" {
		path := filepath.Join(built, "bedrock"+tag)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("a program in the folder that %s names: %w", underTest, err)
		}
		return path, nil
	}
	path := filepath.Join(dir, "bedrock"+tag)
	build := exec.Command("go", "build", "-tags", tag, "-o", path, "github.com/bedrock-bft/bedrock/cmd/bedrock")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program under test: %w\n%s", err, out)
	}
	return path, nil
}

// Build is Program for one test, with at most one build tag.
func Build(t testing.TB, tag ...string) string {
	t.Helper()
	path, err := Program(t.TempDir(), strings.Join(tag, ","))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
