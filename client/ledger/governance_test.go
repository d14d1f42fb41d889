package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

func public(name string) ledger.ID { return ledger.ID(key(name).Public().(ed25519.PublicKey)) }

func ascending(ids ...ledger.ID) []ledger.ID {
	slices.SortFunc(ids, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// governance are operations with the body that they need.
func governance() map[string]ledger.Body {
	v, w := ledger.ValidatorName(public("node")), ledger.ValidatorName(public("other"))
	names := ascending(v, w)
	bls := bytes.Repeat([]byte{7}, 96)
	paid := func(op ledger.Operation) ledger.Body {
		return ledger.Body{Genesis: [32]byte{1}, Nonce: 3, GasLimit: 900_000, GasPrice: 2, ValidUntil: 9, Operation: op}
	}
	free := func(op ledger.Operation) ledger.Body { return ledger.FeeFreeBody([32]byte{1}, 9, op) }
	return map[string]ledger.Body{
		"join":           paid(ledger.Join{Identity: public("node"), ConsensusKey: bytes.Repeat([]byte{5}, 32), Moniker: "fifth", Consent: [64]byte{1}}),
		"join with BLS":  paid(ledger.Join{Identity: public("node"), ConsensusKey: bls, Possession: bls[:48], Moniker: "x", Consent: [64]byte{1}}),
		"ready":          free(ledger.Ready{Validator: v, Identity: public("alice")}),
		"rotate":         paid(ledger.Rotate{Validator: v, Expected: public("node"), Identity: public("new"), ConsensusKey: bls, Possession: bls[:48], Consent: [64]byte{2}}),
		"rotate, free":   free(ledger.Rotate{Validator: v, Expected: public("node"), Identity: public("new"), ConsensusKey: bls[:32], Consent: [64]byte{2}}),
		"delegate":       paid(ledger.Delegate{Validator: v, Delegate: public("hand")}),
		"leave":          paid(ledger.Leave{Validator: v, Expected: public("node"), Flags: ledger.AllowFewer}),
		"leave, free":    free(ledger.Leave{Validator: v, Expected: public("node")}),
		"maintain, free": free(ledger.Maintain{Validator: v, End: 1_700_000_000_000}),
		"give back":      paid(ledger.Maintain{Validator: v, ExpectedEnd: 5}),
		"module ready":   free(ledger.ModuleReady{Validator: v, Identity: public("alice"), Executor: ledger.ID{8}, Engine: 1}),
		"weigh":          paid(ledger.Weigh{Flags: ledger.AllowFewer, Weights: []ledger.Weight{{Validator: names[0], Power: 10}, {Validator: names[1]}}}),
		"set parameters": paid(ledger.SetParameters{{Index: 1, Value: 5_000_000}, {Index: 8, Value: 2}}),
		"set authority":  paid(ledger.SetAuthority{Threshold: 1, Keys: names}),
		"schedule":       paid(ledger.Schedule{Executor: ledger.ID{9}, Engine: 2, NotBefore: 100, NotAfter: 200}),
		"cancel":         paid(ledger.Cancel{Executor: ledger.ID{9}}),
	}
}

func signGovernance(t *testing.T, body ledger.Body) []byte {
	t.Helper()
	var authority []ed25519.PrivateKey
	if ledger.NeedsAuthority(body.Operation) {
		authority = []ed25519.PrivateKey{key("zoe"), key("alice"), key("bob"), key("alice")}
	}
	tx, err := ledger.SignAuthority(key("alice"), body, authority...)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestGovernanceDecodesToItself(t *testing.T) {
	for name, body := range governance() {
		t.Run(name, func(t *testing.T) {
			tx := signGovernance(t, body)
			got, err := ledger.Decode(tx)
			if err != nil {
				t.Fatal(err)
			}
			body.Payer = public("alice")
			if diff := cmp.Diff(body, got.Body, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("body (-signed +decoded):\n%s", diff)
			}
			if !bytes.Equal(got.Encode(), tx) {
				t.Error("encoding again gives other bytes")
			}
			want := 0
			if ledger.NeedsAuthority(body.Operation) {
				want = 3
			}
			if len(got.Authority) != want {
				t.Fatalf("%d signatures of the authority, want %d", len(got.Authority), want)
			}
			for _, s := range got.Authority {
				if !ed25519.Verify(s.Key[:], body.Encode(), s.Signature[:]) {
					t.Errorf("the signature of %s does not verify", s.Key)
				}
			}
			for cut := range len(tx) {
				if _, err := ledger.Decode(tx[:cut]); !errors.Is(err, ledger.ErrMalformed) {
					t.Fatalf("cut to %d bytes: %v, want ErrMalformed", cut, err)
				}
			}
			if _, err := ledger.Decode(append(bytes.Clone(tx), 0)); !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("a byte more: %v, want ErrMalformed", err)
			}
			if ledger.OperationName(body.Operation) == "no operation" {
				t.Error("it has no name")
			}
		})
	}
}

func TestSignRefusesBadGovernance(t *testing.T) {
	v, w := ledger.ID{1}, ledger.ID{2}
	good := ledger.Join{Identity: v, ConsensusKey: make([]byte, 32), Moniker: "m"}
	many := ledger.Weigh{Weights: make([]ledger.Weight, ledger.MaxValidators+1)}
	for want, body := range map[string]ledger.Body{
		"moniker":                   {Operation: ledger.Join{ConsensusKey: make([]byte, 32)}},
		"want printable ASCII":      {Operation: ledger.Join{ConsensusKey: make([]byte, 32), Moniker: "ä"}},
		"consensus key of 31 bytes": {Operation: ledger.Join{ConsensusKey: make([]byte, 31), Moniker: "m"}},
		"with a possession of 1":    {Operation: ledger.Rotate{ConsensusKey: make([]byte, 32), Possession: []byte{1}}, ValidUntil: 1},
		"last height":               {Operation: ledger.Rotate{ConsensusKey: make([]byte, 32)}},
		"flags 2":                   {Operation: ledger.Leave{Flags: 2}},
		"ends already":              {Operation: ledger.Maintain{ExpectedEnd: 4, End: 4}},
		"always fee-free":           {Operation: ledger.Ready{}},
		"cannot be fee-free":        {Operation: good, Nonce: ledger.FeeFree},
		"want 0":                    {Operation: ledger.Leave{}, Nonce: ledger.FeeFree, GasPrice: 1},
		"0 validators":              {Operation: ledger.Weigh{}},
		"257 validators":            {Operation: many},
		"stands twice":              {Operation: ledger.Weigh{Weights: []ledger.Weight{{Validator: v}, {Validator: v}}}},
		"do not ascend":             {Operation: ledger.Weigh{Weights: []ledger.Weight{{Validator: w}, {Validator: v}}}},
		"0 parameters":              {Operation: ledger.SetParameters{}},
		"is none":                   {Operation: ledger.SetParameters{{Index: 200}}},
		"threshold of 2":            {Operation: ledger.SetAuthority{Threshold: 2, Keys: []ledger.ID{v}}},
		"authority of 0 keys":       {Operation: ledger.SetAuthority{Threshold: 1}},
		"ends before":               {Operation: ledger.Schedule{NotBefore: 2, NotAfter: 1}},
		"no operation":              {},
	} {
		if _, err := ledger.SignAuthority(key("alice"), body, key("alice")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
	if _, err := ledger.Sign(key("alice"), ledger.Body{Operation: ledger.Cancel{}}); err == nil {
		t.Error("an operation of the authority was signed by the payer alone")
	}
	if _, err := ledger.SignAuthority(key("alice"), ledger.Body{Operation: good}, key("bob")); err == nil {
		t.Error("a join was signed by the authority")
	}
}

func TestConsents(t *testing.T) {
	genesis, owner, consensus := [32]byte{1}, [32]byte(public("owner")), make([]byte, 32)
	join := ledger.Join{Identity: public("node"), ConsensusKey: consensus, Moniker: "m"}
	join.Consent = [64]byte(ed25519.Sign(key("node"), ledger.JoinStatement(genesis, owner, consensus)))
	if err := join.CheckConsent(genesis, owner); err != nil {
		t.Error(err)
	}
	if err := join.CheckConsent(genesis, [32]byte(public("thief"))); err == nil {
		t.Error("a consent holds for another owner")
	}
	rotate := ledger.Rotate{Validator: ledger.ID{1}, Expected: ledger.ID{2}, Identity: public("node"), ConsensusKey: consensus}
	terms := ledger.RotateTerms{Genesis: genesis, Validator: rotate.Validator, Expected: rotate.Expected, ConsensusKey: consensus, ValidUntil: 9}
	rotate.Consent = [64]byte(ed25519.Sign(key("node"), terms.Statement()))
	if err := rotate.CheckConsent(genesis, 9); err != nil {
		t.Error(err)
	}
	if err := rotate.CheckConsent(genesis, 10); err == nil {
		t.Error("a consent holds for a later height")
	}
}

func TestDraftsGoFromHandToHand(t *testing.T) {
	body := governance()["weigh"]
	body.Payer = public("alice")
	first, err := ledger.NewDraft(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.SignAsPayer(key("bob")); err == nil {
		t.Error("signed as payer by another key")
	}
	handed := func(d *ledger.Draft) *ledger.Draft {
		t.Helper()
		raw, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ledger.ParseDraft(raw)
		if err != nil {
			t.Fatal(err)
		}
		return back
	}
	bob, zoe := handed(first), handed(first)
	for d, names := range map[*ledger.Draft][]string{first: {}, bob: {"bob"}, zoe: {"zoe", "zoe"}} {
		for _, name := range names {
			if err := d.Sign(key(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := handed(bob).Transaction(); err == nil || !strings.Contains(err.Error(), "payer") {
		t.Errorf("without the payer: %v", err)
	}
	if err := first.SignAsPayer(key("alice")); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Transaction(); err == nil || !strings.Contains(err.Error(), "authority") {
		t.Errorf("without the authority: %v", err)
	}
	for _, d := range []*ledger.Draft{zoe, bob, zoe} {
		if err := first.Combine(handed(d)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := handed(first).Transaction()
	if err != nil {
		t.Fatal(err)
	}
	want, err := ledger.SignAuthority(key("alice"), body, key("bob"), key("zoe"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("combined is not the transaction that all signed at once: %v", err)
	}
	other := governance()["cancel"]
	other.Payer = body.Payer
	foreign, err := ledger.NewDraft(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Combine(foreign); err == nil {
		t.Error("two transactions were combined")
	}
	raw, err := first.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{`"signature": "`, `"payer_signature": "`, `"body": "`} {
		at := bytes.Index(raw, []byte(s)) + len(s) + 150
		changed := bytes.Clone(raw)
		changed[min(at, bytes.IndexByte(raw[at-150:], '\n')+at-150-4)] ^= 1
		if _, err := ledger.ParseDraft(changed); err == nil {
			t.Errorf("%s changed: accepted", s)
		}
	}
	if _, err := ledger.ParseDraft(want); !errors.Is(err, ledger.ErrNoDraft) {
		t.Errorf("a signed transaction: %v, want ErrNoDraft", err)
	}
}

func TestGovernanceRows(t *testing.T) {
	id := func(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }
	u64 := func(b byte) []byte { return append([]byte{b}, make([]byte, 7)...) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	u32 := func(b byte) []byte { return []byte{b, 0, 0, 0} }
	validator := join([]byte{4, 1}, id(1), id(2), id(3), u64(10), u64(7), u64(8), u64(9), u64(11), u32(32), id(5), u32(0), u32(1), []byte("m"))
	epoch := join(u64(1), u64(2), id(3), u32(4), u64(5), u64(6), u32(1), id(7), id(8), u32(32), id(9), u64(10))
	for name, tc := range map[string]struct {
		row  []byte
		want any
		read func([]byte) (any, error)
	}{
		"validator": {validator, ledger.Validator{Status: ledger.StatusJailed, Ready: true, Identity: ledger.ID(id(1)), Owner: ledger.Address(id(2)),
			Delegate: ledger.ID(id(3)), Power: 10, LeaseEnd: 7, Since: 8, Rotated: 9, JailedEpoch: 11, ConsensusKey: id(5), Possession: []byte{}, Moniker: "m"},
			func(b []byte) (any, error) { return ledger.DecodeValidator(b) }},
		"validators": {join(u32(2), id(1), id(2)), []ledger.ID{ledger.ID(id(1)), ledger.ID(id(2))}, func(b []byte) (any, error) { return ledger.DecodeValidators(b) }},
		"authority": {join([]byte{1, 0, 1, 0}, id(4)), ledger.Authority{Threshold: 1, Keys: []ledger.ID{ledger.ID(id(4))}},
			func(b []byte) (any, error) { return ledger.DecodeAuthority(b) }},
		"epochs": {join(u64(3), u64(1)), ledger.Epochs{Number: 3, Oldest: 1}, func(b []byte) (any, error) { return ledger.DecodeEpochs(b) }},
		"epoch": {epoch, ledger.Epoch{FirstHeight: 1, BeforeMs: 2, Executor: ledger.ID(id(3)), Engine: 4, MaxBytes: 5, MaxGas: 6,
			Members: []ledger.Member{{Validator: ledger.ID(id(7)), Identity: ledger.ID(id(8)), ConsensusKey: id(9), Power: 10}}},
			func(b []byte) (any, error) { return ledger.DecodeEpoch(b) }},
		"holder": {id(1), ledger.ID(id(1)), func(b []byte) (any, error) { return ledger.DecodeHolder(b) }},
		"upgrade": {join(id(1), u32(1), u64(2), u64(3), u64(4), u32(1), id(5)),
			ledger.Upgrade{Executor: ledger.ID(id(1)), Engine: 1, NotBefore: 2, NotAfter: 3, At: 4, Ready: []ledger.ID{ledger.ID(id(5))}},
			func(b []byte) (any, error) { return ledger.DecodeUpgrade(b) }},
		"readiness": {join(id(1), u32(1)), ledger.Readiness{Executor: ledger.ID(id(1)), Engine: 1}, func(b []byte) (any, error) { return ledger.DecodeReadiness(b) }},
		"jailing": {join(id(1), u64(2), []byte{3}, u64(4)), ledger.Jailing{Validator: ledger.ID(id(1)), Epoch: 2, Kind: 3, Height: 4},
			func(b []byte) (any, error) { return ledger.DecodeJailing(b) }},
	} {
		got, err := tc.read(tc.row)
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		for cut := range len(tc.row) {
			if _, err := tc.read(tc.row[:cut]); err == nil {
				t.Errorf("%s cut to %d bytes: accepted", name, cut)
			}
		}
		if _, err := tc.read(append(bytes.Clone(tc.row), 0)); err == nil {
			t.Errorf("%s with a byte more: accepted", name)
		}
	}
}
