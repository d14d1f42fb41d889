package proof_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/client/proof"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

var update = flag.Bool("update", false, "write the golden proofs")

// proofs are of every kind of claim, over three epochs and certificates that are
// four heights apart.
func proofs(t testing.TB, scheme types.SchemeID) (*rpctest.Chain, map[string]*nodev1.Proof) {
	t.Helper()
	ctx := context.Background()
	chain := rpctest.New(rpctest.Options{CertificateEvery: 4, Scheme: scheme})
	_, client := rpctest.Serve(t, chain, rpc.Options{})
	tx := []byte("anchored")
	for i := range 5 {
		chain.Add(fmt.Appendf(nil, "filler %d", i))
	}
	chain.Add(tx)
	chain.Commit()
	for range 2 {
		for range 3 {
			chain.Commit()
		}
		chain.CommitAndEndEpoch()
	}
	chain.Add([]byte("newest"))
	chain.Commit()

	out := map[string]*nodev1.Proof{}
	hash := types.TxHash(tx)
	got, err := client.GetTransaction(ctx, connect.NewRequest(&nodev1.GetTransactionRequest{TxHash: hash[:], Prove: true}))
	if err != nil {
		t.Fatal(err)
	}
	out["transaction"] = got.Msg.Proof
	for name, q := range map[string]*nodev1.QueryRequest{
		"state":  {Path: "key", Data: append([]byte("tx/"), hash[:]...), Prove: true},
		"old":    {Path: "key", Data: append([]byte("tx/"), hash[:]...), Prove: true, Height: 2},
		"absent": {Path: "key", Data: []byte("nothing here"), Prove: true},
	} {
		res, err := client.Query(ctx, connect.NewRequest(q))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = res.Msg.Proof
	}
	block, err := client.GetBlock(ctx, connect.NewRequest(&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_Height{Height: 3}, Prove: true}))
	if err != nil {
		t.Fatal(err)
	}
	out["block"] = block.Msg.Proof
	return chain, out
}

func verify(chain *rpctest.Chain, p *nodev1.Proof) (*proof.Result, error) {
	return proof.Verify(p, chain.Document().Hash(), chain.Document().Epoch())
}

func TestProofsHold(t *testing.T) {
	for _, scheme := range []types.SchemeID{types.SchemeEd25519, types.SchemeBLS12381} {
		chain, all := proofs(t, scheme)
		results := map[string]*proof.Result{}
		for name, p := range all {
			file, err := proof.Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			read, err := proof.Decode(file)
			if err != nil {
				t.Fatalf("%s: Decode: %v", name, err)
			}
			if results[name], err = verify(chain, read); err != nil {
				t.Fatalf("%s: Verify: %v", name, err)
			}
		}
		tx := results["transaction"]
		if tx.Transaction == nil || string(tx.Transaction.Bytes) != "anchored" || tx.Transaction.Receipt.Code != 0 || tx.Height != 1 || tx.Certified != 4 {
			t.Errorf("transaction: %+v", tx)
		}
		if s := results["state"]; s.State == nil || string(s.State.Value) != "anchored" || s.Height != 10 || s.Certified != 10 || s.CertificateEpoch != 3 {
			t.Errorf("state: %+v", s)
		}
		if s := results["old"]; s.State == nil || s.Height != 2 || s.CertificateEpoch != 1 {
			t.Errorf("state at an older height: %+v", s)
		}
		if s := results["absent"]; s.State == nil || !s.State.Absent || s.State.Value != nil {
			t.Errorf("absence: %+v", s)
		}
		if b := results["block"]; b.Block == nil || b.Block.Height != 3 || b.Outcome.Height != 3 {
			t.Errorf("block: %+v", b)
		}
	}
}

// Any one byte of a file changed, and any one byte cut or added at its end, is
// refused; so is any one byte of the message under a digest made anew.
func TestChangedProofsAreRefused(t *testing.T) {
	chain, all := proofs(t, types.SchemeEd25519)
	for name, p := range all {
		file, err := proof.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(file)
		for i := range changed {
			changed[i] ^= 1 << (i % 8)
			if _, err := proof.Decode(changed); !errors.Is(err, proof.ErrForm) {
				t.Fatalf("%s: byte %d of %d changed: %v", name, i, len(file), err)
			}
			changed[i] = file[i]
		}
		for _, f := range [][]byte{file[:len(file)-1], append(bytes.Clone(file), 0), nil, file[:20]} {
			if _, err := proof.Decode(f); !errors.Is(err, proof.ErrForm) {
				t.Errorf("%s: %d bytes of %d: %v", name, len(f), len(file), err)
			}
		}
		checkEveryByteBound(t, chain, name, p)
	}
}

