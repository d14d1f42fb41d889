package consent_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/consent"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

var (
	chain, other  = [32]byte{1}, [32]byte{2}
	name, present = ledger.ID{3}, ledger.ID{4}
	owner         = ledger.ID{5}
	identity      = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{6}, 32))
	consensusKey  = bytes.Repeat([]byte{7}, 32)
)

// signed is a consent as a node gives it.
func signed(kind string) *consent.Consent {
	t := &consent.Consent{Kind: kind, Genesis: ledger.ID(chain), Identity: ledger.ID(identity.Public().(ed25519.PublicKey)), ConsensusKey: hex.EncodeToString(consensusKey)}
	if kind == consent.KindJoin {
		t.Owner = owner
	} else {
		t.Validator, t.Expected, t.ValidUntil = name, present, 100
	}
	t.Signature = hex.EncodeToString(ed25519.Sign(identity, t.Statement(consensusKey)))
	return t
}

// What a command prints is what another reads, and the ledger's own check takes it.
func TestRoundTrip(t *testing.T) {
	for _, kind := range []string{consent.KindJoin, consent.KindRotate} {
		want := signed(kind)
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := consent.Parse(raw, kind)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	join, err := signed(consent.KindJoin).Join("fifth", chain, owner)
	if err != nil || join.Moniker != "fifth" || join.CheckConsent(chain, owner) != nil {
		t.Errorf("%+v: %v", join, err)
	}
	rotate, err := signed(consent.KindRotate).Rotate(chain, name, present)
	if err != nil || rotate.CheckConsent(chain, 100) != nil {
		t.Errorf("%+v: %v", rotate, err)
	}
}

func TestWhatIsNotConsentedToIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		change     func(*consent.Consent)
		chain      [32]byte
		of, now    ledger.ID
	}{
		{"another chain", "genesis hash", nil, other, name, present},
		{"another validator", "not of", nil, chain, ledger.ID{9}, present},
		{"it was rotated since", "get another consent", nil, chain, name, ledger.ID{9}},
		{"a later height", "was changed", func(t *consent.Consent) { t.ValidUntil++ }, chain, name, present},
		{"another identity", "was changed", func(t *consent.Consent) { t.Identity[0] ^= 1 }, chain, name, present},
		{"another consensus key", "was changed", func(t *consent.Consent) { t.ConsensusKey = strings.Repeat("00", 32) }, chain, name, present},
		{"half a signature", "128 hex digits", func(t *consent.Consent) { t.Signature = t.Signature[:64] }, chain, name, present},
		{"no hex", "consensus_key", func(t *consent.Consent) { t.ConsensusKey = "key" }, chain, name, present},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := signed(consent.KindRotate)
			if tt.change != nil {
				tt.change(c)
			}
			if _, err := c.Rotate(tt.chain, tt.of, tt.now); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
	if _, err := signed(consent.KindJoin).Join("fifth", chain, ledger.ID{9}); err == nil {
		t.Error("another owner joins it")
	}
}

func TestParseRefuses(t *testing.T) {
	raw, err := json.Marshal(signed(consent.KindJoin))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		raw  []byte
		says string
	}{
		"another kind": {raw, `of kind "join"`},
		"no JSON":      {[]byte("consent"), "it is no consent"},
		"too long":     {bytes.Repeat([]byte(" "), consent.MaxBytes+1), "at most"},
	} {
		if _, err := consent.Parse(tt.raw, consent.KindRotate); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}
