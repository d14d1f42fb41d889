package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// badStart is a condition under which a node must not start.
type badStart struct {
	name string
	// breaks makes the condition, and answers what mends it.
	breaks func(t *testing.T, c *cluster) (mend func())
	// want are words of the error: what is wrong, and what to do.
	want []string
}

// rewrite changes a file of node0's home or beside it.
func rewrite(name string, change func(string) string) func(*testing.T, *cluster) func() {
	return func(t *testing.T, c *cluster) func() {
		t.Helper()
		path := filepath.Join(c.Net.Nodes[0].Home, name)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		after := change(string(before))
		if after == string(before) {
			t.Fatalf("%s is as it was", path)
		}
		write := func(b []byte) {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write([]byte(after))
		return func() { write(before) }
	}
}

// away moves a file or folder of node0's home, or beside it, out of the way.
func away(name string) func(*testing.T, *cluster) func() {
	return func(t *testing.T, c *cluster) func() {
		t.Helper()
		path := filepath.Join(c.Net.Nodes[0].Home, name)
		aside := filepath.Join(c.Dir, "away")
		move := func(from, to string) {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
		move(path, aside)
		return func() { move(aside, path) }
	}
}

func replaced(from, to string) func(string) string {
	return func(s string) string { return strings.Replace(s, from, to, 1) }
}

func (c *cluster) genesisHash() string { return c.Trust.Genesis.String() }

// otherChain puts another chain's genesis where the node's was, pinned as it should be.
func otherChain(t *testing.T, c *cluster) func() {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "other")
	cmd := exec.CommandContext(t.Context(), bedrock, "init", "--chain-id", "other", "--validators", "1", "--dir", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	theirs, err := os.ReadFile(filepath.Join(dir, "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	mendGenesis := rewrite("../genesis.json", func(string) string { return string(theirs) })(t, c)
	mendPin := rewrite("config.yaml", replaced("  hash: "+c.genesisHash(), "  hash: \"\""))(t, c)
	return func() { mendGenesis(); mendPin() }
}

func occupyTCP(port string) func(*testing.T, *cluster) func() {
	return func(t *testing.T, c *cluster) func() {
		t.Helper()
		l, err := net.Listen("tcp", net.JoinHostPort(c.Net.Host(0), port))
		if err != nil {
			t.Fatal(err)
		}
		return func() { l.Close() }
	}
}

func occupyUDP(t *testing.T, c *cluster) func() {
	t.Helper()
	l, err := net.ListenPacket("udp", net.JoinHostPort(c.Net.Host(0), "7600"))
	if err != nil {
		t.Fatal(err)
	}
	return func() { l.Close() }
}

func alreadyRuns(t *testing.T, c *cluster) func() {
	t.Helper()
	c.Start(0)
	c.WaitSigning(0)
	return func() { c.Kill(0) }
}

func badStarts(c *cluster) []badStart {
	const config, identity = "config.yaml", "signer/identity.json"
	pinned := "  hash: " + c.genesisHash()
	zero := "  hash: " + strings.Repeat("0", 63) + "1"
	return []badStart{
		{"unknown key", rewrite(config, func(s string) string { return s + "\nno_such_key: 1\n" }), []string{"unknown key", "no_such_key", "config.yaml"}},
		{"misspelt key", rewrite(config, replaced("moniker:", "monicker:")), []string{"monicker", "moniker"}},
		{"no YAML", rewrite(config, func(s string) string { return s + "\n\t{[" }), []string{"config.yaml", "line"}},
		{"key twice", rewrite(config, func(s string) string { return s + "\nmempool:\n  max_transactions: 1\n" }), []string{`key "mempool" is there twice`}},
		{"value that is none", rewrite(config, replaced("file_systems: allow-unsafe", "file_systems: maybe")), []string{"file_systems", "maybe", "refuse-unsafe"}},
		{"no configuration", away(config), []string{"config.yaml", "bedrock init"}},
		{"wrong genesis hash", rewrite(config, replaced(pinned, zero)), []string{"genesis.hash pins", "use the file that the chain was started with"}},
		{"genesis changed", rewrite("../genesis.json", replaced(`"power":10`, `"power":11`)), []string{"genesis.hash pins", "use the file"}},
		{"genesis cut", rewrite("../genesis.json", func(s string) string { return s[:len(s)/2] }), []string{"genesis.json", "get the original file"}},
		{"no genesis", away("../genesis.json"), []string{"no genesis file", "copy the network's genesis.json"}},
		{"database of another chain", otherChain, []string{"database belongs to another chain", "its own data folder, or to an empty one"}},
		{"no identity", away(identity), []string{"signer volume has no identity", "bedrock identity init"}},
		{"identity is garbage", rewrite(identity, func(string) string { return "garbage" }), []string{"identity.json", "put the original file back"}},
		{"boot counter is garbage", rewrite("signer/boots", func(string) string { return "many" }), []string{"boot counter", "write the last number that was seen"}},
		{"RPC port taken", occupyTCP("7601"), []string{"rpc.listen", "is taken by another process", "a free port"}},
		{"admin port taken", occupyTCP("7602"), []string{"admin.listen", "is taken by another process", "a free port"}},
		{"ops port taken", occupyTCP("7603"), []string{"ops.listen", "is taken by another process", "a free port"}},
		{"p2p port taken", occupyUDP, []string{"p2p.listen", "7600", "is taken by another process", "a free port"}},
		{"second process", alreadyRuns, []string{"locked by another process", "stop the process that uses it first"}},
	}
}

// startOnce runs `bedrock start` for node0 until it ends by itself.
func (c *cluster) startOnce() (code int, words string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), fleet.Patience)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, bedrock, "start", "--home", c.Net.Nodes[0].Home)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 10*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGKILL) }
	err := cmd.Run()
	if ctx.Err() != nil {
		c.Fatalf("the node started and ran on:\n%s", &out)
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		code = exit.ExitCode()
	default:
		c.Fatal(err)
	}
	return code, out.String()
}

