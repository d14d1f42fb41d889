package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/rpc/rpctest"
	"github.com/bedrock-bft/bedrock/node/types"
)

func TestValidatorCommandsSignWhatTheySay(t *testing.T) {
	g := newGoverned(t)
	node2, id2 := g.names["node2"], g.identity["node2"]
	end := uint64(1_790_000_900_000)
	for name, tc := range map[string]struct {
		account int
		args    []string
		nonce   uint64
		want    ledger.Operation
	}{
		"delegate":            {0, []string{"validator", "delegate", "node2", g.public(t, 5).String()}, 40, ledger.Delegate{Validator: node2, Delegate: g.public(t, 5)}},
		"no delegate":         {0, []string{"validator", "delegate", id2.String()[:8], "none"}, 40, ledger.Delegate{Validator: node2}},
		"leave":               {0, []string{"validator", "leave", node2.String()[:12]}, 40, ledger.Leave{Validator: node2, Expected: id2}},
		"leave by delegate":   {5, []string{"validator", "leave", "node2", "--allow-fewer"}, ledger.FeeFree, ledger.Leave{Validator: node2, Expected: id2, Flags: ledger.AllowFewer}},
		"give the lease back": {0, []string{"validator", "maintain", "node3", "--give-back"}, 40, ledger.Maintain{Validator: g.names["node3"], ExpectedEnd: end}},
		"lengthen the lease":  {0, []string{"validator", "maintain", "node3", "--for", "10m"}, 40, ledger.Maintain{Validator: g.names["node3"], ExpectedEnd: end, End: 1_790_000_000_300 + 600_000}},
	} {
		t.Run(name, func(t *testing.T) {
			tx := g.tx(t, tc.account, tc.args...)
			if diff := cmp.Diff(tc.want, tx.Body.Operation); diff != "" || tx.Body.Nonce != tc.nonce {
				t.Errorf("nonce %d, want %d\n%s", tx.Body.Nonce, tc.nonce, diff)
			}
			if free := tx.Body.Nonce == ledger.FeeFree; free != (tx.Body.GasPrice == 0) {
				t.Errorf("gas price %d", tx.Body.GasPrice)
			}
		})
	}
}

