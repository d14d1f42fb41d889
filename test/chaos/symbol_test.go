package chaos_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/bedrock-bft/bedrock/test/fleet"
)

// The faults that tests build into a program are in no other: neither their symbols nor
// the names of their switches.
func TestFaultsAreInTestBuildsOnly(t *testing.T) {
	ordinary, err := os.ReadFile(bedrock)
	if err != nil {
		t.Fatal(err)
	}
	for tag, marks := range map[string][]string{
		"clockskew": {"skewedClock", "BEDROCK_CLOCK_SKEW_FILE"},
		"failsync":  {"BEDROCK_FAIL_SYNC_WHEN"},
	} {
		with, err := os.ReadFile(fleet.Build(t, tag))
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range marks {
			if bytes.Contains(ordinary, []byte(mark)) {
				t.Errorf("the program holds %q of the build with the tag %s", mark, tag)
			}
			if !bytes.Contains(with, []byte(mark)) {
				t.Errorf("the build with the tag %s does not hold %q: this test shows nothing", tag, mark)
			}
		}
	}
}
