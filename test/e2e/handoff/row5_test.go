//go:build e2e

package handoff

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// Accounts of the chain that have tasks here; the load comes from others.
const (
	payer       = 40 // of what the authority signs
	delegate    = 50 // of the validator that two clusters want at once
	stranger    = 51
	firstSender = 100
	senders     = 10
	loadRate    = 20 // transfers a second
)

// moved is the chain whose validators move.
type moved struct {
	*fleet.Network
	told *fleet.Told
	free hosts
}

// Row 5: validators move between clusters by authorisations of who holds them. One that
// two clusters import lets exactly one instance in; the other says Superseded, and so
// does the loser of two at once. What is replayed, altered, expired or stale the ledger
// refuses. A load runs on the chain all the while.
func TestRow5Handoff(t *testing.T) {
	c := &moved{Network: fleet.New(t, devnet.Options{Binary: bedrock, FirstHost: *hostFlag}), free: hosts{next: *hostFlag + 4}}
	c.Start(0)
	c.Wait("node0 answers", func() (bool, string) { return c.Status(0) != nil, "it does not" }) // others take what it compiled
	c.StartAll()
	c.WaitSigning(c.All()...)
	c.told = c.Follow(t.Context())
	load := c.Send(c.told, firstSender, senders, loadRate, 0, 1)
	c.Wait("transfers are final", func() (bool, string) { return load.Final() > 20, "" })
	// Two validators of four are rotated here within minutes: the authority allows it.
	c.decide(ledger.SetParameters{{Index: parameter(t, "rotation_window_ms"), Value: 0}})
	e, w := newCluster(c, "east", east), newCluster(c, "west", west)

	used := c.oneForBoth(e, w)
	c.refused(e, w, used)
	w.drop("ours")
	c.twoAtOnce(e, w)

	before := load.Final()
	c.Wait("transfers go on", func() (bool, string) { return load.Final() > before+20, "" })
	load.Stop()
	load.Check()
	c.NoConflict()
	prepares, commits := c.Votes()
	height, txs := c.told.Count()
	t.Logf("%d heights and %d transfers told; %d prepare and %d commit votes on record before the end's own", height, txs, prepares, commits)
}

// authorisation is what a holder signed, with what it was signed for.
type authorisation struct {
	file  string // of the transaction
	raw   []byte
	tx    *ledger.Transaction
	op    ledger.Rotate
	until uint64
	stale ledger.Rotate // west's identity, with its consent to follow the same one
	// until that height
	staleUntil uint64
}

// text is how a Validator's spec has it.
func (a *authorisation) text() string { return base64.StdEncoding.EncodeToString(a.raw) }

// oneForBoth imports one authorisation, over the identity born in the east, in both.
func (c *moved) oneForBoth(e, w *cluster) *authorisation {
	c.Helper()
	const holder = 3
	name := ledger.ValidatorName(c.identity(holder))
	e.join(c, "ours", name.String())
	w.join(c, "ours", name.String())
	c.synced(e, "ours")
	c.synced(w, "ours")
	c.Logf("east: kubectl bedrock handoff ours\n%s", e.mustBedrock("handoff", "ours"))

	a := c.authorise(e, "ours", "--accounts", filepath.Join(c.Dir, "accounts.json"), "--index", fmt.Sprintf("owner%d", holder))
	a.staleUntil, a.stale = c.consented(w, "ours", 100_000)
	if out, err := w.bedrock("handoff", "ours", "--authorise", a.file); err == nil || !strings.Contains(out, "have the owner sign again") {
		c.Errorf("west takes what was signed for the identity of the east: %v\n%s", err, out)
	}
	w.hand("ours", a.text()) // past the plugin's check, by hand
	c.waitSays(w, "ours", v1alpha1.ValidatorTakeover, "HandoffInvalid")
	c.Logf("east: %s", e.mustBedrock("handoff", "ours", "--authorise", a.file))
	c.inSet(e, "ours", name)
	c.waitSays(w, "ours", v1alpha1.ValidatorTakeover, "Superseded", "the handoff is for identity "+e.born("ours"))
	c.exactlyOne(name, e.born("ours"), w.born("ours"))
	c.waitSays(w, "ours", v1alpha1.ValidatorInSet, "NotInSet")
	c.silent(holder)
	return a
}