// A new identity consents, at rest; the owner joins or rotates with its file.
func TestConsentThenJoinAndRotate(t *testing.T) {
	g := newGoverned(t)
	genesis := g.file("genesis.json")
	raw := rpctest.New(rpctest.Options{}).Document().Bytes() // the same document: its rows are not in it
	if err := os.WriteFile(genesis, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	hash := types.SumHash(raw)
	h := g.file("fresh")
	mustRun(t, "init", "--genesis", genesis, "--dir", h, "--peers", strings.Repeat("ab", 32)+"@127.0.0.1:7600", "--host", "127.0.0.9", "--moniker", "sixth")
	owner := g.public(t, 3)
	joined := g.file("join.json")
	writeOutput(t, joined, "identity", "consent", "join", "--owner", owner.String(), "--home", h)
	for _, from := range [][]string{{"--home", h}, {"--consent", joined, "--moniker", "sixth"}} {
		tx := g.tx(t, 3, append([]string{"validator", "join"}, from...)...)
		op, ok := tx.Body.Operation.(ledger.Join)
		if !ok || op.Moniker != "sixth" || op.CheckConsent(hash, owner) != nil || len(op.ConsensusKey) != 32 || tx.Body.Nonce != 43 {
			t.Errorf("%v: %+v", from, tx.Body)
		}
	}
	rotated := g.file("rotate.json")
	writeOutput(t, rotated, "identity", "consent", "rotate", "node2", "--home", h, "--node", g.url)
	offline := g.file("offline.json")
	writeOutput(t, offline, "identity", "consent", "rotate", g.names["node2"].String(), "--expect", g.identity["node2"].String(), "--valid-until", "77", "--home", h)
	for from, until := range map[string]uint64{rotated: 1003, offline: 77} {
		tx := g.tx(t, 5, "validator", "rotate", "node2", "--consent", from)
		op, ok := tx.Body.Operation.(ledger.Rotate)
		if !ok || op.CheckConsent(hash, until) != nil || op.Expected != g.identity["node2"] || tx.Body.ValidUntil != until || tx.Body.Nonce != ledger.FeeFree {
			t.Errorf("%s: %+v", from, tx.Body)
		}
	}
	if tx := g.tx(t, 0, "validator", "rotate", "node2", "--home", h, "--valid-until", "50"); tx.Body.ValidUntil != 50 || tx.Body.Nonce != 40 {
		t.Errorf("by the owner: %+v", tx.Body)
	}
	for _, tc := range []struct {
		want    string
		account int
		args    []string
	}{
		{"consents to the owner", 4, []string{"validator", "join", "--consent", joined, "--moniker", "x"}},
		{"of kind \"join\"", 0, []string{"validator", "rotate", "node2", "--consent", joined}},
		{"not of node1", 0, []string{"validator", "rotate", "node1", "--consent", rotated}},
		{"consents until height 77", 0, []string{"validator", "rotate", "node2", "--consent", offline, "--valid-until", "90"}},
		{"--consent and --home", 0, []string{"validator", "join", "--consent", joined, "--home", h}},
		{"another consent", 0, []string{"validator", "rotate", "node2", "--home", h, "--valid-until", "2"}},
	} {
		g.refused(t, tc.want, tc.account, tc.args...)
	}
}

func writeOutput(t *testing.T, path string, args ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(mustRun(t, args...)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (g *governed) refused(t *testing.T, want string, account int, args ...string) {
	t.Helper()
	out, err := bedrock(t, g.args(account, args...)...)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("bedrock tx %s: %v (%s), want an error that says %q", strings.Join(args, " "), err, out, want)
	}
}

func TestGovernanceCommandsSayWhatToDo(t *testing.T) {
	g := newGoverned(t)
	hash := strings.Repeat("8", 64)
	for _, tc := range []struct {
		want    string
		account int
		args    []string
	}{
		{"there are node0 (", 0, []string{"validator", "leave", "node9"}},
		{"fifth (", 0, []string{"validator", "leave", "node9"}},
		{"several validators", 0, []string{"validator", "leave", "node0"}},
		{"does not come back", 0, []string{"validator", "leave", g.names["gone"].String()}},
		{"does not come back", 0, []string{"validator", "leave", g.identity["gone"].String()}},
		{"no validator has the name or a key", 0, []string{"validator", "leave", strings.Repeat("ab", 32)}},
		{"its owner is bed1", 4, []string{"validator", "leave", "node2"}},
		{"its delegate's key is", 4, []string{"validator", "leave", "node2"}},
		{"it has no delegate", 4, []string{"validator", "leave", "node1"}},
		{"only its owner", 5, []string{"validator", "delegate", "node2", "none"}},
		{"public key", 0, []string{"validator", "delegate", "node2", "xyz"}},
		{"--give-back", 0, []string{"validator", "maintain", "node2"}},
		{"--give-back", 0, []string{"validator", "maintain", "node2", "--for", "1000h"}},
		{"no lease to give back", 0, []string{"validator", "maintain", "node2", "--give-back"}},
		{"--moniker", 0, []string{"validator", "join", "--consent", "-"}},
		{"no consent", 0, []string{"validator", "join", "--consent", "-", "--moniker", "m"}},
		{"--home H, or --admin URL", 0, []string{"validator", "join", "--moniker", "m"}},
		{"http://HOST:PORT", 0, []string{"validator", "join", "--moniker", "m", "--admin", "nowhere"}},
		{"no node answers at http://127.0.0.1:1", 0, []string{"validator", "join", "--moniker", "m", "--admin", "http://127.0.0.1:1"}},
		{"VALIDATOR=POWER", 0, []string{"authority", "weigh", "fifth"}},
		{"whole number", 0, []string{"authority", "weigh", "fifth=-1"}},
		{"there are node0", 0, []string{"authority", "weigh", "sixth=1"}},
		{"stands twice", 0, []string{"authority", "weigh", "fifth=1", "fifth=2"}},
		{"2 of the authority's 3 keys must sign and 1 has", 0, []string{"authority", "weigh", "fifth=10", "--authority-index", "authority1"}},
		{"write 3, owner3 or authority0", 0, []string{"authority", "weigh", "fifth=10", "--authority-index", "king"}},
		{"3 keys of the authority, from 0", 0, []string{"authority", "weigh", "fifth=10", "--authority-index", "authority3"}},
		{"is not the authority's", 0, []string{"authority", "weigh", "fifth=10", "--authority-index", "4"}},
		{"--draft and --sign-only", 0, []string{"authority", "weigh", "fifth=10", "--draft", "x", "--sign-only", "y"}},
		{"neither an executor hash", 0, []string{"authority", "schedule", "nothing.wasm", "--not-before", "1", "--not-after", "9"}},
		{"the chain is at height 3", 0, []string{"authority", "schedule", hash, "--not-before", "1", "--not-after", "3"}},
		{"before it begins", 0, []string{"authority", "schedule", hash, "--not-before", "90", "--not-after", "9"}},
		{"is not scheduled", 0, []string{"authority", "cancel", hash}},
		{"say what is set", 0, []string{"authority", "set"}},
		{"say what is set", 0, []string{"authority", "set", "min_gas_price=1", "--threshold", "1"}},
		{"use one of", 0, []string{"authority", "set", "speed=1"}},
		{"threshold of 3", 0, []string{"authority", "set", "--threshold", "3", "--member", hash}},
	} {
		g.refused(t, tc.want, tc.account, tc.args...)
	}
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"no epoch 9", []string{"query", "epochs", "9"}},
		{"write a number", []string{"query", "epochs", "x"}},
		{"name its number", []string{"query", "epochs", "--prove", g.file("p")}},
		{"use 1 to", []string{"query", "epochs", "--limit", "0"}},
		{"name its hash", []string{"query", "evidence", "--prove", g.file("p")}},
		{"64 hex digits", []string{"query", "evidence", "x"}},
		{"leave out --epoch", []string{"query", "validators", "node1", "--epoch", "1"}},
		{"does not keep epoch 1", []string{"query", "epochs", "1", "--prove", g.file("p")}},
	} {
		if out, err := bedrock(t, append(tc.args, "--node", g.url)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("bedrock %s: %v (%s), want an error that says %q", strings.Join(tc.args, " "), err, out, tc.want)
		}
	}
}

