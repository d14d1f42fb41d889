package rpc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/proto/bedrock/node/v1/nodev1connect"
)

var ctx = context.Background()

// grown is a chain with five heights, a transaction in each of the first three.
func grown(t *testing.T, opt rpc.Options) (*rpctest.Chain, string, nodev1connect.NodeServiceClient) {
	t.Helper()
	chain := rpctest.New(rpctest.Options{CertificateEvery: 4})
	for i := range 5 {
		if i < 3 {
			chain.Add(fmt.Appendf(nil, "tx %d", i))
		}
		chain.Commit()
	}
	url, client := rpctest.Serve(t, chain, opt)
	return chain, url, client
}

func code(t *testing.T, what string, err error, want connect.Code, text string) {
	t.Helper()
	if connect.CodeOf(err) != want || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: %v, want %v that says %q", what, err, want, text)
	}
}

func TestReads(t *testing.T) {
	chain, _, c := grown(t, rpc.Options{})
	genesis, err := c.GetGenesis(ctx, connect.NewRequest(&nodev1.GetGenesisRequest{}))
	if err != nil || types.SumHash(genesis.Msg.Document) != chain.Document().Hash() {
		t.Errorf("genesis: %v", err)
	}
	newest, err := c.GetBlock(ctx, connect.NewRequest(&nodev1.GetBlockRequest{}))
	if err != nil || newest.Msg.Header.Height != 5 || newest.Msg.Certificate == nil {
		t.Fatalf("newest block: %v, %v", newest, err)
	}
	byID, err := c.GetBlock(ctx, connect.NewRequest(&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_BlockId{BlockId: newest.Msg.BlockId}}))
	if err != nil || byID.Msg.Header.Height != 5 {
		t.Errorf("block by id: %v", err)
	}
	list, err := c.ListBlocks(ctx, connect.NewRequest(&nodev1.ListBlocksRequest{NewestHeight: 4, Limit: 3}))
	if err != nil || len(list.Msg.Blocks) != 3 || list.Msg.Blocks[0].Header.Height != 4 || list.Msg.Blocks[1].Transactions != 1 {
		t.Errorf("list: %v, %v", list, err)
	}
	commit, err := c.GetCommit(ctx, connect.NewRequest(&nodev1.GetCommitRequest{Height: 2}))
	if err != nil || commit.Msg.Certificate.Outcome.Height != 4 || len(commit.Msg.Outcomes) != 2 || commit.Msg.Outcomes[1].Height != 2 {
		t.Errorf("commit: %v, %v", commit, err)
	}
	outcomes, err := c.ListOutcomes(ctx, connect.NewRequest(&nodev1.ListOutcomesRequest{From: 1, Limit: 3}))
	if err != nil || len(outcomes.Msg.Outcomes) != 3 || outcomes.Msg.Outcomes[2].Height != 3 {
		t.Errorf("outcomes: %v, %v", outcomes, err)
	}
	receipts, err := c.GetReceipts(ctx, connect.NewRequest(&nodev1.GetReceiptsRequest{Height: 2}))
	if err != nil || len(receipts.Msg.Receipts) != 1 || receipts.Msg.Receipts[0].Events[0].Type != "put" {
		t.Errorf("receipts: %v, %v", receipts, err)
	}
	validators, err := c.ListValidators(ctx, connect.NewRequest(&nodev1.ListValidatorsRequest{}))
	if err != nil || len(validators.Msg.Validators) != 4 || validators.Msg.Validators[1].Moniker != "node1" {
		t.Errorf("validators: %v, %v", validators, err)
	}
	epochs, err := c.ListEpochs(ctx, connect.NewRequest(&nodev1.ListEpochsRequest{}))
	if err != nil || len(epochs.Msg.Epochs) != 1 || epochs.Msg.Newest != 1 {
		t.Errorf("epochs: %v, %v", epochs, err)
	}
	sim, err := c.Simulate(ctx, connect.NewRequest(&nodev1.SimulateRequest{Transactions: [][]byte{[]byte("new"), []byte("fail")}}))
	if err != nil || len(sim.Msg.Receipts) != 2 || sim.Msg.Receipts[1].Receipt.Code != 1 || chain.FinalHeight() != 5 {
		t.Errorf("simulation: %v, %v", sim, err)
	}
}

