package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// governanceVectors is what test/vectors/ledger.json says of governance.
type governanceVectors struct {
	Governance []struct {
		Secret, Body, Transaction, Hash string
		GenesisHash                     string `json:"genesis_hash"`
		Nonce                           string
		GasLimit                        string   `json:"gas_limit"`
		GasPrice                        string   `json:"gas_price"`
		ValidUntil                      string   `json:"valid_until"`
		GasNeeded                       string   `json:"gas_needed"`
		Authority                       []string // secrets
		Operation                       map[string]json.RawMessage
	}
	GovernanceMalformed []struct{ Note, Transaction string } `json:"governance_malformed"`
	GovernanceKeys      map[string]string                    `json:"governance_keys"`
	GovernanceRows      map[string]map[string]any            `json:"governance_rows"`
	Parameters          []struct{ Name string }
}

// governanceOperation holds the fields of all operations.
type governanceOperation struct {
	ConsensusKey   string `json:"consensus_key"`
	Consent        string
	Possession     string
	Identity       ledger.ID
	IdentitySecret string `json:"identity_secret"`
	Statement      string
	Moniker        string
	Validator      ledger.ID
	Expected       ledger.ID
	Delegate       ledger.ID
	Flags          ledger.Flags
	End            string
	ExpectedEnd    string `json:"expected_end"`
	Executor       ledger.ID
	Engine         uint32
	NotBefore      string `json:"not_before"`
	NotAfter       string `json:"not_after"`
	Threshold      uint16
	Keys           []ledger.ID
	Weights        []struct {
		Validator ledger.ID
		Power     string
	}
}

