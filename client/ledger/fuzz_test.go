package ledger_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// appendRow writes a row's fields in their order: integers little-endian, identities
// as they are, other bytes and lists behind a u32.
func appendRow(b []byte, v reflect.Value) []byte {
	if amount, ok := v.Interface().(ledger.Amount); ok {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, amount.Lo), amount.Hi)
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Uint8:
		return append(b, byte(v.Uint()))
	case reflect.Uint16:
		return binary.LittleEndian.AppendUint16(b, uint16(v.Uint()))
	case reflect.Uint32:
		return binary.LittleEndian.AppendUint32(b, uint32(v.Uint()))
	case reflect.Uint64:
		return binary.LittleEndian.AppendUint64(b, v.Uint())
	case reflect.String:
		return append(binary.LittleEndian.AppendUint32(b, uint32(v.Len())), v.String()...)
	case reflect.Slice:
		b = binary.LittleEndian.AppendUint32(b, uint32(v.Len()))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			b = appendRow(b, v.Index(i))
		}
		return b
	case reflect.Struct:
		for i := range v.NumField() {
			b = appendRow(b, v.Field(i))
		}
		return b
	}
	panic(fmt.Sprintf("no layout for %s", v.Type()))
}

// rowKind reads one kind of row and writes again what it read.
type rowKind struct {
	name  string
	again func([]byte) ([]byte, error)
}

func rowOf[T any](name string, decode func([]byte) (T, error)) rowKind {
	return rowKind{name, func(row []byte) ([]byte, error) {
		v, err := decode(row)
		if err != nil {
			return nil, err
		}
		return appendRow(nil, reflect.ValueOf(v)), nil
	}}
}

func rowKinds() []rowKind {
	return []rowKind{
		rowOf("account", ledger.DecodeAccount), rowOf("validator", ledger.DecodeValidator), rowOf("validators", ledger.DecodeValidators),
		rowOf("epochs", ledger.DecodeEpochs), rowOf("epoch", ledger.DecodeEpoch), rowOf("holder", ledger.DecodeHolder),
		rowOf("upgrade", ledger.DecodeUpgrade), rowOf("readiness", ledger.DecodeReadiness), rowOf("evidence", ledger.DecodeJailing),
		{"record", func(row []byte) ([]byte, error) { // its data has no length
			r, err := ledger.DecodeRecord(row)
			head := appendRow(appendRow(nil, reflect.ValueOf(r.Deposit)), reflect.ValueOf(r.Height))
			return append(head, r.Data...), err
		}},
		{"authority", func(row []byte) ([]byte, error) { // its count is a u16
			a, err := ledger.DecodeAuthority(row)
			b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, a.Threshold), uint16(len(a.Keys)))
			for _, k := range a.Keys {
				b = append(b, k[:]...)
			}
			return b, err
		}},
		{"parameters", func(row []byte) ([]byte, error) { // as many as have names
			values, err := ledger.DecodeParameters(row)
			var b []byte
			for _, v := range values {
				b = binary.LittleEndian.AppendUint64(b, v)
			}
			return b, err
		}},
	}
}

// FuzzRows reads arbitrary bytes as every kind of state row: what is accepted is the
// one encoding of its value.
func FuzzRows(f *testing.F) {
	id := ledger.ID{1, 2, 3}
	key := bytes.Repeat([]byte{9}, 32)
	for _, v := range []any{
		ledger.Account{Nonce: 5, Balance: ledger.Amount{Hi: 1, Lo: 7}},
		ledger.Validator{Status: ledger.StatusActive, Ready: true, Identity: id, Power: 4, Since: 9, ConsensusKey: key, Moniker: "one"},
		[]ledger.ID{id, {4}}, ledger.Epochs{Number: 3, Oldest: 1}, id,
		ledger.Epoch{FirstHeight: 8, Executor: id, Engine: 1, MaxBytes: 1 << 20, MaxGas: 9, Members: []ledger.Member{{Validator: id, Identity: id, ConsensusKey: key, Power: 2}}},
		ledger.Upgrade{Executor: id, Engine: 1, NotBefore: 3, NotAfter: 9, Ready: []ledger.ID{id}}, ledger.Readiness{Executor: id, Engine: 1},
		ledger.Jailing{Validator: id, Epoch: 3, Kind: 2, Height: 70},
	} {
		f.Add(appendRow(nil, reflect.ValueOf(v)))
	}
	f.Add(append([]byte{1, 0, 1, 0}, id[:]...))
	f.Add(make([]byte, 8*len(ledger.ParameterNames)))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, row []byte) {
		for _, kind := range rowKinds() {
			if again, err := kind.again(row); err == nil && !bytes.Equal(again, row) {
				t.Fatalf("two encodings of one %s:\n%x\n%x", kind.name, row, again)
			}
		}
	})
}

// FuzzTexts reads texts as addresses, identities and amounts: each value comes back
// from its own text, and an address has no second one but its hex digits.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{ledger.Address{1}.String(), strings.Repeat("ab", 32), strings.Repeat("AB", 32), "340282366920938463463374607431768211455",
		"340282366920938463463374607431768211456", "007", "", "bed1", "bed1" + strings.Repeat("q", 58)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := ledger.ParseAddress(s); err == nil {
			if again, err := ledger.ParseAddress(a.String()); err != nil || again != a {
				t.Fatalf("address %q comes back as %s: %v", s, again, err)
			}
			if len(s) != 64 && a.String() != s {
				t.Fatalf("%q is a second text of address %s", s, a)
			}
		}
		if id, err := ledger.ParseID(s); err == nil && id.String() != strings.ToLower(s) {
			t.Fatalf("%q was read as %s", s, id)
		}
		if n, err := ledger.ParseAmount(s); err == nil {
			want, ok := new(big.Int).SetString(s, 10)
			if !ok || n.Big().Cmp(want) != 0 {
				t.Fatalf("amount %q was read as %s", s, n)
			}
		}
	})
}

// FuzzParseDraft reads arbitrary bytes as a half-signed transaction: what is accepted
// comes back from its own file, with the same signatures.
func FuzzParseDraft(f *testing.F) {
	for _, name := range []string{"weigh", "cancel", "join"} {
		body := governance()[name]
		body.Payer = public("alice")
		d, err := ledger.NewDraft(body)
		if err != nil {
			f.Fatal(err)
		}
		if ledger.NeedsAuthority(body.Operation) {
			err = errors.Join(d.Sign(key("bob")), d.Sign(key("zoe")))
		} else {
			err = d.SignAsPayer(key("alice"))
		}
		raw, encodeErr := d.Encode()
		if err := errors.Join(err, encodeErr); err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"kind":"bedrock half-signed transaction"}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := ledger.ParseDraft(raw)
		if err != nil {
			return
		}
		file, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ledger.ParseDraft(file)
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Fatalf("%+v comes back as %+v: %v", d, again, err)
		}
		if tx, err := d.Transaction(); err == nil {
			if _, err := ledger.Decode(tx); err != nil {
				t.Fatalf("its transaction is malformed: %v", err)
			}
		}
		if _, err := ledger.ParseDraft(append(bytes.Clone(raw), '{')); err == nil {
			t.Fatal("a draft with something behind it is accepted")
		}
	})
}
