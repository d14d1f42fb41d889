package genesis

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/types"
)

func recovery(t *testing.T, change func(*Continues)) (*Genesis, error) {
	t.Helper()
	doc := testDocument()
	doc.Continues = &Continues{Authority: []Cosignature{}, Epoch: 3, GenesisHash: types.SumHash([]byte("old")), Height: 9, LockEpoch: 3, LockView: 7, OutcomeHash: types.SumHash([]byte("outcome"))}
	if change != nil {
		change(doc.Continues)
	}
	return New(doc)
}

// A recovery genesis begins with the epoch after the one that it continues, and counts
// signatures of the authority's keys over the document without them.
func TestRecoveryIsSignedByTheAuthority(t *testing.T) {
	g, err := recovery(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if g.Epoch().Number != 4 || g.Root() != 9 {
		t.Errorf("epoch %d above height %d", g.Epoch().Number, g.Root())
	}
	old := types.Outcome{Height: 9, FailedRun: 2, Parent: types.Hash{5}}
	epoch := g.Epoch()
	if o := g.RecoveryOutcome(old); o.NextEpoch != epoch.Digest() || o.Parent != old.Parent || o.FailedRun != types.NoFailedRun {
		t.Errorf("outcome %+v", o)
	}
	var keys [][32]byte
	signed := g
	for _, name := range []string{"b", "a", "x"} { // x is no key of the authority
		key := ed25519.NewKeyFromSeed([]byte(strings.Repeat(name, 32)))
		if name != "x" {
			keys = append(keys, [32]byte(key.Public().(ed25519.PublicKey)))
		}
		if signed, err = signed.Cosign(key); err != nil {
			t.Fatal(err)
		}
		if again, err := signed.Cosign(key); err != nil || again.Hash() != signed.Hash() {
			t.Errorf("signed twice by %s: %v", name, err)
		}
	}
	one, _ := g.Statement()
	two, _ := signed.Statement()
	if !bytes.Equal(one, two) || signed.Hash() == g.Hash() {
		t.Error("signatures are part of what is signed, or not of the document")
	}
	if err := signed.CheckAuthority(2, keys); err != nil {
		t.Errorf("two of two: %v", err)
	}
	for name, bad := range map[string]error{
		"three of two": signed.CheckAuthority(3, keys), "threshold 0": signed.CheckAuthority(0, keys),
		"unsigned": g.CheckAuthority(1, keys), "others' keys": signed.CheckAuthority(1, [][32]byte{{1}}),
	} {
		if bad == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	doc := signed.Document
	c := *doc.Continues
	c.Height++
	doc.Continues = &c
	changed, err := New(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := changed.CheckAuthority(2, keys); err == nil || !strings.Contains(err.Error(), "does not verify") {
		t.Errorf("a document changed after it was signed: %v", err)
	}
}

func TestRecoveryIsChecked(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*Continues)
	}{
		{"1 or more", func(c *Continues) { c.Height = 0 }},
		{"1 or more", func(c *Continues) { c.Epoch = 0 }},
		{"of the one before", func(c *Continues) { c.LockEpoch = 1 }},
		{"of the one before", func(c *Continues) { c.LockEpoch = 4 }},
		{"of the one before", func(c *Continues) { c.Epoch, c.LockEpoch = 1, 0 }},
		{"is zero", func(c *Continues) { c.GenesisHash = types.Hash{} }},
		{"at most 64", func(c *Continues) { c.Authority = make([]Cosignature, 65) }},
		{"want a key of 32", func(c *Continues) { c.Authority = []Cosignature{{Key: Hex{1}}} }},
		{"do not ascend", func(c *Continues) {
			c.Authority = []Cosignature{{Key: make(Hex, 32), Signature: make(Hex, 64)}, {Key: make(Hex, 32), Signature: make(Hex, 64)}}
		}},
	} {
		if _, err := recovery(t, c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	g, err := New(testDocument())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(g.Bytes(), []byte("continues")) {
		t.Error("an ordinary document has the member")
	}
	if _, err := g.Statement(); err == nil {
		t.Error("an ordinary document has a statement")
	}
}