// Keys of the authority in several hands: drafts go around, are put together, and
// give the transaction that all keys in one hand would.
func TestHalfSignedTransactionsGoAround(t *testing.T) {
	g := newGoverned(t)
	weigh := []string{"authority", "weigh", "fifth=10", "node1=12"}
	atOnce := g.tx(t, 3, append(weigh, "--authority-index", "authority1,authority2")...)
	if byDefault := g.tx(t, 3, weigh...); len(byDefault.Authority) != 2 || cmp.Equal(byDefault.Authority, atOnce.Authority) {
		t.Errorf("by default %d keys sign", len(byDefault.Authority))
	}
	if len(atOnce.Authority) != 2 || atOnce.Body.Nonce != 43 {
		t.Fatalf("at once: %+v", atOnce)
	}
	a, b := g.file("a.json"), g.file("b.json")
	mustRun(t, g.args(3, append(weigh, "--draft", a)...)...)
	accounts := g.file("net/accounts.json")
	mustRun(t, "tx", "authority", "sign", a, "--accounts", accounts, "--index", "authority1", "--out", b)
	out, err := bedrock(t, "tx", "send", b, "--node", g.url)
	if err == nil || !strings.Contains(err.Error(), "1 has") {
		t.Errorf("with one signature of two: %v (%s)", err, out)
	}
	shown := mustRun(t, "tx", "authority", "sign", a, "--accounts", accounts, "--index", "authority2")
	for _, want := range []string{"weigh", g.names["fifth"].String() + " gets power 10"} {
		if !strings.Contains(shown, want) {
			t.Errorf("what is signed does not say %q:\n%s", want, shown)
		}
	}
	all := g.file("all.json")
	var result draftResult
	if err := json.Unmarshal([]byte(mustRun(t, "tx", "authority", "sign", a, b, "--out", all, "--output", "json")), &result); err != nil || len(result.Signers) != 2 || !result.Paid {
		t.Errorf("put together: %+v, %v", result, err)
	}
	raw, err := os.ReadFile(all)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ledger.ParseDraft(raw)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := d.Transaction()
	if err != nil || !bytes.Equal(tx, atOnce.Encode()) {
		t.Errorf("the drafts do not give what all signed at once: %v", err)
	}
	sentOut := mustRun(t, "tx", "send", all, "--node", g.url, "--wait", "accepted")
	if !strings.Contains(sentOut, types.TxHash(tx).String()) {
		t.Errorf("send printed %s", sentOut)
	}
	if _, err := bedrock(t, "tx", "authority", "sign", accounts); err == nil || !strings.Contains(err.Error(), "--draft") {
		t.Errorf("another file: %v", err)
	}
}

