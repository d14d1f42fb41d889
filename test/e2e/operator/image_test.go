//go:build e2e

package operator

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Images of row 9. The cluster's nodes have them under these names alone.
const (
	nodeImage    = "bedrock.dev/node:dev"
	nextImage    = "bedrock.dev/node:next"   // the next release's program: schema n+1
	brokenImage  = "bedrock.dev/node:broken" // tells its version and does not start
	strangeImage = "bedrock.dev/operator:dev"
	absentImage  = "bedrock.invalid/node:absent"
)

// buildNext builds the next release's node and gives it to the cluster. E2E_NEXT_NODE
// names an archive that was built before.
func (c *cluster) buildNext(t *testing.T) {
	t.Helper()
	from := time.Now()
	archive := os.Getenv("E2E_NEXT_NODE")
	if archive == "" {
		cmd := exec.CommandContext(t.Context(), "hack/image/build", "node")
		cmd.Dir = c.root
		cmd.Env = append(os.Environ(), "NODE_TAGS=nextschema", "IMAGE_TAG=next", "IMAGE_REPOSITORY=bedrock.dev", "VERSION=next")
		out, err := cmd.CombinedOutput()
		words := strings.Fields(string(out))
		if err != nil || len(words) == 0 {
			t.Fatalf("build the next node: %v\n%s", err, out)
		}
		archive = words[len(words)-1] // it ends with the file's name
	}
	c.ctl(t, "load", archive)
	t.Logf("%s is on the nodes after %.0f s", nextImage, time.Since(from).Seconds())
}

// buildBroken does the same with a program that does not start.
func (c *cluster) buildBroken(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	program, archive := filepath.Join(dir, "bedrock"), filepath.Join(dir, "broken.tar")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./test/e2e/operator/testdata/broken")
	cmd.Dir, cmd.Env = c.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the broken node: %v\n%s", err, out)
	}
	c.ctl(t, "mkimage", "-t", brokenImage, "-entrypoint", "/usr/bin/bedrock", "-o", archive, "/usr/bin/bedrock="+program)
	c.ctl(t, "load", archive)
}
