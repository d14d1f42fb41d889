package explorer

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/home"
	"github.com/bedrock-bft/bedrock/test/fleet"
)

// deadline bounds the whole test, far above what it takes.
const deadline = 4 * time.Minute

// firstHost keeps this test's network apart from others on the machine.
const firstHost = 60

// network runs two validators and answers the first one's page and a client.
func network(t *testing.T, ctx context.Context) (page string, c *client.Client, keys *home.Accounts) {
	t.Helper()
	dir := t.TempDir()
	binary := fleet.Build(t)
	net, err := devnet.Prepare(ctx, devnet.Options{Binary: binary, Dir: filepath.Join(dir, "net"), ChainID: "explorer", Validators: 2, FirstHost: firstHost,
		OnDeath: func(p *devnet.Process, err error) { t.Errorf("%s died: %v\n%s", p.Name, err, p.LastLines(10)) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := net.StartAll(); err != nil {
		t.Fatal(err)
	}
	g, err := genesis.Load(net.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	if c, err = client.New(net.RPC(0), client.Options{Trust: client.Trust{Genesis: g.Hash(), Epoch: g.Epoch()}}); err != nil {
		t.Fatal(err)
	}
	if keys, err = home.LoadAccounts(filepath.Join(dir, "net", home.AccountsName)); err != nil {
		t.Fatal(err)
	}
	for {
		s, err := c.Status(ctx)
		if err == nil && s.Signing {
			return net.RPC(0) + "/", c, keys
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the network did not come up: %v, status %v\n%s", err, s, net.Nodes[0].LastLines(10))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// transfer makes the nonce'th transfer of account 0 final and answers its hash.
func transfer(t *testing.T, ctx context.Context, c *client.Client, keys *home.Accounts, nonce uint64) (hash string, height uint64) {
	t.Helper()
	from, to := key(t, keys, 0), key(t, keys, 100)
	tx, err := ledger.Sign(from, ledger.Body{Genesis: c.Chain().Genesis(), Nonce: nonce, GasLimit: 200_000, GasPrice: 1,
		Operation: ledger.Transfer{To: address(to), Amount: ledger.AmountOf(1000)}})
	if err != nil {
		t.Fatal(err)
	}
	final, err := c.SubmitFinal(ctx, tx, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	sum := ledger.Hash(tx)
	return hex.EncodeToString(sum[:]), final.Height
}

func key(t *testing.T, keys *home.Accounts, i int) ed25519.PrivateKey {
	t.Helper()
	k, err := keys.Key(i)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func address(k ed25519.PrivateKey) ledger.Address {
	return ledger.AddressOf(k.Public().(ed25519.PublicKey))
}

// browser is a headless one; Chromium's own background traffic is off.
func browser(t *testing.T, ctx context.Context) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: run `hack/setup browser`")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(profile(t)),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// profile is a folder for the browser, whose processes may write to it for a
// moment after the last of them was told to end.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "explorer-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		poll := time.NewTicker(50 * time.Millisecond)
		defer poll.Stop()
		deadline := time.After(time.Minute)
		for err = os.RemoveAll(dir); err != nil; err = os.RemoveAll(dir) {
			select {
			case <-poll.C:
			case <-deadline:
				t.Errorf("the browser still writes to its profile: %v", err)
				return
			}
		}
	})
	return dir
}

func screenshot(t *testing.T, name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		dir := os.Getenv("BEDROCK_SCREENSHOTS")
		if dir == "" {
			return nil
		}
		var png []byte
		if err := chromedp.FullScreenshot(&png, 100).Do(ctx); err != nil {
			return err
		}
		t.Logf("screenshot: %s", filepath.Join(dir, name))
		return os.WriteFile(filepath.Join(dir, name), png, 0o644)
	})
}

// holds waits until a JavaScript condition is true.
func holds(condition string) chromedp.Action {
	return chromedp.Poll(condition, nil, chromedp.WithPollingTimeout(time.Minute), chromedp.WithPollingInterval(50*time.Millisecond))
}

func search(text string) chromedp.Tasks {
	return chromedp.Tasks{
		chromedp.SetValue("#query", text, chromedp.ByQuery),
		chromedp.Click("#search button", chromedp.ByQuery),
	}
}

func TestExplorer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	page, c, keys := network(t, ctx)
	hash, height := transfer(t, ctx, c, keys, 0)
	tab := browser(t, ctx)
	run := func(what string, actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(tab, actions...); err != nil {
			var text string
			_ = chromedp.Run(tab, chromedp.Text("body", &text, chromedp.ByQuery))
			t.Fatalf("%s: %v; the page says:\n%s", what, err, text)
		}
	}
	tile := func(name string) string {
		return fmt.Sprintf(`document.querySelector('[data-tile="%s"]')?.textContent`, name)
	}

	run("front page", chromedp.EmulateViewport(1200, 900), chromedp.Navigate(page), holds(tile("height")+` >= "1"`),
		holds(tile("signing")+` === "yes"`), holds(`document.body?.textContent.includes("node1") && document.body?.textContent.includes("voting")`))
	// Blocks that arrive while the page is open are drawn.
	for nonce := uint64(1); nonce <= 3; nonce++ {
		transfer(t, ctx, c, keys, nonce)
	}
	run("live plots", holds(`document.querySelectorAll("svg.plot polyline.mark").length >= 2`), holds(`document.querySelectorAll("svg.plot .dot").length >= 3`),
		screenshot(t, "front.png"))

	run("search by height", search(fmt.Sprint(height)), holds(fmt.Sprintf(`document.querySelector("h1")?.textContent === "Block %d"`, height)),
		holds(fmt.Sprintf(`document.body?.textContent.includes(%q)`, hash)), screenshot(t, "block.png"))
	run("search by transaction hash", search(hash), holds(`document.querySelector("h1")?.textContent === "Transaction"`),
		holds(`document.body?.textContent.includes("success")`), holds(`document.querySelector("pre")?.textContent.includes("certificate")`), screenshot(t, "transaction.png"))
	owner := address(key(t, keys, 100)).String()
	run("search by account", search(owner), holds(`document.querySelector("h1")?.textContent === "Account"`),
		holds(`document.body?.textContent.includes("1,000,000,004,000")`), screenshot(t, "account.png"))
	run("search for nothing that is there", search(strings.Repeat("0", 64)), holds(`!document.getElementById("notice").hidden`))

	run("validators", chromedp.Navigate(page+"#/validators"), holds(`document.querySelector("h1")?.textContent === "Validators"`),
		holds(`document.querySelectorAll(".pill.good").length === 2 && document.body?.textContent.includes("node1")`), screenshot(t, "validators.png"))
	run("a validator by its moniker", search("node1"), holds(`document.querySelector("h1")?.textContent === "node1"`),
		holds(`document.body?.textContent.includes("entered") && document.body?.textContent.includes("power 10")`), screenshot(t, "validator.png"))
	run("epochs", chromedp.Click(`#nav a[href="#/epochs"]`, chromedp.ByQuery), holds(`document.querySelector('[data-epoch="1"]') !== null`))
	run("no upgrade", chromedp.Click(`#nav a[href="#/upgrade"]`, chromedp.ByQuery), holds(`document.body?.textContent.includes("No other executor is scheduled")`))

	var overflow bool
	run("phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile), chromedp.Navigate(page), holds(tile("height")+` >= "1"`),
		chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &overflow), screenshot(t, "phone.png"))
	if overflow {
		t.Error("at a phone's width the page is wider than the screen")
	}
}
