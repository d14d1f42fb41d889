package plan

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/node/genesis"
	"github.com/bedrock-bft/bedrock/node/types"
)

// OperatorBalance is what the operator's account has at genesis, in whole units of
// the coin: enough for the fees of millions of its transactions.
const OperatorBalance = 1_000_000_000_000_000

// engine is the engine number of epoch 1.
const engine = 1

// GenesisInput is everything that a genesis is made of.
type GenesisInput struct {
	ChainID  string
	Ceremony *v1alpha1.Ceremony // nil: all defaults
	Records  []v1alpha1.CeremonyRecord
	Time     time.Time
	Operator v1alpha1.Ed25519Key
	Executor types.Hash
}

// Document is the genesis of a ceremony: a pure function of its input, whatever the
// order of the records. // rule: ceremony
func Document(in GenesisInput) (*genesis.Genesis, error) {
	c := in.Ceremony
	if c == nil {
		c = &v1alpha1.Ceremony{}
	}
	doc := genesis.Document{
		ChainID: in.ChainID, Engine: engine, ExecutorHash: in.Executor, TimeMs: uint64(max(0, in.Time.UnixMilli())),
		Scheme: "ed25519", Timing: genesis.DevnetTiming(), Block: genesis.Block{MaxBytes: 2 << 20, MaxGas: 1_000_000_000},
	}
	if c.Scheme == v1alpha1.SchemeBLS12381 {
		doc.Scheme = "bls12381"
	}
	if c.Timing == v1alpha1.TimingWideArea {
		doc.Timing = genesis.WideAreaTiming()
	}
	if c.MaxBlockBytes > 0 {
		doc.Block.MaxBytes = uint64(c.MaxBlockBytes)
	}
	if c.MaxBlockGas > 0 {
		doc.Block.MaxGas = uint64(c.MaxBlockGas)
	}
	records := slices.SortedFunc(slices.Values(in.Records), func(a, b v1alpha1.CeremonyRecord) int {
		return cmp.Compare(a.Validator, b.Validator)
	})
	for i := range records {
		v, err := validatorOf(&records[i])
		if err != nil {
			return nil, err
		}
		doc.Validators = append(doc.Validators, v)
	}
	state, err := appState(c, records, in.Operator)
	if err != nil {
		return nil, err
	}
	doc.AppState = state
	return genesis.New(doc)
}

func validatorOf(r *v1alpha1.CeremonyRecord) (genesis.Validator, error) {
	v := genesis.Validator{Moniker: string(r.Validator), Power: uint64(max(0, r.Power))}
	for _, f := range []struct {
		to   *genesis.Hex
		text string
		what string
	}{{&v.ConsensusKey, string(r.ConsensusKey), "consensus key"}, {&v.NetworkKey, string(r.Identity), "identity"}, {&v.Possession, r.Possession, "possession"}} {
		raw, err := hex.DecodeString(f.text)
		if err != nil {
			return v, fmt.Errorf("the %s of validator %s is no hex: %w", f.what, r.Validator, err)
		}
		*f.to = raw
	}
	return v, nil
}

// The members of app_state (docs/encodings.md, "Ledger genesis").
type (
	stateJSON struct {
		Accounts   []accountJSON    `json:"accounts"`
		Authority  authorityJSON    `json:"authority"`
		Parameters map[string]int64 `json:"parameters,omitempty"`
		Validators []memberJSON     `json:"validators"`
	}
	accountJSON struct {
		Address string `json:"address"`
		Balance string `json:"balance"`
	}
	authorityJSON struct {
		Keys      []string `json:"keys"`
		Threshold int32    `json:"threshold"`
	}
	memberJSON struct {
		Delegate string `json:"delegate"`
		Identity string `json:"identity"`
		Moniker  string `json:"moniker"`
		Owner    string `json:"owner"`
	}
)

// appState is the ledger's state at height 0. The operator's key is every validator's
// delegate; the owner and the authority only where the ceremony names none.
// rule: delegate-only
func appState(c *v1alpha1.Ceremony, records []v1alpha1.CeremonyRecord, operator v1alpha1.Ed25519Key) (json.RawMessage, error) {
	state := stateJSON{Accounts: []accountJSON{}, Parameters: c.Parameters,
		Authority: authorityJSON{Keys: []string{string(operator)}, Threshold: 1}}
	if c.Authority != nil {
		state.Authority = authorityJSON{Threshold: c.Authority.Threshold}
		for _, k := range c.Authority.Members {
			state.Authority.Keys = append(state.Authority.Keys, string(k))
		}
	}
	for name, value := range c.Parameters {
		if _, err := ledger.ParameterIndex(name); err != nil || strings.HasPrefix(name, "max_block_") {
			return nil, fmt.Errorf("genesis.ceremony.parameters.%s: the ledger has no such parameter to set; use one of %v (block limits are maxBlockBytes and maxBlockGas)", name, ledger.ParameterNames[2:])
		}
		if value < 0 {
			return nil, fmt.Errorf("genesis.ceremony.parameters.%s is %d: use 0 to %d", name, value, int64(math.MaxInt64))
		}
	}
	if err := state.fund(c, operator); err != nil {
		return nil, err
	}
	owner := c.Owner
	if owner == "" {
		owner = operator
	}
	ownerAddress, err := addressOf(owner)
	if err != nil {
		return nil, fmt.Errorf("the owner's key: %w", err)
	}
	for i := range records {
		state.Validators = append(state.Validators, memberJSON{Delegate: string(operator), Identity: string(records[i].Identity), Moniker: string(records[i].Validator), Owner: ownerAddress})
	}
	return json.Marshal(&state)
}

// fund lists the accounts of the spec, and the operator's unless the spec has it.
func (s *stateJSON) fund(c *v1alpha1.Ceremony, operator v1alpha1.Ed25519Key) error {
	listed := false
	for i := range c.Accounts {
		a := &c.Accounts[i]
		address, err := addressOf(a.PublicKey)
		if err != nil {
			return fmt.Errorf("genesis.ceremony.accounts[%d]: %w", i, err)
		}
		balance := strings.TrimLeft(a.Balance, "0")
		if balance == "" {
			return fmt.Errorf("genesis.ceremony.accounts[%d].balance is 0: give it something, or remove the account", i)
		}
		listed = listed || a.PublicKey == operator
		s.Accounts = append(s.Accounts, accountJSON{Address: address, Balance: balance})
	}
	if listed {
		return nil
	}
	address, err := addressOf(operator)
	if err != nil {
		return fmt.Errorf("the operator's key: %w", err)
	}
	s.Accounts = append(s.Accounts, accountJSON{Address: address, Balance: fmt.Sprint(OperatorBalance)})
	return nil
}

func addressOf(key v1alpha1.Ed25519Key) (string, error) {
	raw, err := hex.DecodeString(string(key))
	if err != nil || len(raw) != 32 {
		return "", fmt.Errorf("%q is no Ed25519 public key: use 64 hex digits", string(key))
	}
	return ledger.AddressOf(raw).String(), nil
}
