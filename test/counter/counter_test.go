package counter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
	"github.com/bedrock-bft/bedrock/test/modules"
)

const (
	validators = 4
	firstHost  = 180
)

// Of the load: senders that add to counters of their own, at a rate a second.
const (
	senders = 10
	rate    = 40
)

var allFlag = flag.Bool("all", false, "under both signature schemes (default: ed25519)")

// chain is a devnet of the counter, and the folder that commands run in.
type chain struct {
	*testing.T
	dir   string
	fleet *fleet.Network
}

func rpc(node int) string { return fmt.Sprintf("http://127.0.0.%d:7601", firstHost+node) }

// start runs a devnet until the test ends, and answers when it says that it is up.
func start(t *testing.T, scheme string) *chain {
	t.Helper()
	c := &chain{T: t, dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(c.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"bedrock": fleet.Build(t), "counter.wasm": modules.Build(t, modules.Counter)} {
		if err := os.Symlink(path, filepath.Join(c.dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	command := strings.Fields(documented(t, "Run it")[0])
	// Not of the test's context, which ends before the clean-up.
	run := exec.CommandContext(context.Background(), filepath.Join(c.dir, command[0]), append(command[1:],
		"--validators", fmt.Sprint(validators), "--first-host", fmt.Sprint(firstHost), "--scheme", scheme)...)
	run.Dir, run.Stderr = c.dir, os.Stderr
	stdout, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		if err := run.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := run.Wait(); err != nil {
			t.Errorf("devnet ended with: %v", err)
		}
	})
	t.Cleanup(end)
	c.awaitUp(stdout)
	c.fleet = fleet.New(t, devnet.Options{Dir: filepath.Join(c.dir, "devnet"), FirstHost: firstHost})
	t.Cleanup(end) // before the votes of its nodes are compared
	return c
}

// awaitUp reads what devnet says until it is up.
func (c *chain) awaitUp(stdout io.Reader) {
	c.Helper()
	var said strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "explorer:") {
			break
		}
	}
	go func() { // its pipe must not fill
		for lines.Scan() {
		}
	}()
	for _, want := range []string{"is final", "no transfers are sent", "tx send FILE --raw"} {
		if !strings.Contains(said.String(), want) {
			c.Fatalf("devnet does not say %q:\n%s", want, said.String())
		}
	}
}

// documented are the indented lines of a section of docs/state-machines.md.
func documented(t *testing.T, section string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "state-machines.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var out []string
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			out = append(out, strings.TrimSpace(command))
		}
	}
	if !ok || len(out) == 0 {
		t.Fatalf("docs/state-machines.md shows no command in %q: its form changed", section)
	}
	return out
}

// try runs a command line of bedrock at a node.
func (c *chain) try(node int, args ...string) (stdout, stderr string, err error) {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), filepath.Join(c.dir, "bin", "bedrock"), args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "BEDROCK_NODE="+rpc(node), "BEDROCK_GENESIS=devnet/genesis.json")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

// run runs a command that must succeed, and reads its JSON.
func (c *chain) run(node int, into any, args ...string) {
	c.Helper()
	out, said, err := c.try(node, append(args, "--output", "json")...)
	if err != nil {
		c.Fatalf("bedrock %s: %v\n%s%s", strings.Join(args, " "), err, out, said)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		c.Fatalf("bedrock %s printed %q: %v", strings.Join(args, " "), out, err)
	}
}

// file writes a transaction to a file.
func (c *chain) file(tx string) string {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "tx"), []byte(tx), 0o600); err != nil {
		c.Fatal(err)
	}
	return "tx"
}

type sent struct {
	State  string
	Height uint64
	Code   uint32
}

type row struct {
	Exists bool
	Value  string // hex
	Height uint64
}

func TestTheCounterIsAChain(t *testing.T) {
	schemes := []string{"ed25519"}
	if *allFlag {
		schemes = append(schemes, "bls12381")
	}
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) { countUnderLoad(t, scheme) })
	}
}

// countUnderLoad loads the chain with additions of many senders beside what else is
// sent: they all count, and all nodes tell the same of them.
func countUnderLoad(t *testing.T, scheme string) {
	c := start(t, scheme)
	w := c.fleet.Follow(t.Context())
	sent := make([]int, senders)
	traffic := c.fleet.SendRaw(w, senders, rate, func(sender, n int) []byte {
		sent[sender] = n + 1
		return fmt.Appendf(nil, "add load%c %d", 'a'+sender, n+1)
	}, 0, 1, 2, 3)
	c.fleet.Wait("additions are final", func() (bool, string) { return traffic.Final() > senders, fmt.Sprint(traffic.Final()) })
	countAndProve(t, c)
	traffic.Stop()
	traffic.Check()
	w.Hold(1, c.fleet.All()...)
	c.fleet.NoConflict()
	_, told := w.Count()
	t.Logf("%d additions sent beside, %d final, of them p99 within %s; %d transactions told final", sum(sent), traffic.Final(), traffic.Quantile(0.99), told)
	for sender, n := range sent {
		c.counted(fmt.Sprintf("load%c", 'a'+sender), n)
	}
}

