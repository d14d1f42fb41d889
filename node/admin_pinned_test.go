package node_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/pinned"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/signer"
)

// An operator administers a node whose identity it pins and which pins its key, or the
// one that follows it; nobody else gets in. // rule: pinned-admin
func TestPinnedAdministration(t *testing.T) {
	t.Parallel() // it waits more than it computes
	homes := makeNetwork(t, 1, "ed25519")
	operator, next := ed25519.NewKeyFromSeed([]byte(strings.Repeat("o", 32))), ed25519.NewKeyFromSeed([]byte(strings.Repeat("n", 32)))
	hex := func(k ed25519.PrivateKey) string { return ledger.ID(k.Public().(ed25519.PublicKey)).String() }
	cfg, _, err := config.Load(homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(cfg.RPC.Listen, ":")
	n := start(t, homes[0], "BEDROCK_ADMIN_PINNED_LISTEN="+host+":7604", "BEDROCK_ADMIN_CLIENTS="+hex(operator)+","+hex(next))
	n.waitHeight(t, 1)
	record, err := signer.ReadRecord(cfg.Dirs.Signer)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := ledger.ParseID(record.NetworkKey)
	if err != nil {
		t.Fatal(err)
	}
	at := chain.AdminEndpoint{URL: "https://" + host + ":7604", Keys: []ledger.ID{{1}, identity}}
	admin := func(key ed25519.PrivateKey) chain.Admin {
		a, err := chain.NewAdmin(key)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, key := range []ed25519.PrivateKey{operator, next} {
		a := admin(key)
		if err := a.SuspendSigning(t.Context(), at, "the boot count fell"); err != nil {
			t.Fatal(err)
		}
		if s := n.status(t); s.Signing || !strings.Contains(s.NotSigningReason, "the boot count fell") {
			t.Errorf("suspended: signing %t, %q", s.Signing, s.NotSigningReason)
		}
		if err := a.ResumeSigning(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	a := admin(operator)
	owner := ledger.ID{7}
	if c, err := a.ConsentToJoin(t.Context(), at, owner); err != nil || c.Identity != identity || c.Join("m").CheckConsent(c.Genesis, owner) != nil {
		t.Errorf("consent to join: %+v, %v", c, err)
	}
	if c, err := a.ConsentToRotate(t.Context(), at, ledger.ID{1}, ledger.ID{2}, 9); err != nil || c.ValidUntil != 9 {
		t.Errorf("consent to rotate: %+v, %v", c, err)
	}
	if hashes, err := a.Executors(t.Context(), at); err != nil || len(hashes) == 0 {
		t.Errorf("executors: %v, %v", hashes, err)
	}
	if _, err := a.AddExecutor(t.Context(), at, []byte("no module")); err == nil || errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("a module that is none: %v", err)
	}
	if peers, err := a.Peers(t.Context(), at); err != nil || len(peers) != 0 {
		t.Errorf("peers: %v, %v", peers, err)
	}
	stranger := ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))
	if err := admin(stranger).SuspendSigning(t.Context(), at, "x"); err == nil {
		t.Error("a key that is not pinned gets in")
	}
	if err := a.SuspendSigning(t.Context(), chain.AdminEndpoint{URL: at.URL, Keys: []ledger.ID{{1}, {2}}}, "x"); !errors.Is(err, pinned.ErrNotPinned) {
		t.Errorf("a node whose key is not pinned: %v", err)
	}
	for _, bad := range []chain.AdminEndpoint{{URL: at.URL}, {URL: "http://10.0.0.1:7602"}, {URL: "nonsense"}} {
		if err := a.SuspendSigning(t.Context(), bad, "x"); err == nil || errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if s := n.status(t); strings.HasSuffix(s.NotSigningReason, "x") {
		t.Errorf("somebody else suspended signing: %q", s.NotSigningReason)
	}
	n.end(t)
}
