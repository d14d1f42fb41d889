package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/sim"
)

func TestSimGivesAFingerprintAgain(t *testing.T) {
	var prints []string
	for range 2 {
		out, err := bedrock(t, "sim", "--seed", "5", "--nodes", "4", "--output", "json")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var s simSummary
		if err := json.Unmarshal([]byte(out), &s); err != nil || s.Runs != 1 || s.Sum.Height == 0 {
			t.Fatalf("%v: %s", err, out)
		}
		prints = append(prints, s.Sum.Fingerprint)
	}
	if prints[0] != prints[1] || prints[0] == "" {
		t.Errorf("one seed gives %q", prints)
	}
}

func TestSimRefusesWhatItCannotRun(t *testing.T) {
	for args, want := range map[string]string{
		"--nodes -1":         "use 1 to 100",
		"--nodes 101":        "use 1 to 100",
		"--workers 0":        "at least 1",
		"--seeds 0":          "at least 1",
		"--seed x":           "--seed x: want a whole number",
		"--shrink -1":        "use 0 or more",
		"--trace":            "give --seed or --plan",
		"--profile sunny":    "use one of swarm, calm",
		"--plan {}":          "a simulation has 1 to 100",
		`--plan {"crush":1}`: "unknown field",
	} {
		out, err := bedrock(t, append([]string{"sim"}, strings.Fields(args)...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sim %s: %v, want %q\n%s", args, err, want, out)
		}
	}
}

// A plan that is printed runs as its seed did, and its events are told.
func TestSimRunsAPlanAgain(t *testing.T) {
	run := func(args ...string) (s simSummary) {
		t.Helper()
		out, err := bedrock(t, append([]string{"sim", "--output", "json"}, args...)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return s
	}
	bySeed := run("--seed", "3", "--nodes", "4", "--trace")
	command := planReplay(sim.Draw(3, 4))
	plan := strings.Trim(strings.TrimPrefix(command, "bedrock sim --plan "), "'")
	byPlan := run("--plan", plan)
	if bySeed.Sum.Fingerprint != byPlan.Sum.Fingerprint || len(bySeed.Events) == 0 || len(byPlan.Events) != 0 {
		t.Errorf("seed 3 gives %s with %d events, %s gives %s with %d", bySeed.Sum.Fingerprint, len(bySeed.Events), command, byPlan.Sum.Fingerprint, len(byPlan.Events))
	}
}
