package tour

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// governanceHost keeps this test's network apart from others on the machine.
const governanceHost = 200

var allFlag = flag.Bool("all", false, "the tour of governance under both signature schemes (default: ed25519)")

// governor runs commands against a network of real processes.
type governor struct {
	*fleet.Network
	bin string
}

// try runs a command with the network's genesis, asking node0.
func (g *governor) try(args ...string) (string, error) {
	cmd := exec.CommandContext(g.Context(), g.bin, args...)
	cmd.Env = append(os.Environ(), "BEDROCK_NODE="+g.Net.RPC(0), "BEDROCK_GENESIS="+g.Net.Genesis())
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("bedrock %s: %w\n%s%s", strings.Join(args, " "), err, out.String(), said.String())
	}
	return out.String(), nil
}

func (g *governor) run(args ...string) string {
	g.Helper()
	out, err := g.try(args...)
	if err != nil {
		g.Fatal(err)
	}
	return out
}

// tx runs a transaction's command as one of the accounts of the network's file.
func (g *governor) tx(as string, args ...string) {
	g.Helper()
	g.run(g.as(as, args...)...)
}

func (g *governor) as(as string, args ...string) []string {
	return append(append([]string{"tx"}, args...), "--accounts", filepath.Join(g.Dir, "accounts.json"), "--index", as)
}

func (g *governor) refused(want, as string, args ...string) {
	g.Helper()
	if out, err := g.try(g.as(as, args...)...); err == nil || !strings.Contains(err.Error(), want) {
		g.Errorf("tx %s: %v (%s), want an error that says %q", strings.Join(args, " "), err, out, want)
	}
}

func (g *governor) query(into any, args ...string) {
	g.Helper()
	out := g.run(append(append([]string{"query"}, args...), "--output", "json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		g.Fatalf("query %v: %v\n%s", args, err, out)
	}
}

// shown is what `query validators VALIDATOR` says that this test looks at.
type shown struct {
	Index      int
	Status     string
	Ready      bool
	Power      uint64
	Identity   string
	Delegate   string
	LeaseEndMs uint64 `json:"lease_end_ms"`
	History    []struct {
		Epoch uint64
		What  string
	}
}

func (g *governor) validator(which string) (v shown) {
	g.Helper()
	g.query(&v, "validators", which)
	return v
}

// newcomer makes and starts the home of a further node.
func (g *governor) newcomer(moniker string) int {
	g.Helper()
	at := len(g.Net.Nodes)
	var peers []string
	for i := range at { // a validator is connected with all others: there is no discovery
		var record struct {
			NetworkKey string `json:"network_key"`
		}
		if err := json.Unmarshal([]byte(g.run("identity", "show", "--home", g.Net.Nodes[i].Home)), &record); err != nil {
			g.Fatal(err)
		}
		peers = append(peers, record.NetworkKey+"@"+g.Net.Host(i)+":7600")
	}
	g.run("init", "--genesis", g.Net.Genesis(), "--peers", strings.Join(peers, ","), "--host", g.Net.Host(at), "--moniker", moniker,
		"--dir", filepath.Join(g.Dir, "node"+strconv.Itoa(at)))
	if got := g.Add(); got != at {
		g.Fatalf("the new home is node%d, not node%d", got, at)
	}
	g.Start(at)
	g.Wait("the newcomer to run", func() (bool, string) { return g.Status(at) != nil, "it does not answer" })
	return at
}

// silent waits until a node that runs signs no more.
func (g *governor) silent(i int) {
	g.Helper()
	g.Wait(fmt.Sprintf("node%d to be silent", i), func() (bool, string) {
		s := g.Status(i)
		return s != nil && !s.Signing, fmt.Sprint(s)
	})
}

// A fifth validator joins by commands, is weighed and re-weighed, one is rotated to
// a new instance while its old process runs, delegates and leases are taken and
// given back, one leaves; parameters are set and an upgrade planned and cancelled.
func TestTheTourOfGovernance(t *testing.T) {
	bin := fleet.Build(t)
	schemes := []string{"ed25519"}
	if *allFlag {
		schemes = append(schemes, "bls12381")
	}
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			tourOfGovernance(&governor{Network: fleet.New(t, devnet.Options{Binary: bin, FirstHost: governanceHost, Scheme: scheme}), bin: bin})
		})
	}
}