// What keeps a node from starting is said with what to do, by an exit code that
// is not 0, and leaves all as it was. (A newer schema: node/storage's own test.)
func TestBadStarts(t *testing.T) {
	seeded(t)
	c := newCluster(t, devnet.Options{Validators: 1})
	c.StartAll()
	c.WaitSigning(0)
	w := c.Follow(t.Context())
	tr := c.Send(w, 0, 10, 50, 0)
	c.flows(tr, 50)
	tr.Stop()
	c.Kill(0)
	for _, bad := range badStarts(c) {
		mend := bad.breaks(t, c)
		code, words := c.startOnce()
		mend()
		last := lastLine(words)
		if code != 1 || !strings.HasPrefix(last, "bedrock: ") {
			t.Errorf("%s: exit code %d; its last words: %s", bad.name, code, last)
		}
		for _, want := range bad.want {
			if !strings.Contains(last, want) {
				t.Errorf("%s: %q is not said: %s", bad.name, want, last)
			}
		}
		t.Logf("%s: %s", bad.name, last)
	}
	c.Start(0)
	c.WaitSigning(0)
	w.Hold(1, 0) // nothing was lost, and it goes on
	more := c.Send(w, 20, 10, 50, 0)
	c.flows(more, 50)
	more.Stop()
	more.Check()
}

// A vote log that is gone is not begun anew: the identity is set aside, and the
// node is there for reading, silent, with the reason. // rule: key-with-memory
func TestMissingVoteLog(t *testing.T) {
	seeded(t)
	c := newCluster(t, devnet.Options{Validators: 1})
	c.StartAll()
	c.WaitSigning(0)
	w := c.Follow(t.Context())
	tr := c.Send(w, 0, 10, 50, 0)
	c.flows(tr, 20)
	tr.Stop()
	c.Kill(0)
	old, _ := c.Inspect(0)
	away("signer/votelog")(t, c)
	c.Start(0)
	c.isForeign(0, old)
	w.Hold(1, 0)
}
