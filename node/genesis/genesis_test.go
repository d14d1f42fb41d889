package genesis

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/node/types"
)

func testDocument() Document {
	doc := Document{
		AppState:     json.RawMessage(`{"accounts":[{"balance":340282366920938463463374607431768211455,"key":"é<>"}]}`),
		Block:        Block{MaxBytes: 2 << 20, MaxGas: 1 << 40},
		ChainID:      "bedrock-test",
		Engine:       1,
		ExecutorHash: types.SumHash([]byte("module")),
		Scheme:       "ed25519",
		TimeMs:       1_790_000_000_000,
		Timing:       DevnetTiming(),
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		c, n := sha256.Sum256([]byte("consensus "+name)), sha256.Sum256([]byte("network "+name))
		key := ed25519.NewKeyFromSeed(c[:]).Public().(ed25519.PublicKey)
		doc.Validators = append(doc.Validators, Validator{ConsensusKey: Hex(key), NetworkKey: n[:], Moniker: name, Power: 10})
	}
	return doc
}

func mustNew(t testing.TB, doc Document) *Genesis {
	t.Helper()
	g, err := New(doc)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return g
}

func TestParseReadsWhatNewWrote(t *testing.T) {
	g := mustNew(t, testDocument())
	again, err := Parse(g.Bytes())
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if diff := cmp.Diff(g.Document, again.Document); diff != "" {
		t.Errorf("document changed on its way (-wrote +read):\n%s", diff)
	}
	if again.Hash() != types.SumHash(g.Bytes()) {
		t.Errorf("hash %s is not the bytes' SHA-256", again.Hash())
	}
	if bytes.ContainsAny(g.Bytes(), "\n\t ") {
		t.Error("canonical form holds white space")
	}
}

func TestEpochAndOutcomeOfGenesis(t *testing.T) {
	g := mustNew(t, testDocument())
	e := g.Epoch()
	if e.Number != 1 || len(e.Validators) != 4 || e.TotalPower() != 40 || e.Scheme != types.SchemeEd25519 {
		t.Errorf("epoch 1 is %+v", e)
	}
	root := types.SumHash([]byte("state"))
	o := g.Outcome(root)
	want := types.Outcome{Block: g.Hash(), StateRoot: root, ReceiptsRoot: types.SumHash(nil), NextEpoch: e.Digest(), FailedRun: 65535}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("outcome of height 0 (-want +got):\n%s", diff)
	}
	if got := g.Moniker(e.Validators[2].NetworkKey); got != "c" {
		t.Errorf("Moniker = %q, want c", got)
	}
}