func TestReadsRefuse(t *testing.T) {
	chain, _, c := grown(t, rpc.Options{})
	block := func(m *nodev1.GetBlockRequest) error {
		_, err := c.GetBlock(ctx, connect.NewRequest(m))
		return err
	}
	at := func(h uint64) *nodev1.GetBlockRequest {
		return &nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_Height{Height: h}}
	}
	code(t, "above the tip", block(at(6)), connect.CodeNotFound, "6")
	code(t, "unknown id", block(&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_BlockId{BlockId: make([]byte, 32)}}), connect.CodeNotFound, "block")
	code(t, "short id", block(&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_BlockId{BlockId: []byte("x")}}), connect.CodeInvalidArgument, "32")
	_, err := c.GetTransaction(ctx, connect.NewRequest(&nodev1.GetTransactionRequest{TxHash: []byte("x")}))
	code(t, "short hash", err, connect.CodeInvalidArgument, "32")
	_, err = c.ListBlocks(ctx, connect.NewRequest(&nodev1.ListBlocksRequest{Limit: 1000}))
	code(t, "many blocks", err, connect.CodeInvalidArgument, "at most 200")
	_, err = c.ListOutcomes(ctx, connect.NewRequest(&nodev1.ListOutcomesRequest{Limit: 5000}))
	code(t, "many outcomes", err, connect.CodeInvalidArgument, "at most 1000")
	_, err = c.ListEpochs(ctx, connect.NewRequest(&nodev1.ListEpochsRequest{Limit: 101}))
	code(t, "many epochs", err, connect.CodeInvalidArgument, "at most 100")
	_, err = c.ListValidators(ctx, connect.NewRequest(&nodev1.ListValidatorsRequest{Epoch: 9}))
	code(t, "unknown epoch", err, connect.CodeNotFound, "")
	_, err = c.Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: strings.Repeat("x", 600)}))
	code(t, "long path", err, connect.CodeInvalidArgument, "path")
	_, err = c.Simulate(ctx, connect.NewRequest(&nodev1.SimulateRequest{}))
	code(t, "nothing to simulate", err, connect.CodeInvalidArgument, "1 to 100")
	_, err = c.SubmitBatch(ctx, connect.NewRequest(&nodev1.SubmitBatchRequest{Transactions: make([][]byte, 3000)}))
	code(t, "large batch", err, connect.CodeInvalidArgument, "1 to 2000")
	_, err = c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{}))
	code(t, "empty transaction", err, connect.CodeInvalidArgument, "empty")
	_, err = c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: []byte("x"), TimeoutMs: 1 << 30}))
	code(t, "long wait", err, connect.CodeInvalidArgument, "timeout_ms")
	res, err := c.Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: "elsewhere", Prove: true}))
	if err != nil || res.Msg.Code == 0 || res.Msg.Proof != nil {
		t.Errorf("a refused query: %v, %v", res, err)
	}
	chain.SetFloor(3)
	code(t, "below the floor", block(at(2)), connect.CodeOutOfRange, "below height 3")
	if list, err := c.ListBlocks(ctx, connect.NewRequest(&nodev1.ListBlocksRequest{})); err != nil || len(list.Msg.Blocks) != 3 {
		t.Errorf("list down to the floor: %v, %v", list, err)
	}
}

