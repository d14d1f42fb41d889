package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// payment is one recipient in the vectors.
type payment struct {
	To     string        `json:"to"`
	Amount ledger.Amount `json:"amount"`
}

type record struct{ Key, Data string }

// vectors is test/vectors/ledger.json, which the Rust ledger writes.
type vectors struct {
	Addresses    []struct{ Bytes, Text string }
	Keys         []struct{ Secret, Public, Address string }
	Transactions []struct {
		Secret      string
		GenesisHash string `json:"genesis_hash"`
		Nonce       string
		GasLimit    string `json:"gas_limit"`
		GasPrice    string `json:"gas_price"`
		ValidUntil  string `json:"valid_until"`
		Operation   struct {
			Transfer     *payment
			Batch        []payment
			RecordPut    *record `json:"record_put"`
			RecordDelete *record `json:"record_delete"`
		}
		Body, Transaction, Hash string
		GasNeeded               string `json:"gas_needed"`
	}
	Malformed []struct{ Note, Transaction string }
	StateKeys struct {
		Owner, Account, Record string
		RecordKey              string `json:"record_key"`
	} `json:"state_keys"`
	Rows struct {
		Account struct {
			Nonce, Row string
			Balance    ledger.Amount
		}
		Record struct {
			Height, Data, Row string
			Deposit           ledger.Amount
		}
	}
	Codes []struct {
		Code uint32
		Name string
	}
}

func readVectors(t *testing.T) *vectors {
	t.Helper()
	text, err := os.ReadFile("../../test/vectors/ledger.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
	if len(v.Transactions) < 6 || len(v.Malformed) < 15 || len(v.Codes) < 10 {
		t.Fatalf("%d transactions, %d malformed, %d codes: the file is cut", len(v.Transactions), len(v.Malformed), len(v.Codes))
	}
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestVectorsOfTransactions(t *testing.T) {
	v := readVectors(t)
	paid := func(p payment) ledger.Payment {
		return ledger.Payment{To: ledger.Address(unhex(t, p.To)), Amount: p.Amount}
	}
	for i, tv := range v.Transactions {
		var op ledger.Operation
		switch o := tv.Operation; {
		case o.Transfer != nil:
			op = ledger.Transfer(paid(*o.Transfer))
		case o.RecordPut != nil:
			op = ledger.RecordPut{Key: unhex(t, o.RecordPut.Key), Data: unhex(t, o.RecordPut.Data)}
		case o.RecordDelete != nil:
			op = ledger.RecordDelete{Key: unhex(t, o.RecordDelete.Key)}
		default:
			var batch ledger.BatchTransfer
			for _, p := range o.Batch {
				batch = append(batch, paid(p))
			}
			op = batch
		}
		body := ledger.Body{
			Genesis: [32]byte(unhex(t, tv.GenesisHash)), Nonce: number(t, tv.Nonce), GasLimit: number(t, tv.GasLimit),
			GasPrice: number(t, tv.GasPrice), ValidUntil: number(t, tv.ValidUntil), Operation: op,
		}
		tx, err := ledger.Sign(ed25519.NewKeyFromSeed(unhex(t, tv.Secret)), body)
		if err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		if got := hex.EncodeToString(tx); got != tv.Transaction {
			t.Errorf("transaction %d is\n%s, want\n%s", i, got, tv.Transaction)
		}
		decoded, err := ledger.Decode(unhex(t, tv.Transaction))
		if err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		if got := hex.EncodeToString(decoded.Body.Encode()); got != tv.Body {
			t.Errorf("body %d is\n%s, want\n%s", i, got, tv.Body)
		}
		if hash := sha256.Sum256(tx); hex.EncodeToString(hash[:]) != tv.Hash {
			t.Errorf("hash of transaction %d is %x, want %s", i, hash, tv.Hash)
		}
		if limit, needed := ledger.GasLimit(op), number(t, tv.GasNeeded); limit < needed || limit > 2*needed {
			t.Errorf("GasLimit of transaction %d is %d, the module needs %d", i, limit, needed)
		}
	}
}

func TestVectorsOfMalformedTransactions(t *testing.T) {
	for _, m := range readVectors(t).Malformed {
		if _, err := ledger.Decode(unhex(t, m.Transaction)); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", m.Note, err)
		}
	}
}

func TestVectorsOfAddressesAndKeys(t *testing.T) {
	v := readVectors(t)
	for _, a := range v.Addresses {
		want := ledger.Address(unhex(t, a.Bytes))
		if got, err := ledger.ParseAddress(a.Text); err != nil || got != want || want.String() != a.Text {
			t.Errorf("%s reads as %x (%v) and %x is written %s", a.Text, got, err, want, want)
		}
	}
	for _, k := range v.Keys {
		public := ed25519.NewKeyFromSeed(unhex(t, k.Secret)).Public().(ed25519.PublicKey)
		if hex.EncodeToString(public) != k.Public || ledger.AddressOf(public).String() != k.Address {
			t.Errorf("public key %x with address %s, want %s and %s", public, ledger.AddressOf(public), k.Public, k.Address)
		}
	}
	owner := ledger.Address(unhex(t, v.StateKeys.Owner))
	if got := ledger.AccountKey(owner); !bytes.Equal(got, unhex(t, v.StateKeys.Account)) {
		t.Errorf("state key of the account is %x, want %s", got, v.StateKeys.Account)
	}
	if got := ledger.RecordKey(owner, unhex(t, v.StateKeys.RecordKey)); !bytes.Equal(got, unhex(t, v.StateKeys.Record)) {
		t.Errorf("state key of the record is %x, want %s", got, v.StateKeys.Record)
	}
}

func TestVectorsOfRowsAndCodes(t *testing.T) {
	v := readVectors(t)
	account, err := ledger.DecodeAccount(unhex(t, v.Rows.Account.Row))
	want := ledger.Account{Nonce: number(t, v.Rows.Account.Nonce), Balance: v.Rows.Account.Balance}
	if diff := cmp.Diff(want, account); err != nil || diff != "" {
		t.Errorf("account: %v\n%s", err, diff)
	}
	rec, err := ledger.DecodeRecord(unhex(t, v.Rows.Record.Row))
	wantRecord := ledger.Record{
		Deposit: v.Rows.Record.Deposit, Height: number(t, v.Rows.Record.Height), Data: unhex(t, v.Rows.Record.Data),
	}
	if diff := cmp.Diff(wantRecord, rec); err != nil || diff != "" {
		t.Errorf("record: %v\n%s", err, diff)
	}
	for _, c := range v.Codes {
		if got := ledger.CodeName(c.Code); got != c.Name {
			t.Errorf("code %d is %q, want %q", c.Code, got, c.Name)
		}
	}
}