func TestParseRefusesOtherForms(t *testing.T) {
	good := string(mustNew(t, testDocument()).Bytes())
	for _, tc := range []struct{ name, doc, want string }{
		{"trailing newline", good + "\n", "not canonical"},
		{"white space", strings.Replace(good, ":", ": ", 1), "not canonical"},
		{"indented", indent(good), "genesis format"},
		{"two documents", good + good, "follows"},
		{"cut", good[:len(good)-1], "read JSON"},
		{"empty", "", "read JSON"},
		{"not an object", `[]`, "genesis document"},
		{"unknown member", strings.Replace(good, `"engine":1`, `"engine":1,"enginf":2`, 1), "enginf"},
		{"other letters", `{"Engine":1,` + strings.Replace(good[1:], `"engine":1,`, ``, 1), "engine is missing"},
		{"other letters, twice", `{"Engine":1,` + good[1:], "spelled"},
		{"missing member", strings.Replace(good, `"engine":1,`, ``, 1), "engine is missing"},
		{"missing timing member", strings.Replace(good, `,"settle_ms":100`, ``, 1), "timing.settle_ms is missing"},
		{"missing validator member", strings.Replace(good, `"possession":"",`, ``, 1), "missing"},
		{"repeated member", strings.Replace(good, `"engine":1`, `"engine":1,"engine":1`, 1), "twice"},
		{"fraction", strings.Replace(good, `"engine":1`, `"engine":1.0`, 1), "no integer"},
		{"exponent", strings.Replace(good, `"engine":1`, `"engine":1e0`, 1), "no integer"},
		{"negative", strings.Replace(good, `"engine":1`, `"engine":-1`, 1), "engine"},
		{"upper-case hex", strings.Replace(good, `"network_key":"`, `"network_key":"AB`, 1), "hex"},
		{"null", strings.Replace(good, `"engine":1`, `"engine":null`, 1), "engine"},
		{"deep", `{"app_state":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "deeper"},
		{"not UTF-8", good[:20] + "\xff" + good[20:], "UTF-8"},
		{"long number", strings.Replace(good, `"engine":1`, `"engine":`+strings.Repeat("9", 60), 1), "digits"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.doc))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestNewRefusesValuesOutOfRange(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		change     func(*Document)
	}{
		{"no chain id", "chain id", func(d *Document) { d.ChainID = "" }},
		{"chain id with a space", "chain id", func(d *Document) { d.ChainID = "a b" }},
		{"long chain id", "chain id", func(d *Document) { d.ChainID = strings.Repeat("a", 49) }},
		{"no time", "time_ms", func(d *Document) { d.TimeMs = 0 }},
		{"engine 0", "engine", func(d *Document) { d.Engine = 0 }},
		{"no executor", "bedrock executor hash", func(d *Document) { d.ExecutorHash = types.Hash{} }},
		{"small blocks", "block.max_bytes", func(d *Document) { d.Block.MaxBytes = 10 }},
		{"large blocks", "block.max_bytes", func(d *Document) { d.Block.MaxBytes = 1 << 40 }},
		{"no gas", "block.max_gas", func(d *Document) { d.Block.MaxGas = 0 }},
		{"base below 3 settle", "at least 3 x settle_ms", func(d *Document) { d.Timing.BaseMs = 299 }},
		{"cap below base", "timing.cap_ms", func(d *Document) { d.Timing.CapMs = 999 }},
		{"shrinking timer", "growth_permille", func(d *Document) { d.Timing.GrowthPermille = 999 }},
		{"no resend", "resend_ms", func(d *Document) { d.Timing.ResendMs = 0 }},
		{"no validators", "0 validators", func(d *Document) { d.Validators = []Validator{} }},
		{"unknown scheme", "use ed25519 or bls12381", func(d *Document) { d.Scheme = "rsa" }},
		{"no power", "power 0", func(d *Document) { d.Validators[1].Power = 0 }},
		{"too much power", "sum to more", func(d *Document) { d.Validators[1].Power = 1<<32 - 1 }},
		{"one key twice", "belongs to one validator", func(d *Document) { d.Validators[1].ConsensusKey = d.Validators[0].ConsensusKey }},
		{"one key for two purposes", "one purpose", func(d *Document) { d.Validators[1].ConsensusKey = d.Validators[1].NetworkKey }},
		{"short key", "31 bytes", func(d *Document) { d.Validators[1].ConsensusKey = d.Validators[1].ConsensusKey[:31] }},
		{"ed25519 keys under bls", "consensus_key under scheme bls12381", func(d *Document) { d.Scheme = "bls12381" }},
		{"possession under ed25519", "proof of possession", func(d *Document) { d.Validators[1].Possession = []byte{1} }},
		{"long moniker", "moniker", func(d *Document) { d.Validators[1].Moniker = strings.Repeat("a", 65) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc := testDocument()
			tc.change(&doc)
			_, err := New(doc)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}

func TestLoadSaysWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "genesis.json")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "bedrock init") {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, mustNew(t, testDocument()).Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Errorf("Load: %v", err)
	}
}

func TestCanonicalIsAFixedPoint(t *testing.T) {
	out, err := Canonical([]byte("{ \"b\" : [ 1 , true , null ], \"a\" : \"\\u00e9\\u0001\\/\\n\" }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":"é\u0001/\n","b":[1,true,null]}`; string(out) != want {
		t.Errorf("Canonical = %s, want %s", out, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(mustNew(f, testDocument()).Bytes())
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte(`{"a":"\ud800"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if out, err := Canonical(raw); err == nil {
			again, err := Canonical(out)
			if err != nil || !bytes.Equal(again, out) {
				t.Fatalf("canonical form is no fixed point: %q then %q (%v)", out, again, err)
			}
		}
		g, err := Parse(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(mustNew(t, g.Document).Bytes(), raw) {
			t.Fatal("an accepted document has a second form")
		}
	})
}

func indent(doc string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(doc), "", "  "); err != nil {
		panic(err)
	}
	return b.String()
}
