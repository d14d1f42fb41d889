package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// halted is a network whose nodes 2 and 3 lost their signer volumes, with the recovery
// genesis of the others, not signed yet.
type halted struct {
	homes    []string
	cfg      []config.Config
	old, new *genesis.Genesis
	keys     []ed25519.PrivateKey // enough of the authority
	tip      uint64
}

func halt(t *testing.T) *halted {
	t.Helper()
	h := &halted{homes: makeNetwork(t, 4, "ed25519")}
	var nodes []*running
	for _, dir := range h.homes {
		nodes = append(nodes, start(t, dir))
	}
	for nonce := range uint64(3) {
		transfer(t, h.homes, nodes[0], nonce)
	}
	// All four have the same tip: an idle chain makes no block for a while.
	last := nodes[0].status(t).FinalHeight
	for _, n := range nodes {
		n.waitHeight(t, last)
	}
	for _, n := range nodes {
		n.end(t)
	}
	for _, dir := range h.homes {
		cfg, _, err := config.Load(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.cfg = append(h.cfg, cfg)
	}
	for _, cfg := range h.cfg[2:] {
		if err := os.RemoveAll(cfg.Dirs.Signer); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if h.old, err = genesis.Load(h.cfg[0].Genesis.File); err != nil {
		t.Fatal(err)
	}
	h.recover(t)
	h.accounts(t)
	return h
}

// accounts reads the authority's keys.
func (h *halted) accounts(t *testing.T) {
	t.Helper()
	accounts, err := home.LoadAccounts(filepath.Join(filepath.Dir(h.homes[0]), home.AccountsName))
	if err != nil {
		t.Fatal(err)
	}
	if h.keys, err = accounts.AuthorityKeys(); err != nil {
		t.Fatal(err)
	}
}

// recover makes the recovery genesis of nodes 0 and 1, from the highest lock: on a busy
// machine they differ. Node 0 has it from then on.
func (h *halted) recover(t *testing.T) {
	t.Helper()
	a, b := stands(t, h.homes[0]), stands(t, h.homes[1])
	if b.view > a.view {
		h.homes[0], h.homes[1] = h.homes[1], h.homes[0]
		h.cfg[0], h.cfg[1] = h.cfg[1], h.cfg[0]
	}
	h.makeBy(t, a.identity, b.identity)
}

// makeBy has node 0 make the recovery genesis.
func (h *halted) makeBy(t *testing.T, survivors ...[32]byte) {
	t.Helper()
	var err error
	h.new, err = node.MakeRecovery(t.Context(), node.RecoveryOptions{Home: h.homes[0], Config: &h.cfg[0],
		Survivors: survivors, TimeMs: uint64(time.Now().UnixMilli())})
	if err != nil {
		t.Fatal(err)
	}
	h.tip = h.new.Continues.Height
}

// cosign has enough of the authority sign.
func (h *halted) cosign(t *testing.T) {
	t.Helper()
	for _, key := range h.keys {
		var err error
		if h.new, err = h.new.Cosign(key); err != nil {
			t.Fatal(err)
		}
	}
}

// install puts the recovery genesis into the survivors' network, as people do.
func (h *halted) install(t *testing.T) []string {
	t.Helper()
	if err := os.WriteFile(h.cfg[0].Genesis.File, h.new.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"BEDROCK_GENESIS_HASH=" + h.new.Hash().String()}
}

// open begins to start a survivor and answers why it does not.
func (h *halted) open(t *testing.T, i int, env []string) error {
	t.Helper()
	cfg, _, err := config.Load(h.homes[i], env)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	n, err := node.New(ctx, node.Options{Home: h.homes[i], Config: &cfg, Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err == nil {
		err = n.Close()
		if err == nil {
			t.Fatalf("node %d starts", i)
		}
	}
	return err
}

// Two of four signer volumes are destroyed. The authority signs a recovery genesis:
// balances, records and heights go on, proofs verify from it, and what was signed for
// the old chain is refused. // rule: recovery-genesis
func TestRecoveryGenesisGoesOn(t *testing.T) {
	h := halt(t)
	// The state's authority must have signed: nobody is enough, nor is one of two.
	unsigned := h.new
	for _, key := range append([]ed25519.PrivateKey{nil}, h.keys[:1]...) {
		if key != nil {
			var err error
			if h.new, err = h.new.Cosign(key); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.open(t, 0, h.install(t)); err == nil || !strings.Contains(err.Error(), "signatures of the authority") {
			t.Fatalf("signed by too few: %v", err)
		}
	}
	// It is that of the state, by its own executor, whatever the document names next.
	doc := unsigned.Document
	doc.ExecutorHash[0] ^= 1
	next, err := genesis.New(doc)
	if err != nil {
		t.Fatal(err)
	}
	signed := h.new
	h.new = next
	if err := h.open(t, 0, h.install(t)); err == nil || !strings.Contains(err.Error(), "signatures of the authority") {
		t.Fatalf("with another executor, signed by nobody: %v", err)
	}
	h.new = signed
	h.cosign(t)
	if h.new.Hash() == unsigned.Hash() || h.new.Hash() == h.old.Hash() {
		t.Fatal("the recovery genesis has another's hash")
	}
	env := h.install(t)
	for round := range 2 { // and over a restart
		a, b := start(t, h.homes[0], env...), start(t, h.homes[1], env...)
		h.goesOn(t, a, uint64(round))
		b.waitHeight(t, a.status(t).FinalHeight)
		for _, n := range []*running{a, b} {
			n.end(t)
		}
	}
}

func (h *halted) goesOn(t *testing.T, n *running, round uint64) {
	t.Helper()
	n.waitHeight(t, h.tip+1)
	from, to := account(t, h.homes, 0), ledger.AddressOf(account(t, h.homes, 1).Public().(ed25519.PublicKey))
	body := ledger.Body{Genesis: h.old.Hash(), Nonce: 3 + round, GasLimit: 100_000, GasPrice: 1, Operation: ledger.Transfer{To: to, Amount: ledger.AmountOf(5)}}
	stale, err := ledger.Sign(from, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := n.rpc.SubmitTransaction(t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: stale}))
	if err != nil || res.Msg.Result.Status != nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED || ledger.CodeName(res.Msg.Result.Code) != "wrong_chain" {
		t.Errorf("signed for the old chain: %v, %v", res, err)
	}
	cfg, _, err := config.Load(h.homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New("http://"+cfg.RPC.Listen, client.Options{Trust: client.Trust{Genesis: h.new.Hash(), Epoch: h.new.Epoch()}, Timeout: deadline})
	if err != nil {
		t.Fatal(err)
	}
	// The nonce of the account shows that its transfers before the halt are there.
	body.Genesis = h.new.Hash()
	tx, err := ledger.Sign(from, body)
	if err != nil {
		t.Fatal(err)
	}
	final, err := c.SubmitFinal(t.Context(), tx, deadline)
	if err != nil || final.Receipt.Code != 0 || final.Height <= h.tip {
		t.Fatalf("a transfer on the recovered chain: %+v, %v", final, err)
	}
	row, err := c.Query(t.Context(), "account/"+to.String(), nil, 0, ledger.AccountKey(to))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledger.DecodeAccount(row.Value)
	if want := uint64(1_000_000_000 + 5*(3+round+1)); err != nil || got.Balance.Lo != want {
		t.Errorf("balance %+v, %v, want %d", got, err, want)
	}
	// What was final before is below the recovered chain's own outcomes.
	old, err := n.rpc.GetBlock(t.Context(), connect.NewRequest(&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_Height{Height: h.tip}}))
	oldHash := h.old.Hash()
	if err != nil || !bytes.Equal(old.Msg.Header.GenesisHash, oldHash[:]) {
		t.Errorf("the last block of the old chain: %v, %v", old, err)
	}
	// Its outcome proves itself from the recovery genesis; blocks below are verified
	// under the genesis that they name.
	if o, _, err := c.Commit(t.Context(), h.tip); err != nil || o.Height != h.tip || o.NextEpoch.IsZero() {
		t.Errorf("the continued height, proven from the recovery genesis: %+v, %v", o, err)
	}
}

// A recovery of another height than a node has is refused, and says what to do.
func TestRecoveryOfAnotherHeightIsRefused(t *testing.T) {
	t.Parallel() // it waits more than it computes
	h := halt(t)
	made := h.new
	// Its tip may be one that it was brought up to, as the machine was busy.
	for _, c := range []struct {
		want, or string
		change   func(*genesis.Continues)
	}{
		{"which would forget them", "brought up to a lock", func(c *genesis.Continues) { c.Height-- }},
		{"another history", "brought up to a lock", func(c *genesis.Continues) { c.OutcomeHash[0] ^= 1 }},
		{"another chain", "another chain", func(c *genesis.Continues) { c.GenesisHash[0] ^= 1 }},
		{"has not reached", "has not reached", func(c *genesis.Continues) { c.Epoch++ }},
	} {
		doc := made.Document
		continues := *made.Continues
		c.change(&continues)
		doc.Continues = &continues
		g, err := genesis.New(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range h.keys {
			if g, err = g.Cosign(key); err != nil {
				t.Fatal(err)
			}
		}
		h.new = g
		if err := h.open(t, 0, h.install(t)); err == nil || !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), c.or) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