// A validator that signs twice is jailed; the commands say by what, prove it, and
// bring it back by rotation, readiness and the authority.
func TestAJailingIsAnswered(t *testing.T) {
	bin := fleet.Build(t)
	g := &governor{Network: fleet.New(t, devnet.Options{Binary: bin, FirstHost: governanceHost, Validators: 5}), bin: bin}
	g.Evidence = true
	begin := filepath.Join(t.TempDir(), "begin")
	g.Net.Nodes[4].Binary = fleet.Build(t, "equivocate")
	g.Net.Nodes[4].Env = []string{"BEDROCK_EQUIVOCATE=prepares", "BEDROCK_EQUIVOCATE_WHEN=" + begin}
	g.StartAll()
	g.WaitSigning(g.All()...)
	g.tx("0", "record", "put", "first", "block")
	if err := os.WriteFile(begin, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sent := 0
	g.Wait("node4 to be jailed", func() (bool, string) {
		sent++
		g.tx("0", "record", "put", "beat", fmt.Sprint(sent)) // it signs when there are blocks
		v := g.validator("node4")
		return v.Status == "jailed", fmt.Sprintf("%+v", v)
	})
	var list struct {
		Evidence []struct{ Hash, Kind, Moniker, Status string }
	}
	g.Wait("the evidence to be listed", func() (bool, string) { // the search goes by epochs that have begun
		sent++
		g.tx("0", "record", "put", "beat", fmt.Sprint(sent))
		g.query(&list, "evidence")
		return len(list.Evidence) > 0, ""
	})
	if first := list.Evidence[0]; first.Moniker != "node4" || first.Kind != "two prepare votes" || first.Status != "jailed" {
		t.Fatalf("evidence: %+v", list)
	}
	proof := filepath.Join(t.TempDir(), "evidence.proof")
	g.run("query", "evidence", list.Evidence[0].Hash, "--prove", proof)
	if out := g.run("verify", "proof", proof, "--genesis", g.Net.Genesis()); !strings.Contains(out, "evidence "+list.Evidence[0].Hash) {
		t.Errorf("verify proof: %s", out)
	}
	g.refused("not_ready", "0", "authority", "weigh", "node4=10")
	fresh := g.newcomer("node4-new")
	g.tx("owner4", "validator", "rotate", "node4", "--home", g.Net.Nodes[fresh].Home)
	if v := g.validator("node4"); v.Status != "jailed" {
		t.Errorf("a rotation shed the jailing: %+v", v)
	}
	g.Wait("the new instance to be ready", func() (bool, string) {
		v := g.validator("node4")
		return v.Ready, fmt.Sprintf("%+v", v)
	})
	g.tx("0", "authority", "weigh", "node4=10")
	g.WaitSigning(fresh)
	if v := g.validator("node4"); v.Status != "active" || v.Index < 0 {
		t.Errorf("after it was weighed again: %+v", v)
	}
}

func tourOfGovernance(g *governor) {
	t := g.T
	g.StartAll()
	g.WaitSigning(g.All()...)
	g.tx("0", "record", "put", "first", "block")

	// Join, with the owner's key elsewhere: the running node's admin service consents.
	fifth := g.newcomer("fifth")
	owner := account(t, g, 7)
	file := filepath.Join(t.TempDir(), "consent.json")
	if err := os.WriteFile(file, []byte(g.run("identity", "consent", "join", "--owner", owner, "--home", g.Net.Nodes[fifth].Home)), 0o600); err != nil {
		t.Fatal(err)
	}
	g.refused("consents to the owner", "6", "validator", "join", "--consent", file, "--moniker", "fifth")
	g.tx("7", "validator", "join", "--consent", file, "--moniker", "fifth")
	g.refused("key_used", "7", "validator", "join", "--consent", file, "--moniker", "fifth")
	g.Wait("the candidate to be ready", func() (bool, string) {
		v := g.validator("fifth")
		return v.Status == "candidate" && v.Ready, fmt.Sprintf("%+v", v)
	})
	if _, err := g.try("tx", "validator", "ready", "fifth", "--home", g.Net.Nodes[fifth].Home); err == nil || !strings.Contains(err.Error(), "nothing_to_do") {
		t.Errorf("ready once more: %v", err)
	}
	if _, err := g.try("tx", "validator", "ready", "node2", "--home", g.Net.Nodes[fifth].Home); err == nil || !strings.Contains(err.Error(), "not the instance of node2") {
		t.Errorf("ready for another: %v", err)
	}
	g.tx("0", "authority", "weigh", "fifth=10")
	g.WaitSigning(fifth)
	if v := g.validator("fifth"); v.Status != "active" || v.Power != 10 || v.Index != 4 {
		t.Errorf("after it was weighed: %+v", v)
	}

	// Rotate node1 to a new instance, by its owner; the old process goes on, silent.
	fresh := g.newcomer("node1-new")
	g.Wait("the new instance to follow", func() (bool, string) {
		s, tip := g.Status(fresh), g.Status(0)
		return s != nil && tip != nil && s.FinalHeight >= tip.FinalHeight, fmt.Sprint(s)
	})
	before := g.validator("node1").Identity
	g.refused("its owner is", "owner2", "validator", "rotate", "node1", "--home", g.Net.Nodes[fresh].Home)
	g.tx("owner1", "validator", "rotate", "node1", "--home", g.Net.Nodes[fresh].Home)
	g.WaitSigning(fresh)
	g.silent(1)
	if v := g.validator("node1"); v.Identity == before || v.Status != "active" || v.History[len(v.History)-1].What != "rotated" {
		t.Errorf("after it was rotated: %+v", v)
	}

	// A delegate takes and gives back a lease, fee-free; then node3 leaves.
	g.tx("owner2", "validator", "delegate", "node2", account(t, g, 8))
	g.tx("8", "validator", "maintain", "node2", "--for", "10m")
	if v := g.validator("node2"); v.LeaseEndMs == 0 || v.Delegate != account(t, g, 8) {
		t.Errorf("under maintenance: %+v", v)
	}
	g.refused("maintenance_limit", "owner0", "validator", "maintain", "node0", "--for", "10m")
	g.tx("8", "validator", "maintain", "node2", "--give-back")
	g.tx("owner3", "validator", "leave", "node3")
	g.silent(3)
	g.refused("too_few_validators", "owner0", "validator", "leave", "node0")
	g.refused("no validator is named", "owner3", "validator", "leave", "node3")

	g.tx("0", "authority", "set", "min_gas_price=2")
	g.Wait("the parameter to count", func() (bool, string) {
		var r struct{ Parameters map[string]uint64 }
		g.query(&r, "parameters")
		return r.Parameters["min_gas_price"] == 2, fmt.Sprint(r)
	})
	g.refused("gas_price_too_low", "0", "record", "put", "second", "block")
	g.planAndCancel()
	g.history()
}

// planAndCancel plans an executor that nobody has, by keys in two hands.
func (g *governor) planAndCancel() {
	g.Helper()
	hash := strings.Repeat("5a", 32)
	height := g.Status(0).FinalHeight
	draft := filepath.Join(g.TempDir(), "plan.json")
	price := []string{"--gas-price", "2"}
	g.tx("0", append([]string{"authority", "schedule", hash, "--not-before", fmt.Sprint(height + 1000), "--not-after", fmt.Sprint(height + 2000), "--draft", draft}, price...)...)
	accounts := filepath.Join(g.Dir, "accounts.json")
	g.run("tx", "authority", "sign", draft, "--accounts", accounts, "--index", "authority0")
	if _, err := g.try("tx", "send", draft); err == nil || !strings.Contains(err.Error(), "1 has") {
		g.Errorf("with one signature of two: %v", err)
	}
	g.run("tx", "authority", "sign", draft, "--accounts", accounts, "--index", "authority2")
	g.run("tx", "send", draft)
	var upgrade struct {
		Scheduled bool
		Executor  string `json:"executor_hash"`
	}
	if g.query(&upgrade, "upgrade"); !upgrade.Scheduled || upgrade.Executor != hash {
		g.Errorf("scheduled: %+v", upgrade)
	}
	g.refused("already_scheduled", "0", append([]string{"authority", "schedule", strings.Repeat("5b", 32), "--not-before", fmt.Sprint(height + 1000), "--not-after", fmt.Sprint(height + 2000)}, price...)...)
	g.tx("0", append([]string{"authority", "cancel"}, price...)...)
	if g.query(&upgrade, "upgrade"); upgrade.Scheduled {
		g.Errorf("cancelled: %+v", upgrade)
	}
}

// history holds what the epochs say of all that was done, and proves a row.
func (g *governor) history() {
	g.Helper()
	var list struct {
		Newest uint64
		Epochs []struct {
			Number  uint64
			Changes []struct{ Moniker, What string }
		}
	}
	g.query(&list, "epochs")
	var did []string
	for _, e := range list.Epochs[1:] {
		for _, c := range e.Changes {
			did = append(did, c.Moniker+" "+c.What)
		}
	}
	want := []string{"fifth entered", "node1 rotated", " left the set"}
	if fmt.Sprint(did) != fmt.Sprint(want) || list.Newest != 5 {
		g.Errorf("%d epochs did %q, want 5 and %q", list.Newest, did, want)
	}
	proof := filepath.Join(g.TempDir(), "node1.proof")
	g.run("query", "validators", "node1", "--prove", proof)
	if out := g.run("verify", "proof", proof, "--genesis", g.Net.Genesis()); !strings.Contains(out, "The proof holds") {
		g.Errorf("verify proof: %s", out)
	}
}

// account is the public key of an account of the network's file.
func account(t *testing.T, g *governor, i int) string {
	t.Helper()
	key, err := g.Keys.Key(i)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.ID(key.Public().(ed25519.PublicKey)).String()
}
