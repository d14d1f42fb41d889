package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/proof"
	"github.com/bedrock-bft/bedrock/executor/receipts"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

var ctx = context.Background()

func trust(chain *rpctest.Chain) client.Trust {
	return client.Trust{Genesis: chain.Document().Hash(), Epoch: chain.Document().Epoch()}
}

func connectTo(t *testing.T, backend rpc.Backend, tr client.Trust) *client.Client {
	t.Helper()
	url, _ := rpctest.Serve(t, backend, rpc.Options{})
	c, err := client.New(url, client.Options{Trust: tr})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// grown has three epochs and transactions in two of them.
func grown(t *testing.T) *rpctest.Chain {
	t.Helper()
	chain := rpctest.New(rpctest.Options{CertificateEvery: 4})
	chain.Add([]byte("first"), []byte("fail: second"))
	chain.Commit()
	chain.CommitAndEndEpoch()
	chain.Commit()
	chain.CommitAndEndEpoch()
	chain.Add([]byte("third"))
	chain.Commit()
	return chain
}

func TestVerifiedReads(t *testing.T) {
	chain := grown(t)
	c := connectTo(t, chain, trust(chain))
	if s, err := c.Status(ctx); err != nil || s.FinalHeight != 5 {
		t.Errorf("status: %v, %v", s, err)
	}
	hash := types.TxHash([]byte("first"))
	key := append([]byte("tx/"), hash[:]...)
	s, err := c.Query(ctx, "key", key, 0, key)
	if err != nil || string(s.Value) != "first" || s.Height != 5 || c.Chain().Newest() != 3 {
		t.Errorf("query: %+v, %v", s, err)
	}
	if s, err := c.Query(ctx, "key", []byte("absent"), 1, nil); err != nil || !s.Absent || s.Height != 1 {
		t.Errorf("absence: %+v, %v", s, err)
	}
	var refused *client.ExecutorError
	if _, err := c.Query(ctx, "nowhere", nil, 0, nil); !errors.As(err, &refused) {
		t.Errorf("refused query: %v", err)
	}
	tx, _, err := c.Transaction(ctx, hash)
	if err != nil || tx.Height != 1 || string(tx.Bytes) != "first" || len(tx.Receipt.Events) != 1 {
		t.Errorf("transaction: %+v, %v", tx, err)
	}
	failed, _, err := c.Transaction(ctx, types.TxHash([]byte("fail: second")))
	if err != nil || failed.Receipt.Code != 1 {
		t.Errorf("failed transaction: %+v, %v", failed, err)
	}
	if _, pending, err := c.Transaction(ctx, types.TxHash([]byte("?"))); !errors.Is(err, client.ErrNotFound) || pending {
		t.Errorf("unknown transaction: %v", err)
	}
	chain.Add([]byte("waiting"))
	if _, pending, err := c.Transaction(ctx, types.TxHash([]byte("waiting"))); !errors.Is(err, client.ErrNotFound) || !pending {
		t.Errorf("waiting transaction: %v", err)
	}
	b, err := c.Block(ctx, 1)
	if err != nil || len(b.Block.Payload) != 2 || b.Outcome.Height != 1 {
		t.Errorf("block: %+v, %v", b, err)
	}
	if again, err := c.BlockByID(ctx, b.ID); err != nil || again.ID != b.ID {
		t.Errorf("block by id: %v", err)
	}
	if o, cc, err := c.Commit(ctx, 3); err != nil || o.Height != 3 || cc.Epoch != 2 {
		t.Errorf("commit: %+v, %v", o, err)
	}
	list, err := c.Receipts(ctx, 1)
	if err != nil || len(list) != 2 || list[0].Events[0].Type != "put" {
		t.Errorf("receipts: %+v, %v", list, err)
	}
}

// Many rows of one height are verified each, and must be those that were asked for.
func TestQueryMany(t *testing.T) {
	chain := rpctest.New(rpctest.Options{CertificateEvery: 4, KeyOf: func(path string, _ []byte) []byte {
		if path == "nowhere" {
			return nil
		}
		return []byte(path)
	}})
	chain.Add([]byte("first"))
	chain.Commit()
	chain.CommitAndEndEpoch()
	chain.Commit()
	c := connectTo(t, chain, trust(chain))
	key := func(s string) []byte { return []byte(s) }
	many, err := c.QueryMany(ctx, []string{"genesis", "absent"}, [][]byte{key("genesis"), key("absent")}, 0)
	if err != nil || many[0].Absent || len(many[0].Value) == 0 || !many[1].Absent || many[1].Height != 3 {
		t.Errorf("two rows: %+v, %v", many, err)
	}
	if _, err := proof.VerifyFrom(c.Chain(), many[1].Message); err != nil {
		t.Errorf("the proof of one of them: %v", err)
	}
	if many, err := c.QueryMany(ctx, []string{"absent"}, [][]byte{key("absent")}, 1); err != nil || many[0].Height != 1 {
		t.Errorf("an old height: %+v, %v", many, err)
	}
	if _, err := c.QueryMany(ctx, []string{"genesis"}, [][]byte{key("absent")}, 0); !errors.Is(err, client.ErrUnverified) {
		t.Errorf("another row than was asked for: %v, want ErrUnverified", err)
	}
	var refused *client.ExecutorError
	if _, err := c.QueryMany(ctx, []string{"nowhere"}, [][]byte{nil}, 0); !errors.As(err, &refused) {
		t.Errorf("a path that is none: %v", err)
	}
	if _, err := c.QueryMany(ctx, make([]string, 301), make([][]byte, 301), 0); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("301 paths: %v", err)
	}
}

