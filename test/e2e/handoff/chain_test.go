//go:build e2e

package handoff

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/consent"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/node/signer"
	"github.com/bedrock-bft/bedrock/node/types"
)

// finalWithin bounds a wait for one transaction's finality.
const finalWithin = time.Minute

// cli runs a command of the program against node0 and answers what it printed.
func (c *moved) cli(args ...string) string {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), bedrock, args...)
	cmd.Env = append(os.Environ(), "BEDROCK_NODE="+c.Net.RPC(0), "BEDROCK_GENESIS="+c.Net.Genesis())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		c.Fatalf("bedrock %s: %v\n%s", strings.Join(args, " "), err, &out)
	}
	return out.String()
}

// identity is that of one of the chain's own nodes, as it was born.
func (c *moved) identity(i int) ledger.ID {
	c.Helper()
	r, err := signer.ReadRecord(filepath.Join(c.Net.Nodes[i].Home, "signer"))
	if err != nil {
		c.Fatal(err)
	}
	id, err := ledger.ParseID(r.NetworkKey)
	if err != nil {
		c.Fatal(err)
	}
	return id
}

// key is one of the chain's accounts (Keys.Key) or owners (Keys.OwnerKey).
func (c *moved) key(of func(int) (ed25519.PrivateKey, error), i int) ed25519.PrivateKey {
	c.Helper()
	key, err := of(i)
	if err != nil {
		c.Fatal(err)
	}
	return key
}

// query reads one row with its proof.
func (c *moved) query(path string, key []byte) *client.State {
	c.Helper()
	s, err := c.Clients[0].Query(c.Context(), path, nil, 0, key)
	if err != nil {
		c.Fatal(err)
	}
	return s
}

// body is one of an account that sends one transaction at a time.
func (c *moved) body(key ed25519.PrivateKey, op ledger.Operation, until uint64) ledger.Body {
	c.Helper()
	address := ledger.AddressOf(key.Public().(ed25519.PublicKey))
	account, err := ledger.DecodeAccount(c.query("account/"+address.String(), ledger.AccountKey(address)).Value)
	if err != nil {
		c.Fatal(err)
	}
	return ledger.Body{Genesis: c.Trust.Genesis, Nonce: account.Nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1, ValidUntil: until, Operation: op}
}

// result is what the ledger says of a transaction: the code of its receipt, or that of
// the check by which a pool refused it.
func (c *moved) result(tx []byte) string {
	c.Helper()
	return c.resultBy(0, tx)
}

func (c *moved) resultBy(node int, tx []byte) string {
	c.Helper()
	known := c.told.HeightOf(ledger.Hash(tx)) > 0
	done, err := c.Clients[node].SubmitFinal(c.Context(), tx, finalWithin)
	var refused *client.RejectedError
	switch {
	case errors.As(err, &refused) && refused.Code != 0:
		return ledger.CodeName(refused.Code)
	case errors.As(err, &refused):
		return refused.Reason
	case err != nil:
		c.Fatal(err)
	case known:
		return "known, executed once"
	}
	return ledger.CodeName(done.Receipt.Code)
}

// mustDo holds that a transaction is executed with success.
func (c *moved) mustDo(key ed25519.PrivateKey, op ledger.Operation, until uint64) {
	c.Helper()
	tx, err := ledger.Sign(key, c.body(key, op, until))
	c.mustPass(op, tx, err)
}

func (c *moved) mustPass(op ledger.Operation, tx []byte, err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
	if code := c.result(tx); code != "ok" {
		c.Fatalf("%s: %s", ledger.OperationName(op), code)
	}
}

// decide has the authority do something.
func (c *moved) decide(op ledger.Operation) {
	c.Helper()
	keys, err := c.Keys.AuthorityKeys()
	if err != nil {
		c.Fatal(err)
	}
	pays := c.key(c.Keys.Key, payer)
	tx, err := ledger.SignAuthority(pays, c.body(pays, op, 0), keys...)
	c.mustPass(op, tx, err)
}

// parameter is the index of a ledger's parameter.
func parameter(t *testing.T, name string) uint8 {
	t.Helper()
	for i, n := range ledger.ParameterNames {
		if n == name {
			return uint8(i)
		}
	}
	t.Fatalf("the ledger has no parameter %s", name)
	return 0
}

// set is that of the epoch that executes.
func (c *moved) set() *ledger.Epoch {
	c.Helper()
	now, err := ledger.DecodeEpochs(c.query("epochs", ledger.EpochsKey()).Value)
	if err != nil {
		c.Fatal(err)
	}
	epoch, err := ledger.DecodeEpoch(c.query(fmt.Sprintf("epoch/%d", now.Number), ledger.EpochKey(now.Number)).Value)
	if err != nil {
		c.Fatal(err)
	}
	return &epoch
}

