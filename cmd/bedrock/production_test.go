package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// testsOnly are packages that the program never holds, but in builds with the tag given.
var testsOnly = map[string]string{
	"github.com/bedrock-bft/bedrock/node/sim/byzantine": "byzantine",
	"github.com/bedrock-bft/bedrock/node/sim/hunt":      "",
	"testing": "",
}

func dependencies(t *testing.T, tags string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tags, ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// The program carries the simulator and no Byzantine validator. `hack/test-long symbols`
// looks for the same in the program as it was built.
func TestTheProgramHoldsNoByzantineValidator(t *testing.T) {
	deps := dependencies(t, "")
	if !slices.Contains(deps, "github.com/bedrock-bft/bedrock/node/sim") {
		t.Error("the simulator is not in the program: what is looked for is not found either")
	}
	for name, tag := range testsOnly {
		if slices.Contains(deps, name) {
			t.Errorf("package %s is in the program", name)
		}
		if tag != "" && !slices.Contains(dependencies(t, tag), name) {
			t.Errorf("package %s is not in a build with the tag %s: it is looked for under a wrong name", name, tag)
		}
	}
}
