package chain_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// A node, or whatever stands at an address that somebody gave, has the operator read no
// more than a bounded answer: several are read at once.
func TestAnAnswerIsBounded(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		chunk := make([]byte, 1<<20)
		for range 32 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	trust, err := chain.TrustOf(genesisDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := chain.New(chain.Options{Trust: trust})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nodes.Status(t.Context(), chain.Endpoint(s.URL)); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("32 MiB of an answer were read: %v", err)
	}
}