// twoAtOnce has the delegate sign for an identity in each cluster, and both import at
// the same time: the ledger's compare-and-swap takes one.
func (c *moved) twoAtOnce(e, w *cluster) {
	c.Helper()
	const holder = 2
	name := ledger.ValidatorName(c.identity(holder))
	key := c.key(c.Keys.Key, delegate)
	c.mustDo(c.key(c.Keys.OwnerKey, holder), ledger.Delegate{Validator: name, Delegate: ledger.ID(key.Public().(ed25519.PublicKey))}, 0)
	both := map[*cluster]*authorisation{e: nil, w: nil}
	for k := range both {
		k.join(c, "yours", name.String())
	}
	for k := range both {
		c.synced(k, "yours")
		both[k] = c.authorise(k, "yours", "--accounts", filepath.Join(c.Dir, "accounts.json"), "--index", fmt.Sprint(delegate))
	}
	for k, a := range both {
		k.hand("yours", a.text())
	}
	in, out := e, w
	c.Wait("one of the two is in the set", func() (bool, string) {
		m := c.member(name)
		if m != nil && m.Identity.String() == w.born("yours") {
			in, out = w, e
		}
		return m != nil && m.Identity.String() == in.born("yours"), fmt.Sprintf("%+v", m)
	})
	c.Logf("both imported: %s got in", in.name)
	c.inSet(in, "yours", name)
	c.waitSays(out, "yours", v1alpha1.ValidatorTakeover, "Superseded")
	c.exactlyOne(name, in.born("yours"), out.born("yours"))
	if code := c.result(both[out].raw); code != "stale" {
		c.Errorf("the loser's authorisation, sent to the chain by hand: %s, want stale", code)
	}
	c.silent(holder)
}

