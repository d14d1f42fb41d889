package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/types"
)

// ceremony is the input of a network of four whose identities are all there.
func ceremony() plan.CeremonyInput {
	in := plan.CeremonyInput{
		Network: "net", Spec: &v1alpha1.BedrockNetworkSpec{ChainID: "try-it", Genesis: v1alpha1.Genesis{Type: v1alpha1.GenesisCeremony}},
		Operator: operator, Identities: map[string]plan.Identity{}, Now: time.Unix(1_790_000_000, 999), Executor: types.Hash{7},
	}
	for i, r := range records(4) {
		in.Wanted = append(in.Wanted, plan.Wanted{Name: string(r.Validator), Power: int64(10 + i)})
		in.Identities[string(r.Validator)] = plan.Identity{Identity: r.Identity, ConsensusKey: r.ConsensusKey}
	}
	return in
}

func documentOf(t *testing.T, change func(*plan.GenesisInput)) *genesis.Genesis {
	t.Helper()
	in := genesisInput()
	if change != nil {
		change(&in)
	}
	g, err := plan.Document(in)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// rule: ceremony
func TestGenesisSteps(t *testing.T) {
	own := documentOf(t, nil)
	other := documentOf(t, func(in *plan.GenesisInput) { in.Time = in.Time.Add(time.Hour) })
	found := func(g *genesis.Genesis) plan.Kept { return plan.Kept{ConfigMap: "cm-" + g.Hash().Short(), Genesis: g} }
	recorded := func(in *plan.CeremonyInput) {
		c := plan.Genesis(*in)
		in.Recorded, in.Records = c.Record, c.Records
	}
	given := func(in *plan.CeremonyInput, g *genesis.Genesis) {
		in.Spec.Genesis = v1alpha1.Genesis{Type: v1alpha1.GenesisGiven, Given: &v1alpha1.GivenGenesis{ConfigMap: "mine", Hash: v1alpha1.Hash(g.Hash().String())}}
	}
	for _, tt := range []struct {
		name   string
		change func(*plan.CeremonyInput)
		reason string
		stop   bool
		names  []string // that the message must hold
	}{
		{"volumes of a chain, and its genesis is gone", func(in *plan.CeremonyInput) {
			in.Begun = []plan.Begun{{Claim: "net-1-signer-1", Genesis: v1alpha1.Hash(other.Hash().String())}}
		}, "GenesisLost", true, []string{"net-1-signer-1", other.Hash().String()}},
		{"no key", func(in *plan.CeremonyInput) { in.Operator = "" }, "Waiting", false, nil},
		{"one identity is missing", func(in *plan.CeremonyInput) { delete(in.Identities, "net-2") }, "AwaitingIdentities", false, []string{"3 of 4", "net-2"}},
		{"all are there", func(*plan.CeremonyInput) {}, "Recording", false, nil},
		{"two with one key", func(in *plan.CeremonyInput) { in.Identities["net-1"] = in.Identities["net-0"] }, "GenesisRefused", true, nil},
		{"recorded", recorded, "Creating", false, nil},
		{"recorded and there", func(in *plan.CeremonyInput) { recorded(in); in.Found = []plan.Kept{found(own)} }, "Ready", false, nil},
		{"recorded, and another is there", func(in *plan.CeremonyInput) { recorded(in); in.Found = []plan.Kept{found(other)} }, "GenesisConflict", true, []string{own.Hash().String(), other.Hash().String()}},
		{"recorded, and beside it another", func(in *plan.CeremonyInput) { recorded(in); in.Found = []plan.Kept{found(own), found(other)} }, "GenesisConflict", true, []string{own.Hash().String(), other.Hash().String()}},
		{"recorded, and damaged", func(in *plan.CeremonyInput) {
			recorded(in)
			in.Found = []plan.Kept{{ConfigMap: "cm", Problem: "no JSON"}}
		}, "GenesisConflict", true, []string{"cm", "no JSON"}},
		{"recorded, and the records give another", func(in *plan.CeremonyInput) { recorded(in); in.Records[0].Power++ }, "GenesisConflict", true, []string{own.Hash().String()}},
		{"kept", func(in *plan.CeremonyInput) { in.Found = []plan.Kept{found(own)} }, "Recording", false, nil},
		{"kept, another chain id", func(in *plan.CeremonyInput) { in.Found, in.Spec.ChainID = []plan.Kept{found(own)}, "other" }, "GenesisConflict", true, []string{"try-it", "other"}},
		{"kept, another count", func(in *plan.CeremonyInput) { in.Found, in.Wanted = []plan.Kept{found(own)}, in.Wanted[:3] }, "GenesisConflict", true, []string{"4 validators", "3 ("}},
		{"kept, grown since", func(in *plan.CeremonyInput) {
			in.Found, in.Volumes = []plan.Kept{found(own)}, []string{"net-0", "net-1", "net-2", "net-3", "net-4"}
			in.Wanted = append(in.Wanted, plan.Wanted{Name: "net-4", Power: 1})
		}, "Recording", false, nil},
		{"kept, grown since, the old count", func(in *plan.CeremonyInput) {
			in.Found, in.Volumes = []plan.Kept{found(own)}, []string{"net-0", "net-1", "net-2", "net-3", "net-4"}
		}, "GenesisConflict", true, []string{"5 validators", "4 ("}},
		{"kept, another ceremony", func(in *plan.CeremonyInput) {
			in.Found, in.Spec.Genesis.Ceremony = []plan.Kept{found(own)}, &v1alpha1.Ceremony{Timing: v1alpha1.TimingWideArea}
		}, "GenesisConflict", true, []string{own.Hash().String()}},
		{"kept, several", func(in *plan.CeremonyInput) { in.Found = []plan.Kept{found(own), found(other)} }, "GenesisConflict", true, []string{found(own).ConfigMap, found(other).ConfigMap}},
		{"given", func(in *plan.CeremonyInput) { given(in, own); in.Found = []plan.Kept{found(own)} }, "Recording", false, nil},
		{"given, another document", func(in *plan.CeremonyInput) { given(in, own); in.Found = []plan.Kept{found(other)} }, "GenesisConflict", true, []string{own.Hash().String(), other.Hash().String()}},
		{"given, not there", func(in *plan.CeremonyInput) { given(in, own) }, "GenesisNotFound", false, []string{"mine", "genesis.json"}},
		{"given, another chain", func(in *plan.CeremonyInput) {
			given(in, own)
			in.Found, in.Spec.ChainID = []plan.Kept{found(own)}, "other"
		}, "GenesisConflict", true, []string{"try-it", "other"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := ceremony()
			tt.change(&in)
			c := plan.Genesis(in)
			if c.Verdict.Reason != tt.reason || c.Stop != tt.stop {
				t.Errorf("%s (stop %v): %s; want %s (stop %v)", c.Verdict.Reason, c.Stop, c.Verdict.Message, tt.reason, tt.stop)
			}
			for _, name := range tt.names {
				if !strings.Contains(c.Verdict.Message, name) {
					t.Errorf("the message does not name %s: %s", name, c.Verdict.Message)
				}
			}
			if c.Verdict.OK() != (c.Genesis != nil) || c.Stop && (c.Create != nil || c.Record != nil) {
				t.Errorf("it decides %+v", c)
			}
		})
	}
}

// What is created is what was recorded, whenever and with whatever module that is.
// rule: ceremony
func TestCreatedIsTheRecorded(t *testing.T) {
	in := ceremony()
	first := plan.Genesis(in)
	in.Recorded, in.Records = first.Record, first.Records
	in.Now, in.Executor = in.Now.Add(48*time.Hour), types.Hash{9}
	in.Identities = nil
	second := plan.Genesis(in)
	if second.Create == nil || second.Create.Hash().String() != string(first.Record.Hash) {
		t.Fatalf("recorded %s, and later %+v", first.Record.Hash, second)
	}
	kept := ceremony()
	kept.Found = []plan.Kept{{ConfigMap: first.Record.ConfigMap, Genesis: second.Create}}
	again := plan.Genesis(kept)
	if diff := cmp.Diff(first.Record, again.Record); diff != "" {
		t.Errorf("taken up again it is recorded otherwise: %s", diff)
	}
}
