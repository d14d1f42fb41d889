package anchor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/client/proof"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// deadline bounds the whole test, far above what it takes.
const deadline = 8 * time.Minute

// firstHost keeps this test's network apart from others on the machine.
const firstHost = 80

// owners is how many accounts share the records.
const owners = 20

// anchored is one line and where it goes.
type anchored struct {
	owner int
	key   []byte
	line  []byte
}

func lines(t *testing.T, path string, from int) []anchored {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []anchored
	for s := bufio.NewScanner(f); s.Scan(); {
		n := from + len(out)
		out = append(out, anchored{owner: n % owners, key: fmt.Appendf(nil, "%s:%d", filepath.Base(path), len(out)+1), line: bytes.Clone(s.Bytes())})
	}
	if len(out) == 0 {
		t.Fatalf("%s has no lines", path)
	}
	return out
}

// chain is the running network and what clients need.
type chain struct {
	t      *testing.T
	binary string
	net    *devnet.Network
	trust  client.Trust
	client *client.Client
	keys   []ed25519.PrivateKey
}

func start(t *testing.T, ctx context.Context) *chain {
	t.Helper()
	dir := t.TempDir()
	c := &chain{t: t, binary: fleet.Build(t)}
	var err error
	c.net, err = devnet.Prepare(ctx, devnet.Options{Binary: c.binary, Dir: filepath.Join(dir, "net"), ChainID: "anchor", Validators: 4, FirstHost: firstHost,
		OnDeath: func(p *devnet.Process, err error) { t.Errorf("%s died: %v\n%s", p.Name, err, p.LastLines(10)) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	if err := c.net.StartAll(); err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(c.net.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	c.trust = client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}
	if c.client, err = client.New(c.net.RPC(0), client.Options{Trust: c.trust}); err != nil {
		t.Fatal(err)
	}
	accounts, err := home.LoadAccounts(filepath.Join(dir, "net", home.AccountsName))
	if err != nil {
		t.Fatal(err)
	}
	for i := range owners {
		key, err := accounts.Key(i)
		if err != nil {
			t.Fatal(err)
		}
		c.keys = append(c.keys, key)
	}
	c.wait(ctx, "node0 to sign", func() bool {
		s, err := c.client.Status(ctx)
		return err == nil && s.Signing
	})
	return c
}

func (c *chain) stop() {
	if err := c.net.Stop(); err != nil {
		c.t.Error(err)
	}
}

func (c *chain) wait(ctx context.Context, what string, done func() bool) {
	c.t.Helper()
	for !done() {
		select {
		case <-ctx.Done():
			c.t.Fatalf("waited in vain for %s\n%s", what, c.net.Nodes[0].LastLines(10))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *chain) address(owner int) ledger.Address {
	return ledger.AddressOf(c.keys[owner].Public().(ed25519.PublicKey))
}

// anchor sends a record for each line and waits until each owner's last is final.
func (c *chain) anchor(ctx context.Context, items []anchored) {
	c.t.Helper()
	nonces := make([]uint64, owners)
	last := make([][]byte, owners)
	var batch [][]byte
	flush := func() {
		res, err := c.client.RPC().SubmitBatch(ctx, connect.NewRequest(&nodev1.SubmitBatchRequest{Transactions: batch, Brief: true}))
		if err != nil {
			c.t.Fatal(err)
		}
		for _, r := range res.Msg.Results {
			if r.Result.Status == nodev1.SubmitStatus_SUBMIT_STATUS_REJECTED {
				c.t.Fatalf("refused: %s: %s", r.Result.Reason, r.Result.Text)
			}
		}
		batch = nil
	}
	for i := range items {
		it := &items[i]
		tx, err := ledger.Sign(c.keys[it.owner], ledger.Body{Genesis: c.trust.Genesis, Nonce: nonces[it.owner], GasLimit: 500_000, GasPrice: 1,
			Operation: ledger.RecordPut{Key: it.key, Data: it.line}})
		if err != nil {
			c.t.Fatal(err)
		}
		nonces[it.owner]++
		last[it.owner] = tx
		if batch = append(batch, tx); len(batch) == 200 {
			flush()
		}
	}
	flush()
	for _, tx := range last {
		if tx == nil {
			continue
		}
		final, err := c.client.SubmitFinal(ctx, tx, 2*time.Minute)
		if err != nil {
			c.t.Fatal(err)
		}
		if final.Receipt.Code != 0 {
			c.t.Fatalf("a record failed: %s: %s", ledger.CodeName(final.Receipt.Code), final.Receipt.Log)
		}
	}
}

// prove reads a record back and answers its proof file.
func (c *chain) prove(ctx context.Context, owner int, key []byte) ([]byte, error) {
	address := c.address(owner)
	state, err := c.client.Query(ctx, "record/"+address.String(), key, 0, ledger.RecordKey(address, key))
	if err != nil {
		return nil, fmt.Errorf("query record %s: %w", key, err)
	}
	return proof.Encode(state.Message)
}

// check verifies a proof file from genesis alone.
func (c *chain) check(file []byte) (*proof.Result, error) {
	p, err := proof.Decode(file)
	if err != nil {
		return nil, err
	}
	return proof.Verify(p, c.trust.Genesis, c.trust.Epoch)
}

func TestEveryLineOfTheLockFiles(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	items := lines(t, filepath.Join("..", "..", "go.sum"), 0)
	sums := len(items)
	items = append(items, lines(t, filepath.Join("..", "..", "wasm-core", "Cargo.lock"), len(items))...)
	c := start(t, ctx)
	c.anchor(ctx, items)

	files := make([][]byte, len(items))
	var g errgroup.Group
	g.SetLimit(8)
	pace := rate.NewLimiter(400, 100) // a node answers one address 500 times a second
	for i := range items {
		g.Go(func() (err error) {
			if err := pace.Wait(ctx); err != nil {
				return err
			}
			files[i], err = c.prove(ctx, items[i].owner, items[i].key)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	absent, err := c.prove(ctx, 0, []byte("go.sum:0"))
	if err != nil {
		t.Fatal(err)
	}
	c.stop() // from here on nothing but files

	largest := 0
	for i, file := range files {
		largest = max(largest, len(file))
		r, err := c.check(file)
		if err != nil {
			t.Fatalf("%s: %v", items[i].key, err)
		}
		record, err := ledger.DecodeRecord(r.State.Value)
		if err != nil || !bytes.Equal(record.Data, items[i].line) || r.State.Absent {
			t.Fatalf("%s: the proof is of %q (%v), want %q", items[i].key, record.Data, err, items[i].line)
		}
	}
	r, err := c.check(absent)
	if err != nil || !r.State.Absent {
		t.Fatalf("absent record: %+v, %v", r, err)
	}
	t.Logf("anchored and proved %d lines of go.sum and %d of Cargo.lock; proof files of at most %d bytes, an absence of %d", sums, len(items)-sums, largest, len(absent))

	t.Run("any one byte changed", func(t *testing.T) { c.changed(t, files[0]); c.changed(t, absent) })
	t.Run("command line", func(t *testing.T) { c.commandLine(t, ctx, files[0]) })
}

// changed changes each byte: as damage, and as a forger who makes the digest fit.
func (c *chain) changed(t *testing.T, file []byte) {
	const head = 8 + sha256.Size
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1 << (i % 8)
		if _, err := c.check(damaged); err == nil {
			t.Fatalf("byte %d changed: accepted", i)
		}
		if i < head {
			continue
		}
		sum := sha256.Sum256(damaged[head:])
		copy(damaged[8:], sum[:])
		if _, err := c.check(damaged); err == nil {
			t.Fatalf("byte %d changed and the digest made to fit: accepted", i)
		}
	}
}

// commandLine has `bedrock verify proof` judge a good file and a damaged one.
func (c *chain) commandLine(t *testing.T, ctx context.Context, file []byte) {
	path := filepath.Join(t.TempDir(), "record.proof")
	verify := func() (string, error) {
		out, err := exec.CommandContext(ctx, c.binary, "verify", "proof", path, "--genesis", c.net.Genesis()).CombinedOutput()
		return string(out), err
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := verify(); err != nil || !strings.Contains(out, "The proof holds") {
		t.Errorf("good file: %v\n%s", err, out)
	}
	file = bytes.Clone(file)
	file[len(file)/2] ^= 1
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := verify(); err == nil {
		t.Errorf("damaged file: exit code 0\n%s", out)
	}
}