func TestSubmit(t *testing.T) {
	chain := rpctest.New(rpctest.Options{Refuse: func(tx []byte) *nodev1.SubmitResult {
		if string(tx) == "bad" {
			return &nodev1.SubmitResult{Reason: "pool_full", Text: "no room", LowestPrice: 7}
		}
		return nil
	}})
	c := connectTo(t, chain, trust(chain))
	go func() {
		if chain.WaitPending(ctx, 1) == nil {
			chain.Commit()
		}
	}()
	tx, err := c.SubmitFinal(ctx, []byte("one"), time.Minute)
	if err != nil || tx.Height != 1 || tx.Receipt.Code != 0 {
		t.Errorf("final: %+v, %v", tx, err)
	}
	if hash, err := c.Submit(ctx, []byte("two")); err != nil || hash != types.TxHash([]byte("two")) {
		t.Errorf("accepted: %v", err)
	}
	var rejected *client.RejectedError
	if _, err := c.Submit(ctx, []byte("bad")); !errors.As(err, &rejected) || rejected.LowestPrice != 7 || !strings.Contains(err.Error(), "gas price of 7") {
		t.Errorf("refused: %v", err)
	}
	if _, err := c.SubmitFinal(ctx, []byte("bad"), time.Second); !errors.As(err, &rejected) {
		t.Errorf("refused: %v", err)
	}
}

