package governance_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// finalWithin bounds a wait for one transaction's finality.
const finalWithin = time.Minute

// account is the key of a funded account.
func (c *chain) account(i int) ed25519.PrivateKey {
	c.Helper()
	key, err := c.Keys.Key(i)
	if err != nil {
		c.Fatal(err)
	}
	return key
}

// owner is the key that owns a validator of genesis.
func (c *chain) owner(i int) ed25519.PrivateKey {
	c.Helper()
	key, err := c.Keys.OwnerKey(i)
	if err != nil {
		c.Fatal(err)
	}
	return key
}

// body is one of an account that sends one transaction at a time.
func (c *chain) body(key ed25519.PrivateKey, op ledger.Operation, until uint64) ledger.Body {
	c.Helper()
	address := ledger.AddressOf(key.Public().(ed25519.PublicKey))
	s := c.query("account/"+address.String(), 0, ledger.AccountKey(address))
	account, err := ledger.DecodeAccount(s.Value)
	if err != nil {
		c.Fatal(err)
	}
	return ledger.Body{Genesis: c.Trust.Genesis, Nonce: account.Nonce, GasLimit: ledger.GasLimit(op), GasPrice: 1, ValidUntil: until, Operation: op}
}

// result is the code of a transaction that is final, or why it was refused.
func (c *chain) result(tx []byte, err error) (code, log string) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
	t, err := c.Clients[0].SubmitFinal(c.Context(), tx, finalWithin)
	var refused *client.RejectedError
	if errors.As(err, &refused) {
		return ledger.CodeName(refused.Code), refused.Error()
	}
	if err != nil {
		c.Fatal(err)
	}
	return ledger.CodeName(t.Receipt.Code), ""
}

// mustDo holds that a transaction is executed with success.
func (c *chain) mustDo(key ed25519.PrivateKey, op ledger.Operation, until uint64) {
	c.Helper()
	if code, log := c.result(ledger.Sign(key, c.body(key, op, until))); code != "ok" {
		c.Fatalf("%s: %s: %s", ledger.OperationName(op), code, log)
	}
}

// decide has the authority do something and answers the code.
func (c *chain) decide(op ledger.Operation) (code, log string) {
	c.Helper()
	keys, err := c.Keys.AuthorityKeys()
	if err != nil {
		c.Fatal(err)
	}
	pays := c.account(payer)
	return c.result(ledger.SignAuthority(pays, c.body(pays, op, 0), keys...))
}

// mustDecide holds that the authority's operation is executed with success.
func (c *chain) mustDecide(op ledger.Operation) {
	c.Helper()
	if code, log := c.decide(op); code != "ok" {
		c.Fatalf("%s: %s: %s", ledger.OperationName(op), code, log)
	}
}

// weigh gives one validator its power.
func weigh(name ledger.ID, power uint64) ledger.Weigh {
	return ledger.Weigh{Weights: []ledger.Weight{{Validator: name, Power: power}}}
}

// consent is what a new identity signs, printed by the program where it is.
type consent struct {
	ConsensusKey string `json:"consensus_key"`
	Possession   string `json:"possession"`
	Signature    string `json:"signature"`
	ValidUntil   uint64 `json:"valid_until"`
}

func (c *chain) consent(args ...string) (key, possession []byte, signature [64]byte, until uint64) {
	c.Helper()
	var t consent
	if err := json.Unmarshal([]byte(c.cli(append([]string{"identity", "consent"}, args...)...)), &t); err != nil {
		c.Fatal(err)
	}
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			c.Fatal(err)
		}
		return b
	}
	copy(signature[:], unhex(t.Signature))
	return unhex(t.ConsensusKey), unhex(t.Possession), signature, t.ValidUntil
}

// joinOf makes a candidate of node i for an owner.
func (c *chain) joinOf(i int, owner ed25519.PrivateKey) ledger.Join {
	c.Helper()
	key, possession, signature, _ := c.consent("join", "--owner", hex.EncodeToString(owner.Public().(ed25519.PublicKey)), "--home", c.Net.Nodes[i].Home)
	return ledger.Join{Identity: c.identity(i), ConsensusKey: key, Possession: possession, Moniker: c.Net.Nodes[i].Name, Consent: signature}
}

// rotationOf puts node i in the place of a validator's instance, until a height.
func (c *chain) rotationOf(i int, name ledger.ID) (ledger.Rotate, uint64) {
	c.Helper()
	key, possession, signature, until := c.consent("rotate", name.String(), "--home", c.Net.Nodes[i].Home)
	expected := c.validator(name).Identity
	return ledger.Rotate{Validator: name, Expected: expected, Identity: c.identity(i), ConsensusKey: key, Possession: possession, Consent: signature}, until
}
