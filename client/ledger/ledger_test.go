package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func operations() map[string]ledger.Operation {
	to := ledger.AddressOf(key("bob").Public().(ed25519.PublicKey))
	return map[string]ledger.Operation{
		"transfer":      ledger.Transfer{To: to, Amount: ledger.AmountOf(7)},
		"batch":         ledger.BatchTransfer{{To: to, Amount: ledger.Amount{Hi: 1, Lo: 2}}, {To: to, Amount: ledger.AmountOf(1)}},
		"record put":    ledger.RecordPut{Key: []byte("k"), Data: []byte("data")},
		"record delete": ledger.RecordDelete{Key: []byte("k")},
	}
}

func TestSignedTransactionsDecodeToThemselves(t *testing.T) {
	for name, op := range operations() {
		t.Run(name, func(t *testing.T) {
			k := key("alice")
			body := ledger.Body{Genesis: [32]byte{1}, Nonce: 3, GasLimit: 100_000, GasPrice: 2, ValidUntil: 9, Operation: op}
			tx, err := ledger.Sign(k, body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ledger.Decode(tx)
			if err != nil {
				t.Fatal(err)
			}
			body.Payer = [32]byte(k.Public().(ed25519.PublicKey))
			if diff := cmp.Diff(body, got.Body); diff != "" {
				t.Errorf("body (-signed +decoded):\n%s", diff)
			}
			if !bytes.Equal(got.Encode(), tx) {
				t.Error("encoding again gives other bytes")
			}
			if !ed25519.Verify(body.Payer[:], got.Body.Encode(), got.Signature[:]) {
				t.Error("signature does not verify over the body")
			}
			for cut := range len(tx) {
				if _, err := ledger.Decode(tx[:cut]); !errors.Is(err, ledger.ErrMalformed) {
					t.Fatalf("cut to %d bytes: %v, want ErrMalformed", cut, err)
				}
			}
			if _, err := ledger.Decode(append(bytes.Clone(tx), 0)); !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("a byte more: %v, want ErrMalformed", err)
			}
		})
	}
}

func TestSignRefusesWhatTheModuleWould(t *testing.T) {
	for name, op := range map[string]ledger.Operation{
		"no amount":     ledger.Transfer{},
		"empty batch":   ledger.BatchTransfer{},
		"huge batch":    make(ledger.BatchTransfer, ledger.MaxRecipients+1),
		"no record key": ledger.RecordPut{Data: []byte("x")},
		"long key":      ledger.RecordDelete{Key: make([]byte, ledger.MaxRecordKeyBytes+1)},
		"long record":   ledger.RecordPut{Key: []byte("k"), Data: make([]byte, ledger.MaxRecordBytes+1)},
		"nothing":       nil,
	} {
		if _, err := ledger.Sign(key("alice"), ledger.Body{Operation: op}); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func TestAddresses(t *testing.T) {
	a := ledger.AddressOf(key("alice").Public().(ed25519.PublicKey))
	back, err := ledger.ParseAddress(a.String())
	if err != nil || back != a {
		t.Fatalf("%s reads as %s: %v", a, back, err)
	}
	s := []byte(a.String())
	for i := range s {
		changed := bytes.Clone(s)
		changed[i] ^= 1
		if _, err := ledger.ParseAddress(string(changed)); err == nil {
			t.Errorf("letter %d changed: accepted", i)
		}
	}
	for _, bad := range []string{"", "bed1", "bed1qqqqqq", "btc1" + a.String()[4:], string(bytes.ToUpper(s))} {
		if _, err := ledger.ParseAddress(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func TestAmounts(t *testing.T) {
	const most = "340282366920938463463374607431768211455"
	for _, s := range []string{"0", "1", "18446744073709551616", most} {
		a, err := ledger.ParseAmount(s)
		if err != nil || a.String() != s {
			t.Errorf("%s reads as %s: %v", s, a, err)
		}
	}
	for _, bad := range []string{"", "-1", "1.5", "0x1", "340282366920938463463374607431768211456"} {
		if _, err := ledger.ParseAmount(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func TestRows(t *testing.T) {
	row := append(append([]byte{5, 0, 0, 0, 0, 0, 0, 0}, 7), make([]byte, 15)...)
	a, err := ledger.DecodeAccount(row)
	if err != nil || a.Nonce != 5 || a.Balance != ledger.AmountOf(7) {
		t.Errorf("account %+v, %v", a, err)
	}
	if _, err := ledger.DecodeAccount(row[1:]); err == nil {
		t.Error("a short account row: accepted")
	}
	rec, err := ledger.DecodeRecord(append(make([]byte, 24), "data"...))
	if err != nil || string(rec.Data) != "data" {
		t.Errorf("record %+v, %v", rec, err)
	}
	if _, err := ledger.DecodeRecord(make([]byte, 23)); err == nil {
		t.Error("a short record row: accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, op := range operations() {
		tx, err := ledger.Sign(key("alice"), ledger.Body{Operation: op})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(tx)
	}
	for _, body := range governance() {
		tx, err := ledger.SignAuthority(key("alice"), body)
		if ledger.NeedsAuthority(body.Operation) {
			tx, err = ledger.SignAuthority(key("alice"), body, key("bob"), key("alice"))
		}
		if err != nil {
			f.Fatal(err)
		}
		f.Add(tx)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tx, err := ledger.Decode(data)
		if err == nil && !bytes.Equal(tx.Encode(), data) {
			t.Error("accepted an encoding that is not the canonical one")
		}
	})
}
