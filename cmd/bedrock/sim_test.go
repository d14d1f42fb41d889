package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSimGivesAFingerprintAgain(t *testing.T) {
	var prints []string
	for range 2 {
		out, err := bedrock(t, "sim", "--seed", "5", "--nodes", "4", "--output", "json")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var s simSummary
		if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Results) != 1 || s.Results[0].Height == 0 {
			t.Fatalf("%v: %s", err, out)
		}
		prints = append(prints, s.Results[0].Fingerprint)
	}
	if prints[0] != prints[1] || prints[0] == "" {
		t.Errorf("one seed gives %q", prints)
	}
}

func TestSimRefusesWhatItCannotRun(t *testing.T) {
	for _, args := range []string{"--nodes 0", "--nodes 101", "--workers 0", "--seeds 0"} {
		if out, err := bedrock(t, append([]string{"sim"}, strings.Fields(args)...)...); err == nil {
			t.Errorf("sim %s ran: %s", args, out)
		}
	}
}
