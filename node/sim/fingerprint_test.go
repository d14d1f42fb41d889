package sim

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// printsOf are the fingerprints of some seeds.
func printsOf(t *testing.T, seeds ...uint64) string {
	t.Helper()
	var b strings.Builder
	for _, seed := range seeds {
		r, err := Run(shortened(Draw(seed, 4)))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "fingerprint of %d: %s after %s and %d switches\n", seed, r.Fingerprint, r.Virtual, r.Switches)
	}
	return b.String()
}

// otherProcess is set in the process that a test starts.
const otherProcess = "BEDROCK_SIM_OTHER_PROCESS"

func TestASeedGivesItsFingerprintAgain(t *testing.T) {
	seeds := []uint64{3, 5, 8}
	first := printsOf(t, seeds...)
	if os.Getenv(otherProcess) != "" {
		fmt.Print(first)
		return
	}
	for range 2 {
		if again := printsOf(t, seeds...); again != first {
			t.Fatalf("in one process first\n%sthen\n%s", first, again)
		}
	}
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	other.Env = append(os.Environ(), otherProcess+"=1", "GOMAXPROCS=1", "GOGC=20")
	out, err := other.CombinedOutput()
	if err != nil || !strings.Contains(string(out), first) {
		t.Fatalf("another process gives\n%s\nwant\n%s%v", out, first, err)
	}
}
