package executor

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	executorv1 "github.com/bedrock-bft/bedrock/proto/bedrock/executor/v1"

	"github.com/bedrock-bft/bedrock/executor/state"
)

// When blocks are committed, and how much the cache holds, changes no outcome.
func TestOutcomesDoNotDependOnCommits(t *testing.T) {
	module := canonical(t, testEngine(t))
	const heights = 8
	run := func(cache *state.Cache, lag int) []any {
		l := newLedger(t, module, 30, 300)
		block, ref := l.overlays.Committed()
		l.overlays = state.NewOverlays(l.base, block, ref, cache)
		rng := rand.New(rand.NewPCG(3, 4))
		var outcomes []any
		var waiting []state.BlockID
		tip := block
		for range heights {
			result := l.execute(t, tip, l.transfers(rng, 25))
			l.execute(t, tip, nil) // a fork, dropped by the commit
			tip = l.add(t, result)
			if waiting = append(waiting, tip); len(waiting) > lag {
				l.commit(t, waiting[0])
				waiting = waiting[1:]
			}
			outcomes = append(outcomes, result.StateRoot, result.ReceiptsRoot, result.GasUsed, digest(result.Overlay.WriteSet()))
		}
		return outcomes
	}
	want := run(nil, 0)
	for _, lag := range []int{0, 1, 5, heights} {
		for _, cacheBytes := range []int{16 << 10, 64 << 20} {
			if diff := cmp.Diff(want, run(state.NewCache(cacheBytes, cacheBytes), lag)); diff != "" {
				t.Errorf("commits %d heights behind, cache of %d bytes (-want +got):\n%s", lag, cacheBytes, diff)
			}
		}
	}
}

func TestLedgerThroughTheHost(t *testing.T) {
	l := newLedger(t, canonical(t, testEngine(t)), 2, 4)
	tip, _ := l.overlays.Committed()
	good, late := l.transfer(0, l.accounts[3]), l.transfer(1, l.accounts[3])
	l.nonces[1] = 7
	gap := l.transfer(1, l.accounts[3])
	broken := bytes.Clone(late)
	broken[len(broken)-1] ^= 1
	verdicts, err := l.module.Verify(context.Background(), ledgerGenesis, [][]byte{good, late, gap, broken, []byte("no transaction")})
	if err != nil {
		t.Fatal(err)
	}
	for i, accepted := range []bool{true, true, true, false, false} {
		if (verdicts[i].Code == 0) != accepted {
			t.Errorf("verify %d: got %+v, want accepted %v", i, verdicts[i], accepted)
		}
	}
	if !bytes.Equal(verdicts[0].Sender, l.accounts[0][:]) || verdicts[2].Nonce != 7 {
		t.Errorf("lanes: got %x and nonce %d", verdicts[0].Sender, verdicts[2].Nonce)
	}
	result := l.execute(t, tip, [][]byte{good, late, gap})
	codes := []bool{result.Receipts[0].Code == 0, result.Receipts[1].Code == 0, result.Receipts[2].Code == 0}
	if diff := cmp.Diff([]bool{true, true, false}, codes); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	l.add(t, result)
	view := l.view(t, result.Overlay.Block())
	defer view.Close()
	at := l.next(result.Overlay.Block(), view.Ref(), nil).Context
	answer, err := l.module.Query(context.Background(), view, at, "account/"+hex.EncodeToString(l.accounts[3][:]), nil, true)
	if err != nil || answer.GetCode() != 0 || len(answer.GetValue()) != 24 || len(answer.GetProof()) == 0 {
		t.Fatalf("query: got %v, %v", answer, err)
	}
	const balance = 1_000_000_000_000 + 2
	if got := leU64(answer.GetValue()[8:]); got != balance {
		t.Errorf("balance: got %d, want %d", got, uint64(balance))
	}
	checked, err := l.module.Check(context.Background(), view, at, []*executorv1.CheckItem{{Transaction: gap}, {Transaction: good}})
	if err != nil || len(checked) != 2 || checked[0].GetAccountNonce() != 1 || checked[1].GetCode() == 0 {
		t.Errorf("check: got %v, %v", checked, err)
	}
}

func leU64(b []byte) (n uint64) {
	for i := range 8 {
		n |= uint64(b[i]) << (8 * i)
	}
	return n
}

// A stored page that is damaged or gone makes no outcome, whichever it is.
// rule: host-fault
func TestDamagedPagesAreFaults(t *testing.T) {
	l := newLedger(t, canonical(t, testEngine(t)), 5, 200)
	block, ref := l.overlays.Committed()
	transactions := l.transfers(rand.New(rand.NewPCG(5, 6)), 10)
	root := []state.PageID{{Version: 0}}
	pages, err := l.base.ReadPages(root)
	if err != nil || pages[0] == nil {
		t.Fatalf("root page: %v, %v", pages, err)
	}
	whole := bytes.Clone(pages[0])
	damage := map[string]func([]byte) []byte{
		"one bit":   func(page []byte) []byte { page[len(page)/2] ^= 1; return page },
		"first bit": func(page []byte) []byte { page[0] ^= 1; return page },
		"cut":       func(page []byte) []byte { return page[:len(page)-1] },
	}
	execute := func() (*Result, error) {
		overlays := state.NewOverlays(l.base, block, ref, nil)
		view, err := overlays.View(block)
		if err != nil {
			t.Fatal(err)
		}
		defer view.Close()
		return l.module.Execute(context.Background(), view, l.next(block, ref, transactions))
	}
	put := func(page []byte) {
		if err := l.base.Apply(&state.WriteSet{Pages: []state.PageWrite{{Page: page}}}); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range damage {
		put(change(bytes.Clone(whole)))
		if result, err := execute(); result != nil || !errors.Is(err, ErrUnverifiable) {
			t.Errorf("%s: got %+v, %v, want %v", name, result, err, ErrUnverifiable)
		}
	}
	l.base.Prune(root)
	if result, err := execute(); result != nil || !errors.Is(err, ErrUnverifiable) {
		t.Errorf("gone: got %+v, %v, want %v", result, err, ErrUnverifiable)
	}
	put(whole)
	if result, err := execute(); err != nil || !result.Success {
		t.Errorf("whole again: got %+v, %v", result, err)
	}
}