func sum(list []int) (total int) {
	for _, n := range list {
		total += n
	}
	return total
}

// counted holds that a counter got the first n numbers, or the last is not in yet.
func (c *chain) counted(name string, n int) {
	c.Helper()
	total := func(n int) string {
		return hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, uint64(n*(n+1)/2)))
	}
	var got row
	c.run(3, &got, "query", "state", "counter/"+name)
	if got.Value != total(n) && got.Value != total(n-1) {
		c.Errorf("%s stands at %s after %d additions, want %s", name, got.Value, n, total(n))
	}
}

func countAndProve(t *testing.T, c *chain) {
	var last uint64
	for i, tx := range []string{"add apples 3", "add apples 3 again", "add pears 9", "move apples plums 6", "add pears 1"} {
		var s sent
		c.run(i%validators, &s, "tx", "send", c.file(tx), "--raw")
		if s.State != "final" || s.Code != 0 || s.Height < last {
			t.Fatalf("%s: %+v", tx, s)
		}
		last = s.Height
	}

	t.Run("the commands of the document", c.document)

	t.Run("counts are proven by every node", func(t *testing.T) {
		for node := range validators {
			for name, want := range map[string]row{"plums": {true, "0600000000000000", last}, "pears": {true, "0a00000000000000", last}, "apples": {false, "", last}} {
				c.counts(node, name, want)
			}
		}
	})

	t.Run("refused in the machine's own words", func(t *testing.T) {
		for tx, want := range map[string]string{
			"add Apples 1":          "a name has 1 to 32 letters of a-z",
			"add apples 0":          "N is a number of 1 to 1000000000",
			"sub apples 1":          "not a change of counters",
			"add pears 1000000000":  "the counter is 10, it ends at 1000000000",
			"move apples pears 1 x": "",
		} {
			out, said, err := c.try(1, "tx", "send", c.file(tx), "--raw")
			switch {
			case err == nil:
				t.Errorf("%q was taken:\n%s", tx, out)
			case want == "": // admitted and executed: final, with the machine's code
				if !strings.Contains(out, "code         1002") || !strings.Contains(said, "the counter is 0") {
					t.Errorf("%q: %s%s", tx, out, said)
				}
			case !strings.Contains(said, want):
				t.Errorf("%q is refused without %q: %s", tx, want, said)
			}
		}
		if _, said, err := c.try(0, "tx", "send", c.file("add apples 3")); err == nil || !strings.Contains(said, "--raw") {
			t.Errorf("sent as a ledger's transaction: %v, %s", err, said)
		}
	})
}

// document runs the commands of docs/state-machines.md against the devnet, and sees
// that those of the checkout are there.
func (c *chain) document(t *testing.T) {
	shell := exec.CommandContext(c.Context(), "bash", "-euxo", "pipefail", "-c", strings.Join(documented(t, "Run it")[1:], "\n"))
	shell.Dir = c.dir
	shell.Env = append(os.Environ(), "BEDROCK_NODE="+rpc(2))
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"verdict   accepted", "code         0 (ok)", "value   0700000000000000", "The proof holds"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the commands do not say %q:\n%s", want, out)
		}
	}
	// What make test runs anyway is only looked at: its target, program and manifest.
	target := exec.CommandContext(c.Context(), "bash", "-c", documented(t, "Build and hash it")[0]+" --dry-run")
	target.Dir = filepath.Join("..", "..")
	if out, err := target.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	cargo := strings.Fields(documented(t, "Test it")[0])
	for _, path := range []string{cargo[0], cargo[3]} {
		if _, err := os.Stat(filepath.Join("..", "..", path)); err != nil {
			t.Errorf("%s: %v", strings.Join(cargo, " "), err)
		}
	}
}

// counts holds what a node proves of a counter; the proof is checked with
// genesis.json alone, and refused when a byte of it is another.
func (c *chain) counts(node int, name string, want row) {
	c.Helper()
	var got row
	c.run(node, &got, "query", "state", "counter/"+name, "--prove", "count.proof", "--height", fmt.Sprint(want.Height))
	if got != want {
		c.Errorf("node%d, %s: %+v, want %+v", node, name, got, want)
	}
	var v struct {
		Valid  bool
		Absent bool
		Value  string
		Key    string
	}
	verify := []string{"verify", "proof", "count.proof", "--genesis", "devnet/genesis.json"}
	c.run(node, &v, verify...)
	if !v.Valid || v.Absent == want.Exists || v.Value != want.Value || v.Key != fmt.Sprintf("%x", "counter/"+name) {
		c.Errorf("the proof of %s says %+v", name, v)
	}
	path := filepath.Join(c.dir, "count.proof")
	proof, err := os.ReadFile(path)
	if err != nil {
		c.Fatal(err)
	}
	proof[len(proof)/2] ^= 1
	if err := os.WriteFile(path, proof, 0o600); err != nil {
		c.Fatal(err)
	}
	if out, _, err := c.try(node, verify...); err == nil {
		c.Errorf("a changed proof of %s is accepted:\n%s", name, out)
	}
}
