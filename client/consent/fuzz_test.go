package consent_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/consent"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// FuzzParse reads arbitrary bytes as a consent: what is accepted comes back from its own
// text, and allows no operation but the one that the identity signed.
func FuzzParse(f *testing.F) {
	for _, kind := range []string{consent.KindJoin, consent.KindRotate} {
		raw, err := json.Marshal(signed(kind))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(bytes.Replace(raw, []byte(`"signature":"`), []byte(`"signature":"0`), 1))
	}
	f.Add([]byte("null"))
	f.Add([]byte(`{"kind":"join","consensus_key":"zz"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, kind := range []string{consent.KindJoin, consent.KindRotate} {
			c, err := consent.Parse(raw, kind)
			if err != nil {
				continue
			}
			again, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := consent.Parse(again, kind); len(again) <= consent.MaxBytes && (err != nil || cmp.Diff(c, back) != "") {
				t.Fatalf("%+v comes back as %+v: %v", c, back, err)
			}
			join, err := c.Join("moniker", chain, owner)
			if err == nil && join.CheckConsent(chain, owner) != nil {
				t.Fatalf("a join that the ledger refuses: %+v", join)
			}
			rotate, err := c.Rotate(chain, name, present)
			if err == nil && (rotate.Validator != name || rotate.Expected != present || c.Genesis != ledger.ID(chain)) {
				t.Fatalf("a rotation of another validator: %+v", rotate)
			}
		}
	})
}
