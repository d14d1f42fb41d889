package rpc_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// unary are the methods that answer once.
var unary = []string{"GetStatus", "GetGenesis", "GetBlock", "ListBlocks", "GetTransaction", "ListOutcomes", "GetReceipts", "GetCommit",
	"ListEpochs", "ListValidators", "Query", "QueryMany", "Simulate", "SubmitTransaction", "SubmitBatch"}

// FuzzRequests sends arbitrary bytes to every method, as protobuf, as JSON and in a
// URL: whoever asks gets an answer or what is wrong with the request, never the node's
// own failure, which is what a panic is turned into.
func FuzzRequests(f *testing.F) {
	chain := rpctest.New(rpctest.Options{CertificateEvery: 4})
	chain.Add([]byte("tx"))
	for range 5 {
		chain.Commit()
	}
	server, err := rpc.NewServer(chain, rpc.Options{MaxBodyBytes: 1 << 16, ClientRate: 1e9, ClientBurst: 1 << 30})
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range []proto.Message{&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_Height{Height: 1<<64 - 1}}, &nodev1.ListBlocksRequest{NewestHeight: 1<<64 - 1, Limit: 3},
		&nodev1.ListOutcomesRequest{From: 1<<64 - 1, Limit: 1<<32 - 1}, &nodev1.QueryRequest{Path: "key", Data: []byte("k")}, &nodev1.SubmitTransactionRequest{Transaction: []byte("tx 9")}} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		for i := range unary {
			f.Add(uint8(i), uint8(0), b)
		}
	}
	f.Add(uint8(2), uint8(1), []byte(`{"height":"3"}`))
	f.Add(uint8(3), uint8(2), []byte(`{"newestHeight":"18446744073709551615","limit":4294967295}`))
	f.Add(uint8(10), uint8(1), []byte(`{"path":"key","height":"9"}`))
	f.Add(uint8(1), uint8(3), []byte(`connect=v1&encoding=json&base64=1&message=e30`))
	f.Fuzz(func(t *testing.T, method, form uint8, content []byte) {
		path := "/bedrock.node.v1.NodeService/" + unary[int(method)%len(unary)]
		request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(content))
		request.Header.Set("Content-Type", "application/proto")
		switch form % 4 {
		case 1:
			request.Header.Set("Content-Type", "application/json")
		case 2:
			request = httptest.NewRequest(http.MethodGet, path, nil)
			request.URL.RawQuery = "connect=v1&encoding=json&message=" + url.QueryEscape(string(content))
		case 3:
			request = httptest.NewRequest(http.MethodGet, path, nil)
			request.URL.RawQuery = string(content)
		}
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, request)
		if text := answer.Body.String(); answer.Code >= http.StatusInternalServerError && answer.Code != http.StatusNotImplemented ||
			strings.Contains(text, `"internal"`) || strings.Contains(text, `"unknown"`) {
			t.Fatalf("%s: %d %s", path, answer.Code, text)
		}
	})
}
