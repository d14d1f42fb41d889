package state

import (
	"bytes"
	"testing"
)

// FuzzParsePath reads paths from the front of arbitrary bytes: each has one encoding,
// and its text and order are those of its nibbles.
func FuzzParsePath(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{3, 0xab, 0xc0, 7})
	f.Add([]byte{3, 0xab, 0xcd})
	f.Add(append([]byte{MaxPathNibbles}, bytes.Repeat([]byte{0xff}, 32)...))
	f.Add([]byte{MaxPathNibbles + 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, n, err := ParsePath(b)
		if err != nil {
			return
		}
		if again := p.Append(nil); !bytes.Equal(again, b[:n]) || len(again) != p.EncodedLen() {
			t.Fatalf("two encodings of the path %s: %x and %x", p, b[:n], again)
		}
		if text := p.String(); p.Len > 0 && len(text) != int(p.Len) {
			t.Fatalf("a path of %d nibbles is written as %q", p.Len, text)
		}
		q, _, err := ParsePath(b[n:])
		if err == nil && (p.Compare(q) == 0) != (p == q) || err == nil && p.Compare(q) != -q.Compare(p) {
			t.Fatalf("paths %s and %s have no order", p, q)
		}
	})
}