// member is a validator's place in the set; nil: none.
func (c *moved) member(name ledger.ID) *ledger.Member {
	c.Helper()
	epoch := c.set()
	for i := range epoch.Members {
		if epoch.Members[i].Validator == name {
			return &epoch.Members[i]
		}
	}
	return nil
}

// exactlyOne holds that of two identities the chain names this one, for that validator
// and nowhere else.
func (c *moved) exactlyOne(name ledger.ID, in, out string) {
	c.Helper()
	epoch, named := c.set(), 0
	for _, m := range epoch.Members {
		switch m.Identity.String() {
		case in:
			if named++; m.Validator != name {
				c.Errorf("%s stands for validator %s, not %s", in, m.Validator, name)
			}
		case out:
			c.Errorf("the set names %s, which lost", out)
		}
	}
	if named != 1 || len(epoch.Members) != 4 {
		c.Errorf("a set of %d validators names %s %d times", len(epoch.Members), in, named)
	}
}

// own is what the node of a cluster's Validator says of itself; nil: it does not answer.
func (c *moved) own(k *cluster, name string) (signing, syncing bool, height uint64, why string) {
	c.Helper()
	one, err := client.New("http://"+k.host(names.Instance(name, 1))+":7601", client.Options{Trust: c.Trust, Timeout: 5 * time.Second})
	if err != nil {
		c.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
	defer cancel()
	s, err := one.Status(ctx)
	if err != nil {
		return false, true, 0, err.Error()
	}
	return s.Signing, s.Syncing, s.FinalHeight, s.NotSigningReason
}

// synced waits until a cluster's Validator has an identity and its node what others have.
func (c *moved) synced(k *cluster, name string) {
	c.Helper()
	c.Wait(fmt.Sprintf("the node of %s in the %s syncs", name, k.name), func() (bool, string) {
		if k.born(name) == "" {
			reason, text := k.says(name, v1alpha1.ValidatorIdentified)
			return false, reason + ": " + text
		}
		_, syncing, height, why := c.own(k, name)
		target, _ := c.told.Count()
		return !syncing && height+4 > target, fmt.Sprintf("height %d of %d, syncing %t: %s", height, target, syncing, why)
	})
}

// inSet waits until the chain names a cluster's instance, it signs, and its Validator
// says both.
func (c *moved) inSet(k *cluster, name string, takes ledger.ID) {
	c.Helper()
	c.Wait(fmt.Sprintf("the chain names the instance of the %s", k.name), func() (bool, string) {
		m := c.member(takes)
		reason, text := k.says(name, v1alpha1.ValidatorTakeover)
		return m != nil && m.Identity.String() == k.born(name), fmt.Sprintf("%+v; %s: %s", m, reason, text)
	})
	c.Wait(fmt.Sprintf("the node of the %s signs", k.name), func() (bool, string) {
		signing, _, height, why := c.own(k, name)
		return signing, fmt.Sprintf("height %d: %s", height, why)
	})
	c.waitSays(k, name, v1alpha1.ValidatorInSet, "InSet")
	c.waitSays(k, name, v1alpha1.ValidatorSigning, "Signing")
}

// waitSays waits for a condition's reason, and words of its message.
func (c *moved) waitSays(k *cluster, name, kind, reason string, words ...string) {
	c.Helper()
	last := ""
	c.Wait(fmt.Sprintf("%s in the %s says %s %s", name, k.name, kind, reason), func() (bool, string) {
		now, text := k.says(name, kind)
		last = fmt.Sprintf("%s: %s", now, text)
		said := !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
		return now == reason && said, last
	})
	c.Logf("%s: %s %s", k.name, kind, last)
}

// silent waits until one of the chain's own nodes says why it signs no more.
func (c *moved) silent(i int) {
	c.Helper()
	c.Wait(fmt.Sprintf("node%d signs no more", i), func() (bool, string) {
		s := c.Status(i)
		if s == nil {
			return false, "it does not answer"
		}
		if !s.Signing {
			c.Logf("node%d: %s", i, s.NotSigningReason)
		}
		return !s.Signing && s.NotSigningReason != "", ""
	})
}

// consented is the rotation that a cluster's identity consents to now, for the place
// that the chain's present identity has; its last height comes first.
func (c *moved) consented(k *cluster, name string, validFor uint64) (uint64, ledger.Rotate) {
	c.Helper()
	file := filepath.Join(c.TempDir(), "consent.json")
	c.consent(k, name, validFor, file)
	raw, err := os.ReadFile(file)
	if err != nil {
		c.Fatal(err)
	}
	t, err := consent.Parse(raw, consent.KindRotate)
	if err != nil {
		c.Fatal(err)
	}
	op, err := t.Rotate(types.Hash(c.Trust.Genesis), t.Validator, t.Expected)
	if err != nil {
		c.Fatal(err)
	}
	return t.ValidUntil, op
}
