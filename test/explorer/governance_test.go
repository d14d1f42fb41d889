package explorer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/explorer"
	"github.com/bedrock-bft/bedrock/node/rpc"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
)

func u32(n int) []byte    { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func u64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// validatorRow is a row as docs/encodings.md has it.
func validatorRow(v ledger.Validator) []byte {
	ready := byte(0)
	if v.Ready {
		ready = 1
	}
	return bytes.Join([][]byte{{byte(v.Status), ready}, v.Identity[:], v.Owner[:], v.Delegate[:], u64(v.Power), u64(v.LeaseEnd), u64(v.Since), u64(v.Rotated), u64(v.JailedEpoch),
		u32(len(v.ConsensusKey)), v.ConsensusKey, u32(len(v.Possession)), v.Possession, u32(len(v.Moniker)), []byte(v.Moniker)}, nil)
}

// governed is a chain in memory: four validators (one under maintenance), a ready
// candidate, one that was jailed by evidence, and an upgrade for which three of four are ready.
func governed() (chain *rpctest.Chain, names map[string]ledger.ID) {
	rows, names := map[string][]byte{}, map[string]ledger.ID{}
	put := func(key, row []byte) { rows[string(key)] = row }
	listed := []byte{}
	add := func(moniker, seed string, v ledger.Validator) {
		identity := ledger.ID(sha256.Sum256([]byte(seed)))
		name := ledger.ValidatorName(identity)
		v.Identity, v.Moniker, v.ConsensusKey, v.Owner = identity, moniker, identity[:], ledger.Address(name)
		put(ledger.ValidatorKey(name), validatorRow(v))
		put(ledger.HolderKey(identity[:]), name[:])
		listed, names[moniker] = append(listed, name[:]...), name
	}
	for i := range 4 {
		v := ledger.Validator{Status: ledger.StatusActive, Power: 10, Since: 1}
		if i == 2 {
			v.LeaseEnd = 1_790_000_900_000
		}
		add(fmt.Sprintf("node%d", i), fmt.Sprintf("network %d", i), v)
	}
	add("newcomer", "newcomer", ledger.Validator{Status: ledger.StatusCandidate, Ready: true, Since: 2})
	add("cheat", "cheat", ledger.Validator{Status: ledger.StatusJailed, Since: 2, JailedEpoch: 1})
	put(ledger.ValidatorsKey(), append(u32(len(listed)/32), listed...))
	upgrade := bytes.Join([][]byte{bytes.Repeat([]byte{0xcd}, 32), u32(2), u64(2), u64(500), u64(1), u32(3)}, nil)
	for _, moniker := range []string{"node0", "node1", "node3"} {
		name := names[moniker]
		upgrade = append(upgrade, name[:]...)
	}
	put(ledger.UpgradeKey(), upgrade)
	chain = rpctest.New(rpctest.Options{State: rows, KeyOf: func(path string, _ []byte) []byte {
		kind, rest, _ := strings.Cut(path, "/")
		id, _ := ledger.ParseID(rest)
		switch kind {
		case "validators":
			return ledger.ValidatorsKey()
		case "validator":
			return ledger.ValidatorKey(id)
		case "key_holder":
			return ledger.HolderKey(id[:])
		case "upgrade":
			return ledger.UpgradeKey()
		case "account":
			return []byte(path)
		}
		return nil
	}})
	chain.Commit()
	commit := func(b byte) types.EvidenceMessage {
		return types.EvidenceMessage{Commit: &types.Commit{View: 1, Height: 2, Block: types.Hash{b}, Outcome: types.Hash{b}}, Signature: make([]byte, 64)}
	}
	twice := types.NewEvidence(types.EvidenceCommits, 1, 4, commit(1), commit(2))
	chain.AddEvidence(twice.Encode())
	chain.CommitAndEndEpoch()
	chain.Commit()
	return chain, names
}

// Validators in every state, a lease, a scheduled upgrade with its window and who
// is ready, and epochs: at a desk's width and at a phone's.
func TestExplorerShowsGovernance(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	chain, names := governed()
	url, _ := rpctest.Serve(t, chain, rpc.Options{Explorer: explorer.Page()})
	tab := browser(t, ctx)
	says := func(text string) chromedp.Action {
		return holds(fmt.Sprintf(`document.querySelector("main")?.textContent.includes(%q)`, text))
	}
	run := func(what string, actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(tab, actions...); err != nil {
			var text string
			_ = chromedp.Run(tab, chromedp.Text("body", &text, chromedp.ByQuery))
			t.Fatalf("%s: %v; the page says:\n%s", what, err, text)
		}
	}
	run("validators", chromedp.EmulateViewport(1200, 900), chromedp.Navigate(url+"/#/validators"), says("candidate, ready"), says("jailed"), says("until 2026-09-21"),
		says("power 30 of 40, 27 needed"), says("open, 497 heights left"), says("two commit votes, epoch 1, by its validator 4"), screenshot(t, "governance.png"))
	run("a validator by its name", search(names["node2"].String()), says("node2"), says("entered"), says("power 10"))
	run("a jailed one by its moniker", search("cheat"), holds(`document.querySelector("h1")?.textContent === "cheat"`), says("by evidence"), screenshot(t, "jailed.png"))
	run("its owner", chromedp.Click(`a[href^="#/account/"]`, chromedp.ByQuery), says(ledger.Address(names["cheat"]).String()))
	run("epochs", chromedp.Navigate(url+"/#/epochs"), holds(`document.querySelectorAll("[data-epoch]").length === 2`), says("two commit votes"), screenshot(t, "epochs.png"))
	run("upgrade", chromedp.Navigate(url+"/#/upgrade"), says("Scheduled upgrade"), says(strings.Repeat("cd", 32)), screenshot(t, "upgrade.png"))
	for name, page := range map[string]string{"validators": "validators", "epochs": "epochs", "upgrade": "upgrade", "validator": "validator/" + names["node2"].String()} {
		var overflow bool
		run("phone: "+page, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile), chromedp.Navigate("about:blank"), // another fragment alone loads nothing
			chromedp.Navigate(url+"/#/"+page), holds(`document.querySelector("main h1") !== null`),
			chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &overflow), screenshot(t, "phone-"+name+".png"))
		if overflow {
			t.Errorf("at a phone's width the page %s is wider than the screen", page)
		}
	}
}
