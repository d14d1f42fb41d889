package plan

import (
	"errors"
	"reflect"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// FuzzParse reads arbitrary text as a token ledger: garbled or well formed, and what is
// well formed can be written and comes back the same. // rule: token-ledger
func FuzzParse(f *testing.F) {
	l := Ledger{Version: version, Turns: 4, Served: map[string]string{"val-1": "x"},
		Tokens: []Token{{Validator: "val-0", Member: ledger.ID{1}, Pod: "uid", Kind: Drain, Reason: "drain", Since: noon, State: Granted, Lease: []byte{1, 2}, LeaseEnd: 9},
			{Validator: "val-1", Kind: Rollout, Since: noon, State: Returning, Height: 8, Closed: true, Again: true}},
		Requests: []Request{{Validator: "val-2", Kind: Rollout, Since: noon, Turn: 3}}}
	text, err := l.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text + "{}")
	f.Add(`{"version":1}`)
	f.Add(`{"version":1,"tokens":[{"validator":"a","kind":"Drain","state":"Used","since":"9999-12-31T23:59:59+23:59"}]}`)
	f.Add(`{"version":1,"tokens":[{"validator":"a","kind":"Drain","state":"Used"},{"validator":"a","kind":"Drain","state":"Used"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrGarbled) {
				t.Fatalf("error without ErrGarbled: %v", err)
			}
			return
		}
		again, err := l.Encode()
		if err != nil {
			if len(text) > maxBytes/12 { // escapes are longer than what they stand for
				return
			}
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := Parse(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(back.Tokens) != len(l.Tokens) || len(back.Requests) != len(l.Requests) || back.Turns != l.Turns || len(back.Served) != len(l.Served) {
			t.Fatalf("%+v comes back as %+v", l, back)
		}
		for i := range l.Tokens {
			a, b := l.Tokens[i], back.Tokens[i]
			if !a.Since.Equal(b.Since) || string(a.Lease) != string(b.Lease) {
				t.Fatalf("token %+v comes back as %+v", a, b)
			}
			a.Since, b.Since, a.Lease, b.Lease = noon, noon, nil, nil
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("token %+v comes back as %+v", a, b)
			}
		}
	})
}
