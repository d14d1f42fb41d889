package vectors_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// signatureCase is one entry of ed25519_zip215.json.
type signatureCase struct {
	Note      string   `json:"note"`
	PublicKey hexBytes `json:"public_key"`
	Message   hexBytes `json:"message"`
	Signature hexBytes `json:"signature"`
	Valid     bool     `json:"valid"`
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

var zip215 = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

func signatureCases(t *testing.T) []signatureCase {
	t.Helper()
	text, err := os.ReadFile("ed25519_zip215.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []signatureCase `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, c := range file.Cases {
		if c.Valid {
			valid++
		}
	}
	if valid < 196 || len(file.Cases) == valid {
		t.Fatalf("%d valid of %d cases: not the file that is meant", valid, len(file.Cases))
	}
	return file.Cases
}

func TestEd25519SingleVerdicts(t *testing.T) {
	for i, c := range signatureCases(t) {
		got := ed25519.VerifyWithOptions(ed25519.PublicKey(c.PublicKey), c.Message, c.Signature, zip215)
		if got != c.Valid {
			t.Errorf("case %d (%s): valid = %v, want %v", i, c.Note, got, c.Valid)
		}
	}
}

func TestEd25519ExpandedKeyVerdicts(t *testing.T) {
	for i, c := range signatureCases(t) {
		key, err := ed25519.NewExpandedPublicKey(ed25519.PublicKey(c.PublicKey))
		got := err == nil && ed25519.VerifyExpandedWithOptions(key, c.Message, c.Signature, zip215)
		if got != c.Valid {
			t.Errorf("case %d (%s): valid = %v, want %v", i, c.Note, got, c.Valid)
		}
	}
}

// verdicts judges the cases in one batch.
func verdicts(cases []signatureCase) (all bool, each []bool) {
	verifier := ed25519.NewBatchVerifierWithCapacity(len(cases))
	for _, c := range cases {
		verifier.AddWithOptions(ed25519.PublicKey(c.PublicKey), c.Message, c.Signature, zip215)
	}
	return verifier.Verify(nil)
}

func TestEd25519BatchVerdicts(t *testing.T) {
	cases := signatureCases(t)
	all, each := verdicts(cases)
	if all {
		t.Error("a batch with invalid signatures was taken as a whole")
	}
	for i, c := range cases {
		if each[i] != c.Valid {
			t.Errorf("case %d (%s) in a batch: valid = %v, want %v", i, c.Note, each[i], c.Valid)
		}
	}
	honest := cases[0]
	var valid []signatureCase
	for i, c := range cases {
		if c.Valid {
			valid = append(valid, c)
		}
		if all, each := verdicts([]signatureCase{honest, c}); all != c.Valid || each[1] != c.Valid {
			t.Errorf("case %d (%s) beside an honest one: %v, want %v", i, c.Note, each[1], c.Valid)
		}
	}
	if all, _ := verdicts(valid); !all {
		t.Error("a batch of valid signatures was refused")
	}
}
