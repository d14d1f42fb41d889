package plan_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/node/types"
)

const operator = v1alpha1.Ed25519Key("0f0e0d0c0b0a09080706050403020100000102030405060708090a0b0c0d0e0f")

// keyOf is a public key that a number gives, in hex.
func keyOf(b byte) string {
	return hex.EncodeToString(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)).Public().(ed25519.PublicKey))
}

func records(n int) []v1alpha1.CeremonyRecord {
	var out []v1alpha1.CeremonyRecord
	for i := range n {
		out = append(out, v1alpha1.CeremonyRecord{Validator: v1alpha1.Name(fmt.Sprintf("net-%d", i)), Power: int64(10 + i),
			Identity: v1alpha1.Ed25519Key(keyOf(byte(1 + i))), ConsensusKey: v1alpha1.Key(keyOf(byte(101 + i)))})
	}
	return out
}

func genesisInput() plan.GenesisInput {
	return plan.GenesisInput{ChainID: "try-it", Records: records(4), Time: time.Unix(1_790_000_000, 0), Operator: operator, Executor: types.Hash{7}}
}

// The same spec, records and time give the same bytes, whatever the order of the
// records, and everything that is in them shows. // rule: ceremony
func TestDocumentIsAPureFunction(t *testing.T) {
	base, err := plan.Document(genesisInput())
	if err != nil {
		t.Fatal(err)
	}
	reversed := genesisInput()
	for i, j := 0, len(reversed.Records)-1; i < j; i, j = i+1, j-1 {
		reversed.Records[i], reversed.Records[j] = reversed.Records[j], reversed.Records[i]
	}
	again, err := plan.Document(reversed)
	if err != nil || again.Hash() != base.Hash() {
		t.Errorf("the order of the records changed the genesis: %v", err)
	}
	for name, change := range map[string]func(*plan.GenesisInput){
		"chain id": func(in *plan.GenesisInput) { in.ChainID = "other" },
		"count":    func(in *plan.GenesisInput) { in.Records = in.Records[:3] },
		"power":    func(in *plan.GenesisInput) { in.Records[0].Power++ },
		"identity": func(in *plan.GenesisInput) { in.Records[0].Identity = v1alpha1.Ed25519Key(keyOf(99)) },
		"time":     func(in *plan.GenesisInput) { in.Time = in.Time.Add(time.Second) },
		"module":   func(in *plan.GenesisInput) { in.Executor[0]++ },
		"operator": func(in *plan.GenesisInput) { in.Operator = v1alpha1.Ed25519Key(keyOf(98)) },
		"timing":   func(in *plan.GenesisInput) { in.Ceremony = &v1alpha1.Ceremony{Timing: v1alpha1.TimingWideArea} },
		"parameter": func(in *plan.GenesisInput) {
			in.Ceremony = &v1alpha1.Ceremony{Parameters: map[string]int64{"min_gas_price": 2}}
		},
	} {
		in := genesisInput()
		change(&in)
		other, err := plan.Document(in)
		if err != nil || other.Hash() == base.Hash() {
			t.Errorf("another %s gave the same genesis (%v)", name, err)
		}
	}
}

// Where the spec names an authority and an owner, the operator is a delegate and no
// more. // rule: delegate-only
func TestDocumentGivesTheOperatorNoMoreThanItsPart(t *testing.T) {
	in := genesisInput()
	members := []v1alpha1.Ed25519Key{v1alpha1.Ed25519Key(keyOf(51)), v1alpha1.Ed25519Key(keyOf(52))}
	in.Ceremony = &v1alpha1.Ceremony{Authority: &v1alpha1.Authority{Threshold: 2, Members: members}, Owner: members[0],
		Accounts: []v1alpha1.GenesisAccount{{PublicKey: members[1], Balance: "0005"}}}
	g, err := plan.Document(in)
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Accounts  []struct{ Address, Balance string }
		Authority struct {
			Keys      []string
			Threshold int
		}
		Validators []struct{ Owner, Delegate, Moniker string }
	}
	if err := json.Unmarshal(g.AppState, &state); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{string(members[0]), string(members[1])}, state.Authority.Keys); diff != "" || state.Authority.Threshold != 2 {
		t.Errorf("authority: %s", diff)
	}
	if len(state.Accounts) != 2 || state.Accounts[0].Balance != "5" {
		t.Errorf("accounts %+v", state.Accounts)
	}
	own := state.Accounts[1].Address
	for _, v := range state.Validators {
		if v.Delegate != string(operator) || v.Owner == own || v.Moniker == "" {
			t.Errorf("validator %+v: want the operator as delegate alone", v)
		}
	}
}

func TestDocumentRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		ceremony   v1alpha1.Ceremony
	}{
		{"an unknown parameter", "no such parameter", v1alpha1.Ceremony{Parameters: map[string]int64{"min_gas": 1}}},
		{"a block limit", "maxBlockBytes", v1alpha1.Ceremony{Parameters: map[string]int64{"max_block_bytes": 1}}},
		{"a negative parameter", "use 0 to", v1alpha1.Ceremony{Parameters: map[string]int64{"min_gas_price": -1}}},
		{"an empty account", "balance is 0", v1alpha1.Ceremony{Accounts: []v1alpha1.GenesisAccount{{PublicKey: operator, Balance: "00"}}}},
		{"a bad key", "64 hex digits", v1alpha1.Ceremony{Accounts: []v1alpha1.GenesisAccount{{PublicKey: "ab", Balance: "1"}}}},
		{"records of another scheme", "key", v1alpha1.Ceremony{Scheme: v1alpha1.SchemeBLS12381}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := genesisInput()
			in.Ceremony = &tt.ceremony
			if _, err := plan.Document(in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
