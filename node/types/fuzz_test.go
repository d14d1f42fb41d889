package types

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// FuzzFixedLayouts reads arbitrary bytes as each fixed layout: what is accepted is
// the one encoding of its value.
func FuzzFixedLayouts(f *testing.F) {
	h := Header{Genesis: Hash{1}, Epoch: 2, View: 3, Height: 4, Parent: Hash{5}, Proposer: 6, TimestampMs: 7, PayloadRoot: Hash{8}, EvidenceRoot: Hash{9}}
	o := Outcome{Height: 1, Block: Hash{2}, StateRoot: Hash{3}, ReceiptsRoot: Hash{4}, NextEpoch: Hash{5}, FailedRun: NoFailedRun, Parent: Hash{7}}
	f.Add(h.Encode())
	f.Add(o.Encode())
	f.Add(append(o.Encode(), 0))
	f.Add((&Header{}).Encode())
	f.Add(h.Encode()[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := DecodeHeader(b); err == nil && !bytes.Equal(h.Encode(), b) {
			t.Fatal("two encodings of one header")
		}
		if o, err := DecodeOutcome(b); err == nil && !bytes.Equal(o.Encode(), b) {
			t.Fatal("two encodings of one outcome")
		}
	})
}

// FuzzParseHash reads texts as hashes: each hash has one text.
func FuzzParseHash(f *testing.F) {
	f.Add(SumHash([]byte("a")).String())
	f.Add("")
	f.Add("0x" + SumHash(nil).String())
	f.Add("AB" + SumHash(nil).String()[2:])
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHash(s)
		if err != nil {
			return
		}
		raw, err := hex.DecodeString(s)
		if err != nil || !bytes.Equal(raw, h[:]) {
			t.Fatalf("%q was read as %s", s, h)
		}
		var again Hash
		text, err := h.MarshalText()
		if err != nil || again.UnmarshalText(text) != nil || again != h {
			t.Fatalf("%s does not come back from its own text: %v", h, err)
		}
	})
}