func TestFollow(t *testing.T) {
	chain := grown(t)
	c := connectTo(t, chain, trust(chain))
	enough := errors.New("enough")
	var heights []uint64
	var codes []uint32
	err := c.Follow(ctx, 1, client.FollowOptions{Transactions: true, Receipts: true, Hashes: true}, func(b client.Block) error {
		heights = append(heights, b.Outcome.Height)
		for _, r := range b.Receipts {
			codes = append(codes, r.Code)
		}
		if b.Outcome.Height == 5 {
			chain.Commit()
		}
		if b.Outcome.Height == 6 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !cmp.Equal(heights, []uint64{1, 2, 3, 4, 5, 6}) || !cmp.Equal(codes, []uint32{0, 1, 0}) {
		t.Errorf("heights %v, codes %v: %v", heights, codes, err)
	}
	fctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := c.Follow(fctx, 0, client.FollowOptions{}, func(client.Block) error { return nil }); err == nil {
		t.Error("a stream whose context is over went on")
	}
}

// liar answers as its chain does, but for what a test changes.
type liar struct {
	*rpctest.Chain
	block    func(*types.Block) *types.Block
	outcome  func(types.Outcome) types.Outcome
	receipts func([]receipts.Receipt) []receipts.Receipt
	cc       func(types.CC) types.CC
	query    func(rpc.QueryResult) rpc.QueryResult
	locate   func(types.Hash) (uint64, int, error)
}

func (l *liar) Block(ctx context.Context, h uint64) (*types.Block, error) {
	b, err := l.Chain.Block(ctx, h)
	if err == nil && l.block != nil {
		b = l.block(b)
	}
	return b, err
}

func (l *liar) Outcome(ctx context.Context, h uint64) (*types.Outcome, error) {
	o, err := l.Chain.Outcome(ctx, h)
	if err == nil && l.outcome != nil {
		lie := l.outcome(*o)
		o = &lie
	}
	return o, err
}

func (l *liar) Receipts(ctx context.Context, h uint64) ([]receipts.Receipt, error) {
	r, err := l.Chain.Receipts(ctx, h)
	if err == nil && l.receipts != nil {
		r = l.receipts(append([]receipts.Receipt(nil), r...))
	}
	return r, err
}

func (l *liar) Certificate(ctx context.Context, h uint64) (*types.CC, error) {
	cc, err := l.Chain.Certificate(ctx, h)
	if err == nil && l.cc != nil {
		lie := l.cc(*cc)
		cc = &lie
	}
	return cc, err
}

func (l *liar) Query(ctx context.Context, q rpc.Query) (*rpc.QueryResult, error) {
	r, err := l.Chain.Query(ctx, q)
	if err == nil && l.query != nil {
		lie := l.query(*r)
		r = &lie
	}
	return r, err
}

func (l *liar) Locate(ctx context.Context, tx types.Hash) (uint64, int, error) {
	if l.locate != nil {
		return l.locate(tx)
	}
	return l.Chain.Locate(ctx, tx)
}

func TestLiesAreSeen(t *testing.T) {
	chain := grown(t)
	hash := types.TxHash([]byte("first"))
	key := append([]byte("tx/"), hash[:]...)
	query := func(c *client.Client) error {
		_, err := c.Query(ctx, "key", key, 0, key)
		return err
	}
	transaction := func(c *client.Client) error { _, _, err := c.Transaction(ctx, hash); return err }
	block := func(c *client.Client) error { _, err := c.Block(ctx, 1); return err }
	receiptsOf := func(c *client.Client) error { _, err := c.Receipts(ctx, 1); return err }
	follow := func(c *client.Client) error {
		return c.Follow(ctx, 1, client.FollowOptions{Transactions: true, Receipts: true}, func(b client.Block) error {
			if b.Outcome.Height == 5 {
				return errors.New("believed it all")
			}
			return nil
		})
	}
	otherPayload := func(b *types.Block) *types.Block {
		if len(b.Payload) == 0 {
			return b
		}
		return &types.Block{Header: b.Header, Payload: [][]byte{[]byte("x"), []byte("y")}[:len(b.Payload)]}
	}
	for _, tc := range []struct {
		name string
		liar liar
		do   func(*client.Client) error
	}{
		{"another value", liar{query: func(r rpc.QueryResult) rpc.QueryResult { r.Value = []byte("x"); return r }}, query},
		{"an absence that is none", liar{query: func(r rpc.QueryResult) rpc.QueryResult { r.Value, r.Absent = nil, true; return r }}, query},
		{"another key's row", liar{query: func(rpc.QueryResult) rpc.QueryResult {
			r, err := chain.Query(ctx, rpc.Query{Path: "key", Data: []byte("genesis"), Prove: true})
			if err != nil {
				panic(err)
			}
			return *r
		}}, query},
		{"another state root", liar{cc: func(c types.CC) types.CC { c.Outcome.StateRoot = types.SumHash(nil); return c }}, query},
		{"votes of one validator", liar{cc: func(c types.CC) types.CC {
			c.Commits = types.Aggregate{Signers: []byte{1}, Signature: c.Commits.Signature[:64]}
			return c
		}}, query},
		{"another transaction", liar{locate: func(types.Hash) (uint64, int, error) { return 5, 0, nil }}, transaction},
		{"a success that was none", liar{receipts: func(r []receipts.Receipt) []receipts.Receipt { r[0].Code = 5; return r }}, transaction},
		{"events that were not", liar{receipts: func(r []receipts.Receipt) []receipts.Receipt { r[0].Events = nil; return r }}, transaction},
		{"another payload", liar{block: otherPayload}, block},
		{"another header", liar{block: func(b *types.Block) *types.Block {
			lie := *b
			lie.Header.TimestampMs++
			return &types.Block{Header: lie.Header, Payload: b.Payload}
		}}, block},
		{"receipts left out", liar{receipts: func(r []receipts.Receipt) []receipts.Receipt { return r[:min(1, len(r))] }}, receiptsOf},
		{"streamed payload", liar{block: otherPayload}, follow},
		{"streamed receipts", liar{receipts: func(r []receipts.Receipt) []receipts.Receipt {
			for i := range r {
				r[i].GasUsed++
			}
			return r
		}}, follow},
		{"streamed outcomes", liar{outcome: func(o types.Outcome) types.Outcome {
			if o.Height == 3 {
				o.StateRoot = types.SumHash(nil)
			}
			return o
		}}, follow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.liar.Chain = chain
			if err := tc.do(connectTo(t, &tc.liar, trust(chain))); !errors.Is(err, client.ErrUnverified) {
				t.Errorf("error %v, want ErrUnverified", err)
			}
		})
	}
}

func TestAnotherChainIsNoticed(t *testing.T) {
	chain, other := grown(t), rpctest.New(rpctest.Options{Validators: 5})
	c := connectTo(t, chain, trust(other))
	if _, err := c.Status(ctx); !errors.Is(err, client.ErrUnverified) || !strings.Contains(err.Error(), "genesis hash") {
		t.Errorf("status: %v", err)
	}
	if _, err := c.Block(ctx, 1); !errors.Is(err, client.ErrUnverified) {
		t.Errorf("block: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	chain := rpctest.New(rpctest.Options{})
	c, err := client.New("http://127.0.0.1:1", client.Options{Trust: trust(chain)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(ctx); err == nil || !strings.Contains(err.Error(), "is a node running at http://127.0.0.1:1") {
		t.Errorf("status: %v", err)
	}
	for _, address := range []string{"", "localhost:7601", "ftp://x", "http://"} {
		if _, err := client.New(address, client.Options{Trust: trust(chain)}); err == nil {
			t.Errorf("address %q was taken", address)
		}
	}
	if _, err := client.New("http://x", client.Options{}); err == nil {
		t.Error("a client without trust was made")
	}
}
