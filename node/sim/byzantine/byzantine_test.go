package byzantine

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/sim"
	"github.com/bedrock-bft/bedrock/node/types"
)

// effect is what shows that a conduct did what its name says, beside that it acted.
type effect struct {
	evidence types.EvidenceKind // that honest nodes published; 0: none is asked for
	final    bool               // evidence is in a final block
	reason   string             // for which honest nodes penalised it; a part of it
}

var effects = map[string]effect{
	"double-prepare":        {evidence: types.EvidencePrepares, final: true},
	"double-commit":         {evidence: types.EvidenceCommits, final: true},
	"double-optimistic":     {evidence: types.EvidenceProposals, final: true},
	"double-proposal":       {evidence: types.EvidenceProposals, final: true},
	"parrot":                {},
	colluders:               {evidence: types.EvidenceProposals, final: true},
	"stale-lock":            {evidence: types.EvidenceAmnesia, final: true},
	"twins":                 {},
	"wrong-root":            {reason: "CC's signatures"},
	"wrong-parent":          {reason: "block does not fit"},
	"bad-justify":           {reason: "invalid certificate"},
	"bad-block":             {reason: "proposal"},
	"forged-certificate":    {reason: "signatures"},
	"truncated-certificate": {reason: "with power"},
	"mixed-certificate":     {reason: "invalid certificate"},
	"bad-sync":              {reason: "does not match"},
}

// short is a run of a few seconds, in which nodes crash.
func short(seed uint64) sim.Plan {
	p := sim.Draw(seed, 4)
	p.Faulty, p.SlowRun, p.SlowDisk, p.Crash, p.Partition = 6*time.Second, 5*time.Millisecond, 2*time.Millisecond, true, true
	return p
}

// Each conduct does what its name says and is found out where that can be; it breaks
// nothing and stops nobody.
func TestEachConduct(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			want, sum, final := effects[name], newReport(), 0
			for seed := uint64(1); seed <= 12; seed++ {
				p, report, err := Same(name, 4).On(short(seed))
				if err != nil {
					t.Fatal(err)
				}
				r, err := sim.Run(p)
				if err != nil {
					t.Fatal(err)
				}
				sum.add(report)
				if final += r.Evidence; seen(want, sum, final, name) {
					return
				}
			}
			t.Errorf("12 seeds do not show it: want %+v, got %+v, %d pieces of evidence final", want, sum, final)
		})
	}
}

func seen(want effect, sum *Report, final int, name string) bool {
	refused := slices.ContainsFunc(slices.Collect(maps.Keys(sum.Penalised)), func(reason string) bool { return strings.Contains(reason, want.reason) })
	return sum.Did[name] > 0 && (want.evidence == 0 || sum.Evidence[want.evidence] > 0) && (!want.final || final > 0) &&
		(want.reason == "" || refused) && (name != hidden || sum.Did[hidden+": shown"] > 0)
}

// Every conduct that is expected to have an effect is there.
func TestEffectsAreOfConducts(t *testing.T) {
	for name := range effects {
		if traits[name] == nil {
			t.Errorf("there is no conduct %q", name)
		}
	}
}

// The same seed gives the same history, whatever is drawn.
func TestASeedGivesItsFingerprintAgain(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		var prints []string
		for range 2 {
			p, _, err := Draw(seed, 4).On(short(seed))
			if err != nil {
				t.Fatal(err)
			}
			r, err := sim.Run(p)
			if err != nil {
				t.Fatal(err)
			}
			prints = append(prints, r.Fingerprint)
		}
		if prints[0] != prints[1] {
			t.Errorf("seed %d with %v gives %v", seed, Draw(seed, 4), prints)
		}
	}
}