func TestSubmitAndWait(t *testing.T) {
	chain := rpctest.New(rpctest.Options{Refuse: func(tx []byte) *nodev1.SubmitResult {
		if bytes.HasPrefix(tx, []byte("bad")) {
			return &nodev1.SubmitResult{Reason: "invalid", Code: 3, Text: "no good"}
		}
		return nil
	}})
	_, c := rpctest.Serve(t, chain, rpc.Options{})
	accepted, err := c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: []byte("one")}))
	if err != nil || accepted.Msg.Result.Status != nodev1.SubmitStatus_SUBMIT_STATUS_ACCEPTED || accepted.Msg.Proof != nil {
		t.Fatalf("accepted: %v, %v", accepted, err)
	}
	hash := types.TxHash([]byte("one"))
	got, err := c.GetTransaction(ctx, connect.NewRequest(&nodev1.GetTransactionRequest{TxHash: hash[:]}))
	if err != nil || got.Msg.State != nodev1.TransactionState_TRANSACTION_STATE_ACCEPTED {
		t.Errorf("waiting: %v, %v", got, err)
	}
	type outcome struct {
		res *connect.Response[nodev1.SubmitTransactionResponse]
		err error
	}
	done := make(chan outcome)
	go func() {
		res, err := c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: []byte("two"), Wait: nodev1.Wait_WAIT_FINAL}))
		done <- outcome{res, err}
	}()
	if err := chain.WaitPending(ctx, 2); err != nil {
		t.Fatal(err)
	}
	chain.CommitFailed() // executes nothing: it waits on
	chain.Commit()
	final := <-done
	if final.err != nil || final.res.Msg.Height != 2 || final.res.Msg.Receipt.Receipt.Code != 0 || final.res.Msg.Proof.GetTransaction() == nil {
		t.Errorf("final: %+v", final)
	}
	again, err := c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: []byte("two"), Wait: nodev1.Wait_WAIT_FINAL}))
	if err != nil || again.Msg.Height != 2 {
		t.Errorf("one that was final before: %v, %v", again, err)
	}
	_, err = c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: []byte("never"), Wait: nodev1.Wait_WAIT_FINAL, TimeoutMs: 20}))
	code(t, "not final in time", err, connect.CodeDeadlineExceeded, "accepted and is not final yet")
	bad, err := c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: []byte("bad"), Wait: nodev1.Wait_WAIT_FINAL}))
	if err != nil || bad.Msg.Result.Status != nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED || bad.Msg.Result.Code != 3 {
		t.Errorf("refused: %v, %v", bad, err)
	}
	batch, err := c.SubmitBatch(ctx, connect.NewRequest(&nodev1.SubmitBatchRequest{Transactions: [][]byte{[]byte("a"), []byte("bad b"), []byte("c")}, Brief: true}))
	if err != nil || batch.Msg.Accepted != 2 || len(batch.Msg.Results) != 1 || batch.Msg.Results[0].Index != 1 {
		t.Errorf("batch: %v, %v", batch, err)
	}
}

func TestStreams(t *testing.T) {
	chain, _, c := grown(t, rpc.Options{MaxStreams: 2})
	sctx, cancel := context.WithCancel(ctx)
	defer cancel()
	blocks, err := c.StreamBlocks(sctx, connect.NewRequest(&nodev1.StreamBlocksRequest{FromHeight: 2, TransactionHashes: true, Receipts: true, Transactions: true}))
	if err != nil {
		t.Fatal(err)
	}
	for want := uint64(2); want <= 7; want++ {
		if want == 6 {
			chain.Commit()
			chain.Commit()
		}
		if !blocks.Receive() {
			t.Fatalf("stream ended before height %d: %v", want, blocks.Err())
		}
		m := blocks.Msg()
		if m.Header.Height != want || want == 2 && (len(m.TransactionHashes) != 32 || len(m.Receipts) != 1 || len(m.Transactions) != 1) {
			t.Errorf("height %d: %+v", want, m)
		}
		if want == 4 && m.Certificate == nil {
			t.Error("height 4 came without its certificate")
		}
	}
	events, err := c.StreamEvents(sctx, connect.NewRequest(&nodev1.StreamEventsRequest{From: &nodev1.Cursor{Height: 1, EventIndex: 1}, Type: "put"}))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for range 4 { // height 1 has none from index 1 on, 2 and 3 have one, 4 none
		if !events.Receive() {
			t.Fatal(events.Err())
		}
		m := events.Msg()
		seen = append(seen, fmt.Sprintf("%t %d/%d", m.Event != nil, m.Next.Height, m.Next.EventIndex))
	}
	if got, want := strings.Join(seen, ", "), "false 2/0, true 2/1, true 3/1, false 5/0"; got != want {
		t.Errorf("events and cursors: %s, want %s", got, want)
	}
	third, err := c.StreamBlocks(sctx, connect.NewRequest(&nodev1.StreamBlocksRequest{}))
	if err == nil && third.Receive() {
		t.Error("a third stream was opened")
	} else if err == nil {
		err = third.Err()
	}
	code(t, "too many streams", err, connect.CodeResourceExhausted, "too many streams")
	chain.SetFloor(5)
	cancel()
	if blocks.Receive() {
		t.Error("a block after the end")
	}
}

