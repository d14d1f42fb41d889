package governance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/devnet"
)

// TestSigningTwice is a validator that signs twice, in each way there is: the
// chain holds the evidence and goes on without it. (Under ed25519 test/tour has one.)
func TestSigningTwice(t *testing.T) {
	for _, tc := range []struct{ kind, scheme string }{
		{"proposals", ""}, {"prepares", ""}, {"commits", ""}, {"amnesia", "bls12381"},
	} {
		for _, scheme := range schemes(tc.scheme) {
			t.Run(tc.kind+"/"+scheme, func(t *testing.T) { signTwice(t, scheme, tc.kind) })
		}
	}
}

// cheat is the validator that signs twice.
const cheat = 4

func signTwice(t *testing.T, scheme, kind string) {
	begin := filepath.Join(t.TempDir(), "begin")
	c := &chain{network(t, devnet.Options{Scheme: scheme, Validators: 5})}
	c.Evidence = true
	c.Net.Nodes[cheat].Binary = liar
	c.Net.Nodes[cheat].Env = []string{"BEDROCK_EQUIVOCATE=" + kind, "BEDROCK_EQUIVOCATE_WHEN=" + begin}
	c.StartAll()
	c.WaitSigning(c.All()...)
	w := c.Follow(t.Context())
	honest := []int{0, 1, 2, 3}
	load := c.Send(w, firstSender, senders, trafficRate, honest...)
	c.Wait("transfers are final", func() (bool, string) { return load.Final() > 20, fmt.Sprint(load.Final()) })
	if err := os.WriteFile(begin, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	name := ledger.ValidatorName(c.identity(cheat))
	c.jailed(name)
	for _, e := range w.Evidence() {
		t.Logf("evidence of kind %d in epoch %d against validator %d", e.Kind, e.Epoch, e.Validator)
		if e.Validator != cheat {
			t.Errorf("validator %d did not sign twice", e.Validator)
		}
	}
	if len(w.Evidence()) == 0 {
		t.Error("it is jailed, and no block holds evidence")
	}
	c.doesNotShed(name)
	before := load.Final()
	c.Wait("transfers go on", func() (bool, string) { return load.Final() > before+20, fmt.Sprint(load.Final()) })
	load.Stop()
	load.Check()
	w.Hold(1, honest...)
}

// jailed waits until a validator is jailed and an epoch has begun without it.
func (c *chain) jailed(name ledger.ID) {
	c.Helper()
	epoch := c.waitMember("the set is without who signed twice", name, func(m *ledger.Member) bool { return m == nil })
	if v := c.validator(name); v.Status != ledger.StatusJailed || v.JailedEpoch != epoch-1 {
		c.Errorf("it is %s, jailed in epoch %d; epoch %d begins without it", v.Status, v.JailedEpoch, epoch)
	}
}

// doesNotShed rotates a jailed validator: it stays jailed, and comes back only
// when the authority weighs its new instance.
func (c *chain) doesNotShed(name ledger.ID) {
	c.Helper()
	if code, _ := c.decide(weigh(name, 1)); code != "not_ready" {
		c.Errorf("weighing a jailed validator with its old key: %s", code)
	}
	fresh := c.newcomer("validator")
	rotation, until := c.rotationOf(fresh, name)
	c.mustDo(c.owner(cheat), rotation, until)
	if v := c.validator(name); v.Status != ledger.StatusJailed || v.Identity != c.identity(fresh) {
		c.Errorf("after a rotation it is %s with identity %s", v.Status, v.Identity)
	}
	number, e := c.epoch()
	if member(&e, name) != nil {
		c.Errorf("epoch %d has it again", number)
	}
	c.Wait("its new node says that it is ready", func() (bool, string) { return c.validator(name).Ready, "" })
	c.mustDecide(weigh(name, 1))
	c.waitMember("it is back", name, func(m *ledger.Member) bool { return m != nil && m.Identity == c.identity(fresh) })
	c.WaitSigning(fresh)
}