// checkEveryByteBound changes the message under the digest: what still decodes
// must not verify, unless it says something else that is true (an absence proof
// shows that other keys are absent too).
func checkEveryByteBound(t *testing.T, chain *rpctest.Chain, name string, p *nodev1.Proof) {
	t.Helper()
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	key := bytes.Index(body, p.GetState().GetKey())
	for i := range body {
		if p.GetState().GetAbsent() && i >= key && i < key+len(p.GetState().GetKey()) {
			continue
		}
		b := bytes.Clone(body)
		b[i] ^= 1 << (i % 8)
		q := &nodev1.Proof{}
		if proto.Unmarshal(b, q) != nil {
			continue
		}
		file, err := proof.Encode(q)
		if err != nil || !bytes.HasSuffix(file, b) {
			continue // refused as another form
		}
		if r, err := verify(chain, q); err == nil {
			t.Errorf("%s: byte %d of %d changed and the proof still holds: %+v", name, i, len(body), r)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	chain, all := proofs(t, types.SchemeEd25519)
	other := rpctest.New(rpctest.Options{Validators: 5})
	change := func(name string, f func(*nodev1.Proof)) *nodev1.Proof {
		p := proto.Clone(all[name]).(*nodev1.Proof)
		f(p)
		return p
	}
	for _, tc := range []struct {
		name, want string
		p          *nodev1.Proof
	}{
		{"no claim", "claims nothing", change("state", func(p *nodev1.Proof) { p.Claim = nil })},
		{"no certificate", "certificate is missing", change("state", func(p *nodev1.Proof) { p.Certificate = nil })},
		{"an epoch left out", "lead to a certificate", change("state", func(p *nodev1.Proof) { p.Epochs = p.Epochs[1:] })},
		{"an epoch twice", "follows epoch", change("state", func(p *nodev1.Proof) { p.Epochs[1] = p.Epochs[0] })},
		{"an epoch of others", "another epoch", change("state", func(p *nodev1.Proof) { p.Epochs[0].Epoch.Validators[0].Power++ })},
		{"too few votes", "power", change("state", func(p *nodev1.Proof) {
			p.Certificate.Commits.Signers[0], p.Certificate.Commits.Signature = 3, p.Certificate.Commits.Signature[:128]
		})},
		{"an outcome left out", "not the parent", change("old", func(p *nodev1.Proof) { p.Outcomes = p.Outcomes[1:] })},
		{"another value", "another root", change("state", func(p *nodev1.Proof) { p.GetState().Value = []byte("other") })},
		{"absent with a value", "absent key with a value", change("absent", func(p *nodev1.Proof) { p.GetState().Value = []byte("x") })},
		{"present called absent", "none of absence", change("state", func(p *nodev1.Proof) { p.GetState().Absent, p.GetState().Value = true, nil })},
		{"no key", "state key", change("state", func(p *nodev1.Proof) { p.GetState().Key = nil })},
		{"another transaction", "not in its block", change("transaction", func(p *nodev1.Proof) { p.GetTransaction().Transaction = []byte("x") })},
		{"another receipt", "not among those", change("transaction", func(p *nodev1.Proof) { p.GetTransaction().Receipt.Code = 1 })},
		{"a header of another block", "not that of final block", change("block", func(p *nodev1.Proof) { p.GetBlock().Header.View++ })},
		{"no header", "header is missing", change("block", func(p *nodev1.Proof) { p.GetBlock().Header = nil })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := verify(chain, tc.p)
			if !errors.Is(err, proof.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
	if _, err := verify(other, all["state"]); err == nil || !strings.Contains(err.Error(), "genesis hash") {
		t.Errorf("another chain's genesis: %v", err)
	}
}

// Golden files hold the form still.
func TestGoldenProofs(t *testing.T) {
	chain, all := proofs(t, types.SchemeEd25519)
	document := filepath.Join("testdata", "genesis.json")
	if *update {
		if err := os.WriteFile(document, chain.Document().Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if raw, err := os.ReadFile(document); err != nil || !bytes.Equal(raw, chain.Document().Bytes()) {
		t.Errorf("the golden genesis is not this chain's: %v", err)
	}
	for _, name := range []string{"transaction", "state", "absent", "block"} {
		path := filepath.Join("testdata", name+".proof")
		file, err := proof.Encode(all[name])
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, file, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := proof.Decode(golden)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := verify(chain, p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(golden, file) {
			t.Errorf("%s: the form changed: old proofs would be refused (-update if that is meant)", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"transaction", "state", "absent", "block"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".proof"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[40:])
	}
	chain := rpctest.New(rpctest.Options{Validators: 5}) // another chain
	f.Fuzz(func(t *testing.T, body []byte) {
		p := &nodev1.Proof{}
		if proto.Unmarshal(body, p) != nil {
			return
		}
		file, err := proof.Encode(p)
		if err != nil {
			return
		}
		if _, err := proof.Decode(file); err != nil {
			t.Fatalf("what Encode wrote is refused: %v", err)
		}
		if r, err := verify(chain, p); err == nil {
			t.Fatalf("another chain's genesis proved %+v", r)
		}
	})
}
