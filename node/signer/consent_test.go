package signer_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage/disk"
	"github.com/bedrock-bft/bedrock/node/types"
)

// An identity consents to joins and rotations, and signs nothing else that way.
func TestConsent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signer")
	opt := signer.Options{AllowUnsafeFileSystem: true}
	join := func(r signer.Record) ([]byte, error) {
		consensus, _, _, err := r.Keys()
		return ledger.JoinStatement([32]byte{1}, [32]byte{2}, consensus), err
	}
	if _, _, err := signer.ConsentAtRest(dir, opt, join); !errors.Is(err, signer.ErrNoIdentity) {
		t.Errorf("without a volume: %v, want ErrNoIdentity", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made for nothing")
	}
	record, err := signer.Init(dir, signer.InitOptions{Scheme: types.SchemeEd25519, AllowUnsafeFileSystem: true})
	if err != nil {
		t.Fatal(err)
	}
	_, identity, _, err := record.Keys()
	if err != nil {
		t.Fatal(err)
	}
	got, signature, err := signer.ConsentAtRest(dir, opt, join)
	if err != nil || got != record {
		t.Fatalf("record %+v, %v", got, err)
	}
	statement, err := join(record)
	if err != nil || !ed25519.Verify(identity[:], statement, signature) {
		t.Errorf("the consent to a join does not verify: %v", err)
	}
	terms := ledger.RotateTerms{Genesis: [32]byte{1}, ValidUntil: 3}
	if _, _, err := signer.ConsentAtRest(dir, opt, func(signer.Record) ([]byte, error) { return terms.Statement(), nil }); err != nil {
		t.Errorf("rotation: %v", err)
	}
	other := func(signer.Record) ([]byte, error) { return []byte("\x0cbedrock/tx/1"), nil }
	if _, _, err := signer.ConsentAtRest(dir, opt, other); !errors.Is(err, signer.ErrRefused) {
		t.Errorf("a transaction's body: %v, want ErrRefused", err)
	}
	foreign := signer.Options{AllowUnsafeFileSystem: true, Marks: []string{"another-claim"}}
	if _, _, err := signer.ConsentAtRest(dir, foreign, join); err == nil || !strings.Contains(err.Error(), "foreign") {
		t.Errorf("a foreign volume: %v", err)
	}
	running, _, err := signer.Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	if _, _, err := signer.ConsentAtRest(dir, opt, join); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("beside a running node: %v, want ErrLocked", err)
	}
	if signature, err := running.Consent(statement); err != nil || !ed25519.Verify(identity[:], statement, signature) {
		t.Errorf("the running node's consent: %v", err)
	}
	if err := running.DeleteKeys("epoch 2 left it out"); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Consent(statement); !errors.Is(err, signer.ErrRefused) {
		t.Errorf("a superseded instance: %v, want ErrRefused", err)
	}
}
