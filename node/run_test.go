package node_test

import (
	"crypto/ed25519"
	"net/http"
	"path/filepath"
	"testing"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

var httpClient = http.Client{}

// account is the key of a funded account of a network made by makeNetwork.
func account(t *testing.T, homes []string, i int) ed25519.PrivateKey {
	t.Helper()
	list, err := home.LoadAccounts(filepath.Join(filepath.Dir(homes[0]), home.AccountsName))
	if err != nil {
		t.Fatal(err)
	}
	key, err := list.Key(i)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestFourNodesMakeATransferFinal(t *testing.T) {
	for _, scheme := range []string{"ed25519", "bls12381"} {
		t.Run(scheme, func(t *testing.T) {
			homes := makeNetwork(t, 4, scheme)
			var nodes []*running
			for _, h := range homes {
				nodes = append(nodes, start(t, h))
			}
			g, err := genesis.Load(filepath.Join(filepath.Dir(homes[0]), "genesis.json"))
			if err != nil {
				t.Fatal(err)
			}
			to := ledger.AddressOf(account(t, homes, 1).Public().(ed25519.PublicKey))
			tx, err := ledger.Sign(account(t, homes, 0), ledger.Body{Genesis: g.Hash(), GasLimit: 100_000, GasPrice: 1, Operation: ledger.Transfer{To: to, Amount: ledger.AmountOf(5)}})
			if err != nil {
				t.Fatal(err)
			}
			res, err := nodes[0].rpc.SubmitTransaction(t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx, Wait: nodev1.Wait_WAIT_FINAL}))
			if err != nil {
				t.Fatal(err)
			}
			if res.Msg.Receipt == nil || res.Msg.Receipt.Receipt.Code != 0 || res.Msg.Height == 0 {
				t.Fatalf("answer %v, want a receipt of success", res.Msg)
			}
			for _, n := range nodes {
				n.waitHeight(t, res.Msg.Height)
			}
			for _, n := range nodes {
				n.end(t)
			}
		})
	}
}