func TestStreamBelowTheFloor(t *testing.T) {
	chain, _, c := grown(t, rpc.Options{})
	chain.SetFloor(4)
	s, err := c.StreamEvents(ctx, connect.NewRequest(&nodev1.StreamEventsRequest{From: &nodev1.Cursor{Height: 2}}))
	if err == nil && !s.Receive() {
		err = s.Err()
	}
	code(t, "stream", err, connect.CodeOutOfRange, "below height 4")
}

func TestHTTPAndJSON(t *testing.T) {
	page := fstest.MapFS{"index.html": {Data: []byte("<title>explorer</title>")}}
	chain, url, _ := grown(t, rpc.Options{Explorer: page, AllowedOrigins: []string{"https://good.example"}})
	body := func(req *http.Request) (int, string, http.Header) {
		t.Helper()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b), res.Header
	}
	request := func(method, path, content string) *http.Request {
		req, err := http.NewRequest(method, url+path, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		return req
	}
	status, text, _ := body(request("POST", "/bedrock.node.v1.NodeService/GetBlock", `{"height":"3"}`))
	var block nodev1.GetBlockResponse
	if status != 200 || !strings.Contains(text, `"height":"3"`) {
		t.Errorf("JSON: %d %s (%v)", status, text, &block)
	}
	status, text, _ = body(request("GET", "/bedrock.node.v1.NodeService/GetStatus?connect=v1&encoding=json&message=%7B%7D", ""))
	if status != 200 || !strings.Contains(text, chain.Document().ChainID) {
		t.Errorf("GET: %d %s", status, text)
	}
	status, text, header := body(request("GET", "/", ""))
	if status != 200 || !strings.Contains(text, "explorer") || header.Get("Content-Security-Policy") == "" {
		t.Errorf("explorer: %d %s", status, text)
	}
	for origin, want := range map[string]string{"https://good.example": "https://good.example", "https://bad.example": ""} {
		req := request("OPTIONS", "/bedrock.node.v1.NodeService/GetStatus", "")
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", "POST")
		if _, _, h := body(req); h.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("origin %s is let in as %q, want %q", origin, h.Get("Access-Control-Allow-Origin"), want)
		}
	}
	status, text, _ = body(request("POST", "/bedrock.node.v1.NodeService/GetBlock", `{"height":`))
	if status != 400 || !strings.Contains(text, "invalid_argument") {
		t.Errorf("broken JSON: %d %s", status, text)
	}
}

func TestBodiesAndRatesAreBounded(t *testing.T) {
	_, _, c := grown(t, rpc.Options{MaxBodyBytes: 64 << 10, ClientRate: 1, ClientBurst: 3})
	_, err := c.SubmitTransaction(ctx, connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: make([]byte, 1<<20)}))
	code(t, "large body", err, connect.CodeResourceExhausted, "")
	var limited error
	for range 10 {
		if _, err := c.GetStatus(ctx, connect.NewRequest(&nodev1.GetStatusRequest{})); err != nil {
			limited = err
			break
		}
	}
	code(t, "many requests", limited, connect.CodeResourceExhausted, "requests a second")
}

// slow answers no query before its deadline.
type slow struct{ rpc.Backend }

func (s slow) Query(ctx context.Context, _ rpc.Query) (*rpc.QueryResult, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestQueriesHaveADeadline(t *testing.T) {
	_, c := rpctest.Serve(t, slow{rpctest.New(rpctest.Options{})}, rpc.Options{QueryTimeout: 1})
	_, err := c.Query(ctx, connect.NewRequest(&nodev1.QueryRequest{Path: "key"}))
	code(t, "slow query", err, connect.CodeDeadlineExceeded, "")
}

// broken panics, as a bug would.
type broken struct{ rpc.Backend }

func (broken) FinalHeight() uint64 { panic("a bug") }

func TestABugEndsOneRequest(t *testing.T) {
	_, c := rpctest.Serve(t, broken{rpctest.New(rpctest.Options{})}, rpc.Options{})
	_, err := c.GetBlock(ctx, connect.NewRequest(&nodev1.GetBlockRequest{}))
	code(t, "bug", err, connect.CodeInternal, "its log says why")
	if strings.Contains(err.Error(), "goroutine") {
		t.Error("the stack went to the client")
	}
	if _, err := c.GetGenesis(ctx, connect.NewRequest(&nodev1.GetGenesisRequest{})); err != nil {
		t.Errorf("the next request: %v", err)
	}
}