func TestAdviceIsAboutCodesThatThereAre(t *testing.T) {
	known := map[string]bool{}
	for code := range uint32(100) {
		known[ledger.CodeName(code)] = true
	}
	for name := range advice {
		if !known[name] {
			t.Errorf("there is no code %q", name)
		}
	}
	err := refusal(&client.RejectedError{Reason: "check_failed", Code: 45, Text: "text"})
	if !strings.Contains(err.Error(), "stale: the chain has moved on") {
		t.Error(err)
	}
}

func TestGovernanceQueries(t *testing.T) {
	g := newGoverned(t)
	query := func(v any, args ...string) {
		t.Helper()
		proof := filepath.Join(t.TempDir(), "p")
		out := mustRun(t, append(append([]string{"query"}, args...), "--node", g.url, "--output", "json", "--prove", proof)...)
		if err := json.Unmarshal([]byte(out), v); err != nil {
			t.Fatalf("query %v: %v\n%s", args, err, out)
		}
		genesis := g.file("g.json")
		if err := os.WriteFile(genesis, rpctest.New(rpctest.Options{}).Document().Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var proven verdict
		if err := json.Unmarshal([]byte(mustRun(t, "verify", "proof", proof, "--genesis", genesis, "--output", "json")), &proven); err != nil || proven.Meaning == "" {
			t.Errorf("query %v: the proof's meaning is %q, %v", args, proven.Meaning, err)
		}
	}
	var list validatorsResult
	query(&list, "validators")
	var states []string
	for _, v := range list.Validators {
		states = append(states, fmt.Sprintf("%s %s %d %d", v.Moniker, v.Status, v.Index, v.Power))
	}
	want := []string{"node0 active 0 10", "node1 active 1 10", "node2 active 2 10", "node3 active 3 10", "fifth candidate -1 0", "node0 jailed -1 0"}
	if diff := cmp.Diff(want, states); diff != "" || list.Epoch != 2 || list.Power != 40 {
		t.Errorf("epoch %d, power %d\n%s", list.Epoch, list.Power, diff)
	}
	var one validatorResult
	query(&one, "validators", "node2")
	if one.Name != g.names["node2"] || one.Delegate != g.public(t, 5) || one.Index != 2 || len(one.History) != 1 || one.History[0].What != "entered" {
		t.Errorf("one: %+v", one)
	}
	var upgrade upgradeResult
	query(&upgrade, "upgrade")
	if !upgrade.Scheduled || upgrade.Ready != 20 || upgrade.Power != 40 || upgrade.Quorum != 27 || upgrade.Window != "open" || len(upgrade.Nodes) != 4 {
		t.Errorf("upgrade: %+v", upgrade)
	}
	var authority authorityResult
	query(&authority, "authority")
	if authority.Threshold != 2 || len(authority.Keys) != 3 {
		t.Errorf("authority: %+v", authority)
	}
	var parameters struct{ Parameters map[string]uint64 }
	query(&parameters, "parameters")
	if parameters.Parameters["min_gas_price"] != 108 {
		t.Errorf("parameters: %+v", parameters)
	}
	var evidence struct{ Evidence []evidenceResult }
	query(&evidence, "evidence", g.evidence.String())
	if len(evidence.Evidence) != 1 || evidence.Evidence[0].Status != "jailed" || evidence.Evidence[0].Kind != "two commit votes" || evidence.Evidence[0].Moniker != "node0" {
		t.Errorf("evidence: %+v", evidence)
	}
	found := evidence.Evidence[0]
	out := mustRun(t, "query", "evidence", "--node", g.url, "--output", "json")
	if err := json.Unmarshal([]byte(out), &evidence); err != nil || len(evidence.Evidence) != 1 || evidence.Evidence[0] != found {
		t.Errorf("evidence that was searched for: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"validators"}, {"validators", "fifth"}, {"upgrade"}, {"authority"}, {"parameters"}, {"evidence"}, {"epochs"}, {"validators", "--epoch", "1"}} {
		if out := mustRun(t, append(append([]string{"query"}, args...), "--node", g.url)...); len(out) == 0 {
			t.Errorf("query %v printed nothing", args)
		}
	}
}
