package node_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linxGnu/grocksdb"

	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/config"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/storage/votelog"
	"github.com/bedrock-bft/bedrock/node/types"
)

// change makes the recovery genesis another one.
func (h *halted) change(t *testing.T, with func(*genesis.Document)) {
	t.Helper()
	doc := h.new.Document
	continues := *doc.Continues
	doc.Continues = &continues
	with(&doc)
	var err error
	if h.new, err = genesis.New(doc); err != nil {
		t.Fatal(err)
	}
}

// takeOver opens a node once: its database is the recovered chain's then.
func (h *halted) takeOver(t *testing.T, i int, env []string) {
	t.Helper()
	cfg, _, err := config.Load(h.homes[i], env)
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.New(t.Context(), node.Options{Home: h.homes[i], Config: &cfg, Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

// copyChain puts a copy of a node's chain volume in another one's place.
func (h *halted) copyChain(t *testing.T, from, to int) {
	t.Helper()
	h.loseChain(t, to)
	if err := os.CopyFS(h.cfg[to].Dirs.Data, os.DirFS(h.cfg[from].Dirs.Data)); err != nil {
		t.Fatal(err)
	}
}

// setTaken has a node's vote log be one that was used under a recovery.
func (h *halted) setTaken(t *testing.T, i int, recovery types.Hash) {
	t.Helper()
	s, _, err := signer.Open(h.cfg[i].Dirs.Signer, signer.Options{Marks: h.cfg[i].Signer.Marks, AllowUnsafeFileSystem: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetContinued(recovery); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (h *halted) refusesItsLock(t *testing.T, i int, env []string, how string) {
	t.Helper()
	if err := h.open(t, i, env); err == nil || !strings.Contains(err.Error(), "has locked height") {
		t.Errorf("%s: %v, want it to say what it has locked", how, err)
	}
}

// What a survivor has locked is held against the recovery that ended its chain however its
// database came to be the recovered chain's, and whatever was taken before it signed again.
// // rule: recovery-genesis
func TestNoRecoveryForgetsALock(t *testing.T) {
	t.Parallel() // it waits more than it computes
	h := halt(t)
	first, second := stands(t, h.homes[0]), stands(t, h.homes[1])
	h.copyChain(t, 0, 1) // on a busy machine it may have to follow first
	executor := h.new.ExecutorHash
	h.change(t, func(doc *genesis.Document) {
		doc.Continues.LockView = second.view - 1 // as if it were made from a lock of the view before
		doc.ExecutorHash[0] ^= 1                 // nobody has that: it leads nowhere
	})
	h.cosign(t)
	env := h.install(t)
	h.refusesItsLock(t, 1, env, "with its own database")

	h.setTaken(t, 1, h.new.Hash())
	h.refusesItsLock(t, 1, env, "taken once, and nothing signed since")
	if err := os.Remove(filepath.Join(h.cfg[1].Dirs.Signer, "continued")); err != nil {
		t.Fatal(err)
	}

	h.newIdentity(t, 0) // one that has locked nothing makes its database the recovered chain's
	h.takeOver(t, 0, env)
	h.copyChain(t, 0, 1)
	h.refusesItsLock(t, 1, env, "with a copy of a survivor's database")

	// The chain is recovered again before it comes back, by the authority of its state.
	h.old = h.new
	made, err := node.MakeRecovery(t.Context(), node.RecoveryOptions{Home: h.homes[0], Config: &h.cfg[0],
		Survivors: [][32]byte{first.identity, second.identity}, TimeMs: uint64(time.Now().UnixMilli())})
	if err != nil {
		t.Fatal(err)
	}
	h.new = made
	h.change(t, func(doc *genesis.Document) { doc.ExecutorHash = executor })
	h.cosign(t)
	env = h.install(t)
	h.takeOver(t, 0, env)
	h.copyChain(t, 0, 1)
	h.refusesItsLock(t, 1, env, "after a second recovery")
	for how, taken := range map[string]types.Hash{"the first one taken": h.old.Hash(), "one taken that nobody else took": {9}} {
		h.setTaken(t, 1, taken) // and nothing signed under it
		h.refusesItsLock(t, 1, env, "after a second recovery, "+how)
	}

	// A database that a tool made for the recovery genesis leads nowhere, and says so.
	h.loseChain(t, 1)
	empty, err := storage.Open(filepath.Join(h.cfg[1].Dirs.Data, "db"), storage.Options{Genesis: h.new.Hash(), NoVoteLog: true, AllowUnsafeFileSystem: true, BallastBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.open(t, 1, env); err == nil || !strings.Contains(err.Error(), "remove that folder") {
		t.Errorf("an empty database of the recovery genesis: %v", err)
	}
	// One that cannot be read is not called empty.
	editFamily(t, filepath.Join(h.cfg[1].Dirs.Data, "db", "db"), "meta", func(db *grocksdb.DB, meta *grocksdb.ColumnFamilyHandle) {
		if err := db.PutCF(grocksdb.NewDefaultWriteOptions(), meta, []byte("tip"), make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
	})
	if err := h.open(t, 1, env); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("a database whose tip is not there: %v", err)
	}
}

// A database that lacks what its vote log knows to be final makes no recovery, and one of
// another chain's vote log neither. // rule: recovery-genesis
func TestRecoveryIsNotMadeFromADatabaseThatIsBehind(t *testing.T) {
	t.Parallel() // it waits more than it computes
	h := halt(t)
	o := node.RecoveryOptions{Home: h.homes[0], Config: &h.cfg[0], Survivors: [][32]byte{stands(t, h.homes[0]).identity}, TimeMs: 1}
	store, err := storage.Open(filepath.Join(h.cfg[0].Dirs.Data, "db"), storage.Options{Genesis: h.old.Hash(), NoVoteLog: true, AllowUnsafeFileSystem: true, BallastBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	for name, told := range map[string]votelog.Recovered{
		"synced more": {SyncedHeight: h.tip + 1, State: types.SafetyState{Epoch: 1}},
		"in a later epoch, which just began": {State: types.SafetyState{Epoch: 2,
			Lock: types.QC{Epoch: 2, Height: h.tip + 3, Block: types.Hash{1}}}},
	} {
		if g, locked, err := node.RecoveryOf(h.old, store, &told, &o); err == nil || !strings.Contains(err.Error(), "lacks final blocks") {
			t.Errorf("%s: %v, locked %t, %v", name, g, locked, err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	h.loseChain(t, 0)
	if g, err := node.MakeRecovery(t.Context(), o); err == nil || !strings.Contains(err.Error(), "lacks final blocks") {
		t.Errorf("its chain volume lost: %v, %v", g, err)
	}
	h.setTaken(t, 0, types.Hash{9})
	if g, err := node.MakeRecovery(t.Context(), o); err == nil || !strings.Contains(err.Error(), "not of the chain") {
		t.Errorf("by the vote log of another chain: %v, %v", g, err)
	}
}

// A survivor that was brought up to its lock, and is not the one whose lock was highest,
// follows the chain to where that one's stands; or says what to do if it is on a branch
// that died. // rule: recovery-genesis
func TestASurvivorBroughtUpToALowerLockFollows(t *testing.T) {
	t.Parallel() // it waits more than it computes
	homes := makeNetwork(t, 4, "ed25519")
	nodes, mutes := startMuted(t, homes)
	tip := nodes[1].status(t).FinalHeight
	give(t, homes, nodes[0], 1)
	mutes[1].waitAbove(t, tip)
	nodes[1].end(t)
	low := stands(t, homes[1])
	if low.lock <= low.tip {
		t.Fatalf("its lock is at height %d, its tip at %d: want a lock above", low.lock, low.tip)
	}
	for _, m := range mutes {
		m.on.Store(false)
	}
	transfer(t, homes, nodes[0], 2)
	nodes[0].waitHeight(t, low.lock+1)
	for _, i := range []int{0, 2, 3} {
		nodes[i].end(t)
	}
	h := &halted{homes: homes}
	for _, dir := range homes {
		h.cfg = append(h.cfg, stands(t, dir).cfg)
	}
	var err error
	if h.old, err = genesis.Load(h.cfg[0].Genesis.File); err != nil {
		t.Fatal(err)
	}
	h.copyChain(t, 1, 3)
	if dead, err := node.StoreLocked(t.Context(), homes[3], &h.cfg[3]); err != nil || dead != low.tip+1 {
		t.Fatalf("a block at height %d that nobody else has, want %d: %v", dead, low.tip+1, err)
	}
	best := stands(t, homes[0])
	o := node.RecoveryOptions{Home: homes[1], Config: &h.cfg[1], Survivors: [][32]byte{best.identity, low.identity}, TimeMs: uint64(time.Now().UnixMilli())}
	if _, err := node.MakeRecovery(t.Context(), o); err != nil { // before the other one was looked at
		t.Fatal(err)
	}
	if now := stands(t, homes[1]); now.tip != low.lock {
		t.Fatalf("brought up to height %d, want %d", now.tip, low.lock)
	}
	if err := h.open(t, 1, nil); err == nil || !strings.Contains(err.Error(), "called off") {
		t.Errorf("under the old genesis: %v, want what to do if the recovery was called off", err)
	}
	h.accounts(t)
	h.recover(t)
	if h.tip <= low.lock {
		t.Fatalf("the recovery continues height %d, want one above %d", h.tip, low.lock)
	}
	h.cosign(t)
	env := h.install(t)
	a := start(t, h.homes[0], env...)
	b := start(t, h.homes[1], env...)
	for _, n := range []*running{a, b} {
		n.waitHeight(t, h.tip+1)
	}
	h.newIdentity(t, 3) // whatever it has locked
	if err := h.open(t, 3, env); err == nil || !strings.Contains(err.Error(), "another branch was continued: remove the folder "+filepath.Join(h.cfg[3].Dirs.Data, "db")) {
		t.Errorf("on a branch that died: %v, want what to remove", err)
	}
	if err := os.RemoveAll(filepath.Join(h.cfg[3].Dirs.Data, "db")); err != nil {
		t.Fatal(err)
	}
	c := start(t, h.homes[3], env...)
	h.follows(t, c, a)
	for _, n := range []*running{a, b, c} {
		n.end(t)
	}
}
