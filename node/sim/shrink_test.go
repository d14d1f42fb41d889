package sim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bedrock-bft/bedrock/node/engine"
)

// Of a run with every kind of fault, in which a store lies about what it synced, what is
// left is a crash.
func TestShrinkFindsTheFaultThatMatters(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		p := shortened(Draw(seed, 4))
		p.Crash, p.Loss, p.Partition, p.Epochs, p.Delay = true, 0.1, true, true, 300*time.Millisecond
		p.Conduct = func(*World) Hooks {
			return Hooks{Store: func(_ *Node, s engine.Store) engine.Store { return lying{s} }}
		}
		_, err := Run(p)
		if err == nil {
			continue
		}
		got := Shrink(p, 120)
		t.Logf("seed %d: %d runs, %d faults kept of it: %v", seed, got.Runs, got.Faults, got.Err)
		if got.Err == nil || ruleOf(got.Err) != ruleOf(err) {
			t.Fatalf("it violates %q, the whole run %q", ruleOf(got.Err), ruleOf(err))
		}
		if got.Faults != 1 || got.Plan.Loss != 0 || got.Plan.Partition || got.Plan.Epochs {
			t.Errorf("more than one crash is left: %+v", got.Plan)
		}
		events, _, err := Trace(got.Plan)
		if ruleOf(err) != ruleOf(got.Err) {
			t.Errorf("traced it violates %q, else %q", ruleOf(err), ruleOf(got.Err))
		}
		text := ""
		for _, e := range events {
			text += e.String() + "\n"
		}
		if !strings.Contains(text, "crash of node") && !strings.Contains(text, "crash of all") {
			t.Errorf("the trace tells of no crash:\n%s", text)
		}
		return
	}
	t.Fatal("no seed of 20 showed the lie")
}

func TestShrinkLeavesAPlanThatHolds(t *testing.T) {
	p := calm(1, 4)
	p.Faulty = time.Second
	if got := Shrink(p, 10); got.Err != nil || got.Runs != 1 || !got.Plan.equal(p) {
		t.Errorf("%+v", got)
	}
}

// Without a number of nodes the seed says it, and the plan is that of the number.
func TestTheSeedSaysHowManyNodes(t *testing.T) {
	seen := map[int]bool{}
	for seed := range uint64(200) {
		p := Draw(seed, 0)
		seen[p.Nodes] = true
		if !p.equal(Draw(seed, p.Nodes)) {
			t.Errorf("seed %d draws %d nodes, and another plan when it is told so many", seed, p.Nodes)
		}
	}
	for _, n := range sizes {
		if !seen[n] {
			t.Errorf("no seed of 200 has %d nodes", n)
		}
	}
}

// A plan is the same after JSON, and one that keeps no fault is not one that keeps all.
func TestAPlanIsJSON(t *testing.T) {
	for seed := range uint64(20) {
		p := Draw(seed, 5)
		if seed%2 == 0 {
			p.Keep = []uint64{}
		}
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Plan
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, back, cmpopts.IgnoreFields(Plan{}, "Conduct")); d != "" {
			t.Errorf("%s\n%s", data, d)
		}
	}
}

// Every kind of fault has a field, is drawn by some seed, and is absent on a calm day.
func TestEveryFaultIsDrawn(t *testing.T) {
	for _, kind := range faults {
		drawn := 0
		for seed := range uint64(100) {
			if p := Draw(seed, 4); !p.without(kind.name).equal(p) {
				drawn++
			}
		}
		if drawn == 0 || drawn == 100 {
			t.Errorf("%s: in %d of 100 plans", kind.name, drawn)
		}
		if p := calm(1, 4); !p.without(kind.name).equal(p) {
			t.Errorf("%s comes on a calm day", kind.name)
		}
	}
	for _, f := range Profiles() {
		for _, name := range f.Faults {
			if p := f.Draw(1, 4); p.without(name).equal(p) {
				t.Errorf("profile %s: no %s", f.Name, name)
			}
		}
	}
}
