package node_test

import (
	"os"
	"testing"

	"connectrpc.com/connect"

	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// newIdentity makes a home that of a newcomer: nothing is on either volume.
func (h *halted) newIdentity(t *testing.T, i int) {
	t.Helper()
	h.loseChain(t, i)
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
	for _, key := range h.keys {
		var err error
		if h.new, err = h.new.Cosign(key); err != nil {
			t.Fatal(err)
		}
	}
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
	c := start(t, h.homes[2], env...)
	c.waitHeight(t, a.status(t).FinalHeight)
	for height := uint64(1); height <= h.tip+1; height++ {
		block := func(n *running) *nodev1.GetBlockResponse {
			res, err := n.rpc.GetBlock(t.Context(), connect.NewRequest(&nodev1.GetBlockRequest{By: &nodev1.GetBlockRequest_Height{Height: height}}))
			if err != nil {
				t.Fatalf("%s: block %d: %v", n.home, height, err)
			}
			return res.Msg
		}
		if got, want := block(c), block(a); string(got.BlockId) != string(want.BlockId) {
			t.Errorf("height %d: the newcomer has block %x, a survivor %x", height, got.BlockId, want.BlockId)
		}
	}
	for _, n := range []*running{a, b, c} {
		n.end(t)
	}
}
