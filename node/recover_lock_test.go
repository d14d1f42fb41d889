//go:build recoverylock

// This test needs a halt that leaves a survivor with a lock above its tip. A loaded
// machine gives one in a few tries, a quiet one may give none in forty: until a fault
// point makes it, the test stands behind a tag.

package node_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// stood is where a stopped survivor stands.
type stood struct {
	cfg       config.Config
	identity  [32]byte
	lock, tip uint64
}

func stands(t *testing.T, dir string) stood {
	t.Helper()
	cfg, _, err := config.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(cfg.Genesis.File)
	if err != nil {
		t.Fatal(err)
	}
	record, err := signer.ReadRecord(cfg.Dirs.Signer)
	if err != nil {
		t.Fatal(err)
	}
	_, identity, _, err := record.Keys()
	if err != nil {
		t.Fatal(err)
	}
	log, recovered, err := votelog.Open(filepath.Join(cfg.Dirs.Signer, "votelog"), votelog.Options{Owner: identity, AllowUnsafeFileSystem: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	store, err := storage.Open(filepath.Join(cfg.Dirs.Data, "db"), storage.Options{Genesis: g.Hash(), NoVoteLog: true, AllowUnsafeFileSystem: true, BallastBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	s := stood{cfg: cfg, identity: identity, lock: recovered.State.Lock.Height, tip: store.Tip()}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// cutOff runs all four under load, takes two away in the midst of it, and answers where
// the others stand.
func cutOff(t *testing.T, homes []string, genesisHash [32]byte, nonce *uint64) [2]stood {
	t.Helper()
	var nodes []*running
	for _, dir := range homes {
		nodes = append(nodes, start(t, dir))
	}
	nodes[0].waitHeight(t, nodes[0].status(t).FinalHeight+1)
	from, to := account(t, homes, 0), ledger.AddressOf(account(t, homes, 1).Public().(ed25519.PublicKey))
	var load sync.WaitGroup
	stop := make(chan struct{})
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			tx, err := ledger.Sign(from, ledger.Body{Genesis: genesisHash, Nonce: *nonce, GasLimit: 100_000, GasPrice: 1, Operation: ledger.Transfer{To: to, Amount: ledger.AmountOf(1)}})
			if err != nil {
				t.Error(err)
				return
			}
			res, err := nodes[0].rpc.SubmitTransaction(t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx}))
			if err == nil && res.Msg.Result.Status != nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED {
				*nonce++
			} else if err == nil && res.Msg.Result.NextNonce > 0 {
				*nonce = res.Msg.Result.NextNonce
			}
		}
	})
	nodes[0].waitHeight(t, nodes[0].status(t).FinalHeight+5)
	nodes[2].stop()
	nodes[3].stop()
	for _, n := range nodes[2:] {
		n.end(t)
	}
	close(stop)
	load.Wait()
	for _, n := range nodes[:2] {
		n.end(t)
	}
	return [2]stood{stands(t, homes[0]), stands(t, homes[1])}
}

// Survivors that have locked a block above their last final one continue from it: its
// certificate may have been seen by somebody. // rule: recovery-genesis
func TestRecoveryContinuesFromTheHighestLock(t *testing.T) {
	homes := makeNetwork(t, 4, "ed25519")
	cfg, _, err := config.Load(homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := genesis.Load(cfg.Genesis.File)
	if err != nil {
		t.Fatal(err)
	}
	var nonce uint64
	var left [2]stood
	const attempts = 40 // each catches a lock above the tip about every other time
	for i := 0; ; i++ {
		if left = cutOff(t, homes, old.Hash(), &nonce); max(left[0].lock, left[1].lock) > max(left[0].tip, left[1].tip) {
			break
		}
		if i == attempts {
			t.Fatalf("no survivor of %d halts had locked a block above its tip", attempts)
		}
	}
	best, other := left[0], left[1]
	if other.lock > best.lock {
		best, other = other, best
	}
	g, err := node.MakeRecovery(t.Context(), node.RecoveryOptions{Home: filepath.Dir(best.cfg.Dirs.Data), Config: &best.cfg,
		Survivors: [][32]byte{left[0].identity, left[1].identity}, TimeMs: uint64(time.Now().UnixMilli())})
	if err != nil {
		t.Fatal(err)
	}
	if g.Continues.Height != best.lock {
		t.Fatalf("the recovery continues height %d, the highest lock is at %d", g.Continues.Height, best.lock)
	}
	again, err := node.MakeRecovery(t.Context(), node.RecoveryOptions{Home: filepath.Dir(best.cfg.Dirs.Data), Config: &best.cfg,
		Survivors: [][32]byte{left[0].identity, left[1].identity}, TimeMs: g.TimeMs})
	if err != nil || again.Hash() != g.Hash() {
		t.Fatalf("made again: %v", err)
	}
	accounts, err := home.LoadAccounts(filepath.Join(filepath.Dir(homes[0]), home.AccountsName))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := accounts.AuthorityKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if g, err = g.Cosign(key); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(cfg.Genesis.File, g.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(other.cfg.Dirs.Data); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(other.cfg.Dirs.Data, os.DirFS(best.cfg.Dirs.Data)); err != nil {
		t.Fatal(err)
	}
	var nodes []*running
	for _, dir := range homes[:2] {
		nodes = append(nodes, start(t, dir, "BEDROCK_GENESIS_HASH="+g.Hash().String()))
	}
	for _, n := range nodes {
		n.waitHeight(t, best.lock+1)
	}
	for _, n := range nodes {
		n.end(t)
	}
}