func readGovernance(t *testing.T) *governanceVectors {
	t.Helper()
	text, err := os.ReadFile("../../test/vectors/ledger.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(governanceVectors)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
	if len(v.Governance) < 16 || len(v.GovernanceMalformed) < 20 || len(v.GovernanceRows) < 6 || len(v.GovernanceKeys) < 6 {
		t.Fatal("the file is cut")
	}
	return v
}

// operation builds what a vector describes; its consent was signed by its secret.
func operation(t *testing.T, kind string, raw json.RawMessage) ledger.Operation {
	t.Helper()
	if kind == "set_parameters" {
		var list []struct {
			Index uint8
			Value string
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		var op ledger.SetParameters
		for _, s := range list {
			op = append(op, ledger.Setting{Index: s.Index, Value: number(t, s.Value)})
		}
		return op
	}
	var o governanceOperation
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	var consent [64]byte
	if o.IdentitySecret != "" {
		consent = [64]byte(ed25519.Sign(ed25519.NewKeyFromSeed(unhex(t, o.IdentitySecret)), unhex(t, o.Statement)))
	}
	switch kind {
	case "join":
		return ledger.Join{Identity: o.Identity, ConsensusKey: unhex(t, o.ConsensusKey), Possession: unhex(t, o.Possession), Moniker: o.Moniker, Consent: consent}
	case "rotate":
		return ledger.Rotate{Validator: o.Validator, Expected: o.Expected, Identity: o.Identity, ConsensusKey: unhex(t, o.ConsensusKey), Possession: unhex(t, o.Possession), Consent: consent}
	case "ready":
		return ledger.Ready{Validator: o.Validator, Identity: o.Identity}
	case "delegate":
		return ledger.Delegate{Validator: o.Validator, Delegate: o.Delegate}
	case "leave":
		return ledger.Leave{Validator: o.Validator, Expected: o.Expected, Flags: o.Flags}
	case "maintain":
		return ledger.Maintain{Validator: o.Validator, ExpectedEnd: number(t, o.ExpectedEnd), End: number(t, o.End)}
	case "module_ready":
		return ledger.ModuleReady{Validator: o.Validator, Identity: o.Identity, Executor: o.Executor, Engine: o.Engine}
	case "weigh":
		op := ledger.Weigh{Flags: o.Flags}
		for _, w := range o.Weights {
			op.Weights = append(op.Weights, ledger.Weight{Validator: w.Validator, Power: number(t, w.Power)})
		}
		return op
	case "set_authority":
		return ledger.SetAuthority{Threshold: o.Threshold, Keys: o.Keys}
	case "schedule":
		return ledger.Schedule{Executor: o.Executor, Engine: o.Engine, NotBefore: number(t, o.NotBefore), NotAfter: number(t, o.NotAfter)}
	case "cancel":
		return ledger.Cancel{Executor: o.Executor}
	}
	t.Fatalf("there is no operation %q", kind)
	return nil
}

func TestVectorsOfGovernance(t *testing.T) {
	seen := map[string]bool{}
	for i, tv := range readGovernance(t).Governance {
		for kind, raw := range tv.Operation {
			seen[kind] = true
			op := operation(t, kind, raw)
			genesis, until := [32]byte(unhex(t, tv.GenesisHash)), number(t, tv.ValidUntil)
			body := ledger.Body{Genesis: genesis, Nonce: number(t, tv.Nonce), GasLimit: number(t, tv.GasLimit), GasPrice: number(t, tv.GasPrice), ValidUntil: until, Operation: op}
			payer := ed25519.NewKeyFromSeed(unhex(t, tv.Secret))
			var authority []ed25519.PrivateKey
			for _, secret := range tv.Authority {
				authority = append(authority, ed25519.NewKeyFromSeed(unhex(t, secret)))
			}
			slices.Reverse(authority) // whose order the builder must not mind
			tx, err := ledger.SignAuthority(payer, body, authority...)
			if err != nil {
				t.Fatalf("%s %d: %v", kind, i, err)
			}
			if got := hex.EncodeToString(tx); got != tv.Transaction {
				t.Errorf("%s %d is\n%s, want\n%s", kind, i, got, tv.Transaction)
			}
			decoded, err := ledger.Decode(unhex(t, tv.Transaction))
			if err != nil || hex.EncodeToString(decoded.Body.Encode()) != tv.Body || len(decoded.Authority) != len(authority) {
				t.Errorf("%s %d: %v\n%+v", kind, i, err, decoded)
			}
			switch o := op.(type) {
			case ledger.Join:
				err = o.CheckConsent(genesis, [32]byte(payer.Public().(ed25519.PublicKey)))
			case ledger.Rotate:
				err = o.CheckConsent(genesis, until)
			}
			if err != nil {
				t.Errorf("%s %d: %v", kind, i, err)
			}
			if limit, needed := ledger.GasLimitOf(op, len(authority)), number(t, tv.GasNeeded); limit < needed || limit > 2*needed || ledger.GasLimit(op) < limit {
				t.Errorf("gas limit of %s %d is %d, the module needs %d", kind, i, limit, needed)
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d operations of 12: %v", len(seen), seen)
	}
}

func TestVectorsOfMalformedGovernance(t *testing.T) {
	for _, m := range readGovernance(t).GovernanceMalformed {
		if _, err := ledger.Decode(unhex(t, m.Transaction)); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", m.Note, err)
		}
	}
}

func TestVectorsOfGovernanceKeysAndParameters(t *testing.T) {
	v := readGovernance(t)
	identity, err := ledger.ParseID(v.GovernanceKeys["identity"])
	if err != nil {
		t.Fatal(err)
	}
	name := ledger.ValidatorName(identity)
	for what, got := range map[string][]byte{
		"name": name[:], "validator": ledger.ValidatorKey(name), "key_holder": ledger.HolderKey(identity[:]), "epoch_258": ledger.EpochKey(258),
		"module_ready": ledger.ModuleReadyKey(name), "evidence": ledger.EvidenceKey(name),
	} {
		if want := unhex(t, v.GovernanceKeys[what]); !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x", what, got, want)
		}
	}
	var names []string
	for _, p := range v.Parameters {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff(names, ledger.ParameterNames); diff != "" {
		t.Errorf("parameters (-module +here):\n%s", diff)
	}
}

// Each vector of a row reads, and some field of its end is right: the layout is
// held by TestGovernanceRows.
func TestVectorsOfGovernanceRows(t *testing.T) {
	rows := readGovernance(t).GovernanceRows
	row := func(name string) []byte { return unhex(t, rows[name]["row"].(string)) }
	validator, err := ledger.DecodeValidator(row("validator"))
	if err != nil || validator.Moniker != "moniker" || validator.JailedEpoch != 8 || validator.Since != 6 || validator.Status != ledger.StatusJailed || !validator.Ready || len(validator.Possession) != 48 {
		t.Errorf("validator: %+v, %v", validator, err)
	}
	epoch, err := ledger.DecodeEpoch(row("epoch"))
	if err != nil || len(epoch.Members) != 2 || epoch.Members[1].Power != 17 || epoch.MaxGas != 6 {
		t.Errorf("epoch: %+v, %v", epoch, err)
	}
	upgrade, err := ledger.DecodeUpgrade(row("upgrade"))
	if err != nil || upgrade.At != 5 || upgrade.NotAfter != 4 || len(upgrade.Ready) != 2 {
		t.Errorf("upgrade: %+v, %v", upgrade, err)
	}
	jailing, err := ledger.DecodeJailing(row("jailing"))
	if err != nil || jailing.Kind != 3 || jailing.Height != 4 {
		t.Errorf("jailing: %+v, %v", jailing, err)
	}
	if e, err := ledger.DecodeEpochs(row("epochs")); err != nil || e.Number != 9 || e.Oldest != 3 {
		t.Errorf("epochs: %+v, %v", e, err)
	}
	if names, err := ledger.DecodeValidators(row("validators")); err != nil || len(names) != 2 {
		t.Errorf("validators: %v, %v", names, err)
	}
}
