package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/storage"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// newIdentity makes a home's signer volume that of a newcomer.
func (h *halted) newIdentity(t *testing.T, i int) {
	t.Helper()
	if err := os.RemoveAll(h.cfg[i].Dirs.Signer); err != nil {
		t.Fatal(err)
	}
	if _, err := signer.Init(h.cfg[i].Dirs.Signer, signer.InitOptions{Scheme: types.SchemeEd25519, AllowUnsafeFileSystem: true}); err != nil {
		t.Fatal(err)
	}
}

func (h *halted) loseChain(t *testing.T, i int) {
	t.Helper()
	if err := os.RemoveAll(h.cfg[i].Dirs.Data); err != nil {
		t.Fatal(err)
	}
}

// A node that begins with nothing but the recovery genesis follows the old chain to its
// end and the recovered one from there; so does a survivor that lost its chain volume,
// before the recovery or after it, and it signs on. // rule: recovery-genesis
func TestNewcomersFollowAcrossARecovery(t *testing.T) {
	h := halt(t)
	h.cosign(t)
	env := h.install(t)
	h.loseChain(t, 1)
	a := start(t, h.homes[0], env...)
	b := start(t, h.homes[1], env...) // returns once it has followed the old chain
	h.goesOn(t, a, 0)                 // of two validators both must sign
	b.waitHeight(t, a.status(t).FinalHeight)
	b.end(t)

	h.loseChain(t, 1) // it has signed under the recovery genesis by now
	b = start(t, h.homes[1], env...)
	h.goesOn(t, a, 1)

	h.newIdentity(t, 2)
	h.loseChain(t, 2)
	c := start(t, h.homes[2], env...)
	h.follows(t, c, a)
	for _, n := range []*running{a, b, c} {
		n.end(t)
	}
}

// follows holds that a newcomer has the blocks that a survivor has.
func (h *halted) follows(t *testing.T, newcomer, survivor *running) {
	t.Helper()
	newcomer.waitHeight(t, survivor.status(t).FinalHeight)
	for height := uint64(1); height <= h.tip+1; height++ {
		block := func(n *running) *nodev1.GetBlockResponse {
			res, err := n.rpc.GetBlock(t.Context(), connect.NewRequest(&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_Height{Height: height}}))
			if err != nil {
				t.Fatalf("%s: block %d: %v", n.home, height, err)
			}
			return res.Msg
		}
		if got, want := block(newcomer), block(survivor); string(got.BlockId) != string(want.BlockId) {
			t.Errorf("height %d: the newcomer has block %x, a survivor %x", height, got.BlockId, want.BlockId)
		}
	}
}

// endsUncertified holds that a database of the chain that halted ends where that is
// continued, and has no certificate there.
func (h *halted) endsUncertified(t *testing.T, i int) {
	t.Helper()
	store, err := storage.Open(filepath.Join(h.cfg[i].Dirs.Data, "db"), storage.Options{Genesis: h.old.Hash(), NoVoteLog: true, AllowUnsafeFileSystem: true, BallastBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	cc, err := store.Certificate(store.Tip())
	if store.Tip() != h.tip || !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("node %d ends at height %d with certificate %v, %v: want height %d and none", i, store.Tip(), cc, err, h.tip)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// A chain that was recovered halts and is recovered again. A node that begins with
// nothing, and one that was ended just when it had all of the first chain, whose last block
// has no certificate, follow all three chains. // rule: recovery-genesis
func TestNewcomersFollowAcrossTwoRecoveries(t *testing.T) {
	t.Parallel() // it waits more than it computes
	h := halt(t)
	if _, err := node.StoreLocked(t.Context(), h.homes[0], &h.cfg[0]); err != nil {
		t.Fatal(err)
	}
	h.makeBy(t, stands(t, h.homes[0]).identity, stands(t, h.homes[1]).identity)
	h.copyChain(t, 0, 3)
	h.endsUncertified(t, 3)
	h.cosign(t)
	env := h.install(t)
	a, b := start(t, h.homes[0], env...), start(t, h.homes[1], env...)
	h.goesOn(t, a, 0)
	a.end(t)
	b.end(t)
	h.old = h.new
	h.recover(t)
	if h.new.Continues.GenesisHash != h.old.Hash() {
		t.Fatalf("it continues genesis %s, want %s", h.new.Continues.GenesisHash, h.old.Hash())
	}
	h.cosign(t)
	env = h.install(t)
	a = start(t, h.homes[0], env...)
	b = start(t, h.homes[1], env...) // may have to follow the chain before first
	h.goesOn(t, a, 1)
	h.newIdentity(t, 2)
	h.loseChain(t, 2)
	h.newIdentity(t, 3)
	for _, i := range []int{2, 3} {
		n := start(t, h.homes[i], env...)
		h.follows(t, n, a)
		n.end(t)
	}
	a.end(t)
	b.end(t)
}
