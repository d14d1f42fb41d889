package node_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/engine"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/node/p2p"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/wire"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// stood is where a stopped survivor stands.
type stood struct {
	cfg             config.Config
	identity        [32]byte
	view, lock, tip uint64 // view and height of the lock
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
	s := stood{cfg: cfg, identity: identity, view: recovered.State.Lock.View, lock: recovered.State.Lock.Height, tip: store.Tip()}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// mute lets no commit vote out while it is on: what is locked then never becomes final.
type mute struct {
	engine.Transport
	on   atomic.Bool
	kept chan uint64 // heights of votes that were kept back, as far as there is room
}

func (m *mute) keeps(data []byte) bool {
	message, err := wire.DecodeMessage(data)
	if err != nil || message.Commit == nil || !m.on.Load() {
		return false
	}
	select {
	case m.kept <- message.Commit.Vote.Height:
	default: // nobody waits any more
	}
	return true
}

// waitAbove waits until a vote above a height was kept back.
func (m *mute) waitAbove(t *testing.T, tip uint64) {
	t.Helper()
	limit := time.After(deadline)
	for newest := uint64(0); newest <= tip; {
		select {
		case newest = <-m.kept:
		case <-limit:
			t.Fatalf("no commit vote above height %d in %s: the newest is at %d", tip, deadline, newest)
		}
	}
}

// MulticastVotes implements engine.Transport.
func (m *mute) MulticastVotes(data []byte) error {
	if m.keeps(data) {
		return nil
	}
	return m.Transport.MulticastVotes(data)
}

// SendVotes implements engine.Transport.
func (m *mute) SendVotes(to p2p.PeerID, data []byte) error {
	if m.keeps(data) {
		return nil
	}
	return m.Transport.SendVotes(to, data)
}

// startMuted runs all, has a transfer made final, and mutes everybody's commit votes.
func startMuted(t *testing.T, homes []string) ([]*running, []*mute) {
	t.Helper()
	mutes := make([]*mute, len(homes))
	var nodes []*running
	for i, dir := range homes {
		mutes[i] = &mute{kept: make(chan uint64, 64)}
		nodes = append(nodes, startThrough(t, dir, func(inner engine.Transport) engine.Transport {
			mutes[i].Transport = inner
			return mutes[i]
		}))
	}
	transfer(t, homes, nodes[0], 0)
	for _, m := range mutes {
		m.on.Store(true)
	}
	return nodes, mutes
}

// cutOff runs all four, has two of them lock a block above the last final one, ends all,
// and answers where the two stand.
func cutOff(t *testing.T, homes []string) [2]stood {
	t.Helper()
	nodes, mutes := startMuted(t, homes)
	tip := nodes[0].status(t).FinalHeight
	give(t, homes, nodes[0], 1) // never final, but it makes a block
	for _, m := range mutes[:2] {
		m.waitAbove(t, tip)
	}
	for _, n := range nodes {
		n.end(t)
	}
	return [2]stood{stands(t, homes[0]), stands(t, homes[1])}
}

// withoutBodies makes a survivor's vote log one that never voted for what it locked, and
// answers a folder in which the blocks are, as another survivor's.
func withoutBodies(t *testing.T, s stood) (had string) {
	t.Helper()
	had = t.TempDir()
	if err := os.CopyFS(had, os.DirFS(s.cfg.Dirs.Signer)); err != nil {
		t.Fatal(err)
	}
	dir, o := filepath.Join(s.cfg.Dirs.Signer, "votelog"), votelog.Options{Owner: s.identity, AllowUnsafeFileSystem: true}
	log, recovered, err := votelog.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.Close(), os.RemoveAll(dir), votelog.Create(dir, o)); err != nil {
		t.Fatal(err)
	}
	if log, _, err = votelog.Open(dir, o); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.Append(votelog.Record{State: recovered.State, SyncedHeight: recovered.SyncedHeight, Outcomes: recovered.Outcomes}), log.Close()); err != nil {
		t.Fatal(err)
	}
	return had
}

// give submits a transfer and waits for nothing.
func give(t *testing.T, homes []string, n *running, nonce uint64) {
	t.Helper()
	cfg, _, err := config.Load(homes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(cfg.Genesis.File)
	if err != nil {
		t.Fatal(err)
	}
	to := ledger.AddressOf(account(t, homes, 1).Public().(ed25519.PublicKey))
	tx, err := ledger.Sign(account(t, homes, 0), ledger.Body{Genesis: g.Hash(), Nonce: nonce, GasLimit: 100_000, GasPrice: 1, Operation: ledger.Transfer{To: to, Amount: ledger.AmountOf(1)}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := n.rpc.SubmitTransaction(t.Context(), connect.NewRequest(&nodev1.SubmitTransactionRequest{Transaction: tx}))
	if err != nil || res.Msg.Result.Status == nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED {
		t.Fatalf("submit a transfer: %v, %v", res, err)
	}
}

// Survivors that have locked a block above their last final one continue from it: its
// certificate may have been seen by somebody. The other survivor, whose database ends
// below, follows the old chain to it. // rule: recovery-genesis
func TestRecoveryContinuesFromTheHighestLock(t *testing.T) {
	homes := makeNetwork(t, 4, "ed25519")
	left := cutOff(t, homes)
	best, other := left[0], left[1]
	if other.view > best.view {
		best, other = other, best
	}
	if best.lock <= max(best.tip, other.tip) {
		t.Fatalf("locks at %d and %d, tips at %d and %d: want a lock above both tips", best.lock, other.lock, best.tip, other.tip)
	}
	recovery := node.RecoveryOptions{Home: filepath.Dir(best.cfg.Dirs.Data), Config: &best.cfg,
		Survivors: [][32]byte{left[0].identity, left[1].identity}, TimeMs: uint64(time.Now().UnixMilli())}
	had := withoutBodies(t, best)
	if _, err := node.MakeRecovery(t.Context(), recovery); err == nil || !strings.Contains(err.Error(), "--bodies") {
		t.Fatalf("without the locked block: %v, want a word of where it may be", err)
	}
	recovery.Bodies = []string{had}
	g, err := node.MakeRecovery(t.Context(), recovery)
	if err != nil {
		t.Fatal(err)
	}
	if g.Continues.Height != best.lock {
		t.Fatalf("the recovery continues height %d, the highest lock is at %d", g.Continues.Height, best.lock)
	}
	again, err := node.MakeRecovery(t.Context(), recovery)
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
	if err := os.WriteFile(best.cfg.Genesis.File, g.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var nodes []*running
	for _, s := range []stood{best, other} { // the one that has the blocks first
		nodes = append(nodes, start(t, filepath.Dir(s.cfg.Dirs.Data), "BEDROCK_GENESIS_HASH="+g.Hash().String()))
	}
	for _, n := range nodes {
		n.waitHeight(t, best.lock+1)
	}
	for _, n := range nodes {
		n.end(t)
	}
}
