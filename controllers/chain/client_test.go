package chain_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

var ctx = context.Background()

func u64(n ...uint64) (b []byte) {
	for _, v := range n {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func variable(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// row is a validator's row as the ledger writes it.
func row(status byte, identity, key []byte, moniker string) []byte {
	b := append([]byte{status, 1}, identity...)
	b = append(append(b, make([]byte, 32)...), make([]byte, 32)...)
	b = append(b, u64(10, 0, 0, 0, 0)...)
	return append(append(append(b, variable(key)...), variable(nil)...), variable([]byte(moniker))...)
}

// keyOf names rows by path, as the ledger's queries do.
func keyOf(path string, data []byte) []byte {
	kind, rest, _ := strings.Cut(path, "/")
	raw, err := hex.DecodeString(rest)
	switch {
	case kind == "validators":
		return ledger.ValidatorsKey()
	case kind == "validator" && err == nil && len(raw) == 32:
		return ledger.ValidatorKey(ledger.ID(raw))
	case kind == "epoch":
		return ledger.EpochKey(1)
	case kind == "key_holder":
		return ledger.HolderKey(data)
	case kind == "authority":
		return ledger.AuthorityKey()
	case kind == "params":
		return ledger.ParametersKey()
	case kind == "account":
		a, err := ledger.ParseAddress(rest)
		if err == nil {
			return ledger.AccountKey(a)
		}
	}
	return nil
}

var (
	candidate = ledger.ValidatorName([32]byte{9})
	rich      = ledger.Address{7}
)

// chainWith is a chain of certificates and proofs whose state has the rows of a
// ledger: its validators, and one candidate.
func chainWith(t *testing.T, keys func(string, []byte) []byte) *rpctest.Chain {
	t.Helper()
	plain := rpctest.New(rpctest.Options{}).Document().Epoch() // the same keys each time
	state := map[string][]byte{}
	names := []ledger.ID{}
	for _, v := range plain.Validators {
		name := ledger.ValidatorName(v.NetworkKey)
		names = append(names, name)
		state[string(ledger.ValidatorKey(name))] = row(2, v.NetworkKey[:], v.ConsensusKey, "row "+name.String()[:4])
		state[string(ledger.HolderKey(v.NetworkKey[:]))] = name[:]
	}
	state[string(ledger.ValidatorKey(candidate))] = row(1, append([]byte{9}, make([]byte, 31)...), make([]byte, 32), "fifth")
	list := binary.LittleEndian.AppendUint32(nil, uint32(len(names)+1))
	for _, name := range append(names, candidate) {
		list = append(list, name[:]...)
	}
	state[string(ledger.ValidatorsKey())] = list
	state[string(ledger.AuthorityKey())] = append([]byte{1, 0, 1, 0}, make([]byte, 32)...)
	state[string(ledger.AccountKey(rich))] = u64(3, 500, 0)
	state[string(ledger.ParametersKey())] = make([]byte, 8*len(ledger.ParameterNames))
	return rpctest.New(rpctest.Options{State: state, KeyOf: keys})
}

func nodes(t *testing.T, c *rpctest.Chain, backend rpc.Backend) (*chain.Nodes, chain.Endpoint) {
	t.Helper()
	trust, err := chain.TrustOf(c.Document().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	n, err := chain.New(chain.Options{Trust: trust})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := rpctest.Serve(t, backend, rpc.Options{})
	return n, chain.Endpoint(url)
}

func TestVerifiedReads(t *testing.T) {
	c := chainWith(t, keyOf)
	c.Commit()
	n, at := nodes(t, c, c)
	s, err := n.Set(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Ledger || s.Epoch != 1 || s.Height != 1 || s.TotalPower != 40 || len(s.Members) != 4 || len(s.Outside) != 1 {
		t.Fatalf("set: %+v", s)
	}
	m := s.Members[2]
	if m.Index != 2 || m.Name != ledger.ValidatorName(m.Identity) || !strings.HasPrefix(m.Moniker, "row ") || m.Seen.VoteHeight != 1 || !m.Seen.Connected || m.Power != 10 {
		t.Errorf("a member: %+v", m)
	}
	if s.Find(candidate) == nil || s.Find(candidate).Index != -1 || s.ByIdentity(m.Identity).Index != 2 || len(s.All()) != 5 {
		t.Errorf("the candidate: %+v", s.Outside)
	}
	if one, err := n.Validator(ctx, at, candidate); err != nil || one.Row.Status != ledger.StatusCandidate || one.Moniker != "fifth" {
		t.Errorf("validator: %+v, %v", one, err)
	}
	if _, err := n.Validator(ctx, at, ledger.ID{1}); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("no validator: %v", err)
	}
	if name, err := n.Holder(ctx, at, m.Identity[:]); err != nil || name != m.Name {
		t.Errorf("holder: %v, %v", name, err)
	}
	if a, err := n.Authority(ctx, at); err != nil || a.Threshold != 1 || len(a.Keys) != 1 {
		t.Errorf("authority: %+v, %v", a, err)
	}
	if a, err := n.Account(ctx, at, rich); err != nil || a.Nonce != 3 || a.Balance.Lo != 500 {
		t.Errorf("account: %+v, %v", a, err)
	}
	if a, err := n.Account(ctx, at, ledger.Address{8}); err != nil || a.Nonce != 0 {
		t.Errorf("no account: %+v, %v", a, err)
	}
	if p, err := n.Parameters(ctx, at); err != nil || len(p) != len(ledger.ParameterNames) {
		t.Errorf("parameters: %v, %v", p, err)
	}
}

// liar answers with a row that the state does not have.
type liar struct{ *rpctest.Chain }

func (l liar) Query(ctx context.Context, q rpc.Query) (*rpc.QueryResult, error) {
	r, err := l.Chain.Query(ctx, q)
	if err == nil {
		r.Value = append([]byte(nil), r.Value...)
		r.Value[len(r.Value)-1] ^= 1
	}
	return r, err
}

// What a node makes up is no answer, and neither is another chain's, or silence.
func TestUnverified(t *testing.T) {
	c := chainWith(t, keyOf)
	c.Commit()
	n, lies := nodes(t, c, liar{c})
	if _, err := n.Set(ctx, lies); !errors.Is(err, client.ErrUnverified) {
		t.Errorf("a set that is made up: %v", err)
	}
	if _, err := n.Validator(ctx, lies, candidate); !errors.Is(err, client.ErrUnverified) {
		t.Errorf("a validator that is made up: %v", err)
	}
	other := rpctest.New(rpctest.Options{Validators: 5})
	_, at := nodes(t, other, other)
	if _, err := n.Status(ctx, at); !errors.Is(err, chain.ErrWrongChain) {
		t.Errorf("another chain: %v", err)
	}
	if _, err := n.Status(ctx, "http://127.0.0.1:1"); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := n.Status(ctx, "not an address"); err == nil || errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("no address: %v", err)
	}
	bare := chainWith(t, nil) // another executor
	bare.Commit()
	n, at = nodes(t, bare, bare)
	if s, err := n.Set(ctx, at); err != nil || s.Ledger || len(s.Members) != 4 || s.TotalPower != 40 {
		t.Errorf("without a ledger: %+v, %v", s, err)
	}
	if _, err := n.Authority(ctx, at); !errors.Is(err, chain.ErrNoLedger) {
		t.Errorf("authority without a ledger: %v", err)
	}
}

func TestSubmit(t *testing.T) {
	c := chainWith(t, keyOf)
	c.Commit()
	n, at := nodes(t, c, c)
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	tx, err := chain.Maintain(key, c.Document().Hash(), ledger.Maintain{Validator: candidate, End: 5}, 0)
	if err != nil {
		t.Fatal(err)
	}
	v, err := n.Submit(ctx, at, tx)
	if err != nil || !v.Admitted || v.Duplicate || v.Hash != types.TxHash(tx) {
		t.Errorf("submit: %+v, %v", v, err)
	}
	if v, err = n.Submit(ctx, at, tx); err != nil || !v.Duplicate {
		t.Errorf("again: %+v, %v", v, err)
	}
	if e, err := n.Transaction(ctx, at, v.Hash); err != nil || !e.Pending || e.Final {
		t.Errorf("pending: %+v, %v", e, err)
	}
	h := c.Commit()
	if e, err := n.Transaction(ctx, at, v.Hash); err != nil || !e.Final || e.Height != h || e.Code != 0 {
		t.Errorf("final: %+v, %v", e, err)
	}
	if _, err := n.Transaction(ctx, at, types.Hash{1}); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	refusing := rpctest.New(rpctest.Options{Refuse: func([]byte) *nodev1.SubmitResult {
		return &nodev1.SubmitResult{Reason: "check_failed", Code: 45, Text: "another identity"}
	}})
	m, to := nodes(t, refusing, refusing)
	if v, err := m.Submit(ctx, to, tx); err != nil || v.Admitted || v.Code != 45 || v.Reason != "check_failed" {
		t.Errorf("refused: %+v, %v", v, err)
	}
}

// Builders make what the ledger decodes, and refuse consents of something else.
func TestBuild(t *testing.T) {
	key, identity := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed([]byte(strings.Repeat("i", 32)))
	genesis := types.SumHash([]byte("g"))
	consensus := make([]byte, 32)
	terms := ledger.RotateTerms{Genesis: genesis, Validator: candidate, Expected: ledger.ID{1}, ConsensusKey: consensus, ValidUntil: 9}
	consent := chain.Consent{Identity: ledger.ID(identity.Public().(ed25519.PublicKey)), ConsensusKey: consensus, Signature: [64]byte(ed25519.Sign(identity, terms.Statement()))}
	op := consent.Rotate(candidate, ledger.ID{1})
	tx, err := chain.Rotate(key, genesis, op, 9)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledger.Decode(tx)
	if err != nil || got.Body.Nonce != ledger.FeeFree || got.Body.ValidUntil != 9 {
		t.Errorf("rotate: %+v, %v", got, err)
	}
	if _, err := chain.Rotate(key, genesis, op, 10); err == nil {
		t.Error("a rotation past the height that was consented to")
	}
	weigh := ledger.Weigh{Weights: []ledger.Weight{{Validator: candidate, Power: 3}}}
	d, err := chain.Weigh(key.Public().(ed25519.PublicKey), genesis, weigh, chain.Fee{Nonce: 4, GasPrice: 2})
	if err != nil || d.SignAsPayer(key) != nil || d.Sign(identity) != nil {
		t.Fatal(err)
	}
	one, err := d.Transaction()
	both, err2 := chain.WeighWith(key, genesis, weigh, chain.Fee{Nonce: 4, GasPrice: 2}, identity)
	if err != nil || err2 != nil || string(one) != string(both) {
		t.Errorf("weigh: %v, %v, the same bytes: %t", err, err2, string(one) == string(both))
	}
}

// A node that hangs is given up.
func TestTimeout(t *testing.T) {
	c := chainWith(t, keyOf)
	trust, err := chain.TrustOf(c.Document().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	n, err := chain.New(chain.Options{Trust: trust, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := rpctest.Serve(t, hanging{c}, rpc.Options{})
	if _, err := n.Status(ctx, chain.Endpoint(url)); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("a node that hangs: %v", err)
	}
}

type hanging struct{ *rpctest.Chain }

func (h hanging) Status(ctx context.Context) (*nodev1.GetStatusResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