// refused sends the ledger what it must refuse, and has the operator import some of it.
func (c *moved) refused(e, w *cluster, used *authorisation) {
	c.Helper()
	owner, name := c.key(c.Keys.OwnerKey, 3), used.op.Validator
	sent := c.told.HeightOf(ledger.Hash(used.raw))
	// Signed when it is sent: what the ledger refuses in a block takes a nonce too.
	sign := func(key ed25519.PrivateKey, op ledger.Rotate, until uint64) func() []byte {
		return func() []byte {
			tx, err := ledger.Sign(key, c.body(key, op, until))
			if err != nil {
				c.Fatal(err)
			}
			return tx
		}
	}
	good, next := c.consented(w, "ours", 100_000) // whole, over west's identity and the present one
	altered := func(change func(*ledger.Transaction, *ledger.Rotate)) func() []byte {
		return func() []byte {
			tx, err := ledger.Decode(sign(owner, next, good)())
			if err != nil {
				c.Fatal(err)
			}
			op := next
			change(tx, &op)
			tx.Body.Operation = op
			return tx.Encode()
		}
	}
	short, brief := c.consented(w, "ours", 1)
	c.WaitHeight(short+1, 0)
	for _, tt := range []struct {
		name string
		tx   func() []byte
		code string
	}{
		{"replayed, signed anew with the next nonce", sign(owner, used.op, used.until), "stale"},
		{"replayed, the same bytes", func() []byte { return used.raw }, "known, executed once"},
		{"stale: it expects the identity before", sign(owner, used.stale, used.staleUntil), "stale"},
		{"expired", sign(owner, brief, short), "expired"},
		{"altered: a later last height", altered(func(tx *ledger.Transaction, _ *ledger.Rotate) { tx.Body.ValidUntil++ }), "bad_signature"},
		{"altered: another identity", altered(func(_ *ledger.Transaction, op *ledger.Rotate) { op.Identity = used.op.Identity }), "bad_signature"},
		{"altered: another validator", altered(func(_ *ledger.Transaction, op *ledger.Rotate) { op.Validator[0] ^= 1 }), "bad_signature"},
		{"altered: the signature", altered(func(tx *ledger.Transaction, _ *ledger.Rotate) { tx.Signature[0] ^= 1 }), "bad_signature"},
		{"altered by the owner: a later last height than was consented to", sign(owner, next, good+1), "bad_consent"},
		{"altered by the owner: another identity's consent", sign(owner, mixed(next, used.op), good), "bad_consent"},
		{"signed by a stranger", sign(c.key(c.Keys.Key, stranger), next, good), "not_authorized"},
	} {
		before := c.member(name).Identity
		code := c.result(tt.tx())
		c.Logf("%-64s %s", tt.name, code)
		if code != tt.code {
			c.Errorf("%s: %s, want %s", tt.name, code, tt.code)
		}
		if now := c.member(name).Identity; now != before {
			c.Errorf("%s: it put %s in the place of %s", tt.name, now, before)
		}
	}
	// A node that was started anew has nothing of it in its pool: the nonce is used up.
	c.Kill(1)
	c.Start(1)
	c.WaitSigning(1)
	code := c.resultBy(1, used.raw)
	c.Logf("%-64s %s", "replayed, the same bytes, to a node that was started anew", code)
	if code != "bad_nonce" && code != "known, executed once" {
		c.Errorf("replayed to a node that was started anew: %s", code)
	}
	if now := c.told.HeightOf(ledger.Hash(used.raw)); now != sent || sent == 0 {
		c.Errorf("the authorisation was executed at height %d, and then at %d", sent, now)
	}
	for _, tt := range []struct {
		reason, says string
		tx           func() []byte
	}{
		{"Superseded", "has passed", sign(owner, brief, short)},
		{"Superseded", "not the one that the handoff expects", sign(owner, used.stale, used.staleUntil)},
		{"HandoffInvalid", "no consent", sign(owner, mixed(next, used.op), good)},
	} {
		w.hand("ours", base64.StdEncoding.EncodeToString(tt.tx()))
		c.waitSays(w, "ours", v1alpha1.ValidatorTakeover, tt.reason, tt.says)
	}
	if m := c.member(name); m == nil || m.Identity.String() != e.born("ours") {
		c.Errorf("the chain names %+v, want the identity that was born in the east", m)
	}
}

// mixed is an operation with another one's keys, and its own consent.
func mixed(op, other ledger.Rotate) ledger.Rotate {
	op.Identity, op.ConsensusKey = other.Identity, other.ConsensusKey
	return op
}

// authorise has a cluster's identity consent by the plugin, and the holder sign by the
// program's own command, sending nothing.
func (c *moved) authorise(k *cluster, name string, key ...string) *authorisation {
	c.Helper()
	file := filepath.Join(c.TempDir(), "consent.json")
	c.Logf("%s: %s", k.name, c.consent(k, name, 100_000, file))
	a := &authorisation{file: filepath.Join(c.TempDir(), "rotate.tx")}
	takes := string(k.get(name).Spec.Handoff.Validator)
	c.Logf("holder: %s", c.cli(append([]string{"tx", "validator", "rotate", takes, "--consent", file, "--sign-only", a.file}, key...)...))
	var err error
	if a.raw, err = os.ReadFile(a.file); err != nil {
		c.Fatal(err)
	}
	if a.tx, err = ledger.Decode(a.raw); err != nil {
		c.Fatal(err)
	}
	a.op, a.until = a.tx.Body.Operation.(ledger.Rotate), a.tx.Body.ValidUntil
	if hex.EncodeToString(a.op.Identity[:]) != k.born(name) {
		c.Fatalf("the holder signed for %s, %s was born in the %s", a.op.Identity, k.born(name), k.name)
	}
	return a
}

// consent has the new instance consent by the plugin, into a file.
func (c *moved) consent(k *cluster, name string, validFor uint64, file string) string {
	c.Helper()
	host := k.host(names.Instance(name, 1))
	return k.mustBedrock("handoff", name, "--consent", file, "--valid-for", fmt.Sprint(validFor), "--endpoint", "http://"+host+":7601", "--admin", "http://"+host+":7602")
}
