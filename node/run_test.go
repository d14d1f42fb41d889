package node_test

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/storage"
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
	t.Parallel() // it waits more than it computes
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
			seesOthers(t, nodes, res.Msg.Height)
			for _, n := range nodes {
				n.end(t)
			}
		})
	}
}

// seesOthers: every node has seen the vote of every validator, whichever a
// certificate holds, and says where its consensus stands. // rule: seen
func seesOthers(t *testing.T, nodes []*running, height uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for _, n := range nodes {
		for {
			res, err := n.rpc.ListValidators(ctx, connect.NewRequest(&nodev1.ListValidatorsRequest{}))
			if err != nil {
				t.Fatalf("%s: votes of all for height %d were waited for: %v", n.home, height, err)
			}
			late := 0
			for _, v := range res.Msg.Validators {
				if v.LastVoteHeight < height || !v.Connected || v.LastVoteEpoch != 1 || v.ConnectionAgeMs == 0 {
					late++
				}
			}
			if late == 0 {
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		s := n.status(t)
		if c := s.Consensus; c == nil || len(c.LeaderKey) != 32 || c.BaseTimerMs == 0 || c.ViewTimerMs == 0 || c.CommitAgeMs > uint64(deadline.Milliseconds()) {
			t.Errorf("%s: consensus %v", n.home, c)
		}
		if d := s.Database; d == nil || d.Schema != storage.SchemaVersion || d.Newest != storage.SchemaVersion || s.SignerBoots != 1 {
			t.Errorf("%s: database %v, boots %d", n.home, d, s.SignerBoots)
		}
	}
}

// transfer makes one transfer of account 0 final through a node.
func transfer(t *testing.T, homes []string, n *running, nonce uint64) (height uint64) {
	t.Helper()
	g, err := genesis.Load(filepath.Join(filepath.Dir(homes[0]), "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	to := ledger.AddressOf(account(t, homes, 1).Public().(ed25519.PublicKey))
	tx, err := ledger.Sign(account(t, homes, 0), ledger.Body{Genesis: g.Hash(), Nonce: nonce, GasLimit: 100_000, GasPrice: 1,
		Operation: ledger.Transfer{To: to, Amount: ledger.AmountOf(5)}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := n.rpc.SubmitTransaction(t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx, Wait: nodev1.Wait_WAIT_FINAL, TimeoutMs: 60_000}))
	if err != nil {
		t.Fatal(err)
	}
	if res.Msg.Receipt == nil || res.Msg.Receipt.Receipt.Code != 0 {
		t.Fatalf("answer %v, want a receipt of success", res.Msg)
	}
	return res.Msg.Height
}

func TestLostChainVolumeIsRebuiltAndSignsOn(t *testing.T) {
	t.Parallel() // it waits more than it computes
	homes := makeNetwork(t, 4, "ed25519")
	var nodes []*running
	for _, h := range homes {
		nodes = append(nodes, start(t, h))
	}
	nonce := uint64(0)
	for ; nonce < 5; nonce++ {
		transfer(t, homes, nodes[0], nonce)
	}
	nodes[3].end(t)
	identity, err := os.ReadFile(filepath.Join(homes[3], "signer", "identity.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(homes[3], "data")); err != nil {
		t.Fatal(err)
	}
	height := transfer(t, homes, nodes[0], nonce)
	nodes[3] = start(t, homes[3])
	nodes[3].waitHeight(t, height)
	for deadline := time.Now().Add(deadline); ; {
		s := nodes[3].status(t)
		if s.SignerBoots != 2 { // rule: boot-count
			t.Fatalf("the signer volume was opened twice, the status says %d times", s.SignerBoots)
		}
		if s.Signing {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the rebuilt node does not sign: %s", s.NotSigningReason)
		}
		<-time.After(20 * time.Millisecond)
	}
	if again, err := os.ReadFile(filepath.Join(homes[3], "signer", "identity.json")); err != nil || string(again) != string(identity) {
		t.Errorf("its identity changed: %v", err)
	}
	for _, n := range nodes {
		n.end(t)
	}
}
