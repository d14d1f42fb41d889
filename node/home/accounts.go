package home

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/bedrock-bft/bedrock/client/ledger"
)

// shownAccounts is how many accounts the file lists; the seed gives all.
const shownAccounts = 10

const accountsWarning = "The secrets of this network's accounts lie here in clear: for trying things out only. " +
	"Whoever reads this file can spend what these accounts hold."

// Accounts is the file of funded accounts of a network without value.
type Accounts struct {
	Warning  string          `json:"warning"`
	Seed     string          `json:"seed"` // hex, 32 bytes
	Count    int             `json:"count"`
	Balance  uint64          `json:"balance"` // of each at genesis, owners and authority too
	Accounts []AccountRecord `json:"accounts"`
	// Owners own the validators, in the set's order.
	Owners []OwnerRecord `json:"owners"`
	// Authority may weigh validators, set parameters and schedule executors.
	Authority AuthorityRecord `json:"authority"`
}

// OwnerRecord is the account that owns a validator and gets its fees.
type OwnerRecord struct {
	AccountRecord
	Identity  string `json:"identity"`  // hex: the validator's network identity at genesis
	Validator string `json:"validator"` // hex: its name for life
}

// AuthorityRecord is the m-of-n authority; each key has a funded account.
type AuthorityRecord struct {
	Threshold int             `json:"threshold"`
	Keys      []AccountRecord `json:"keys"`
}

// authorityKeys and authorityThreshold are those of a network without value.
const (
	authorityKeys      = 3
	authorityThreshold = 2
)

// AccountRecord is one account.
type AccountRecord struct {
	Address string `json:"address"`
	Secret  string `json:"secret"` // hex: Ed25519 seed
}

// Key is the key of account i: its seed is
// SHA-256("bedrock/dev-account/1" ‖ seed ‖ i as u32, little-endian).
func (a *Accounts) Key(i int) (ed25519.PrivateKey, error) {
	seed, err := hex.DecodeString(a.Seed)
	if err != nil || len(seed) != sha256.Size {
		return nil, fmt.Errorf("seed of %s is not 64 hex digits", AccountsName)
	}
	if i < 0 || i >= a.Count {
		return nil, fmt.Errorf("account %d of %d: no such account", i, a.Count)
	}
	return derive("bedrock/dev-account/1", seed, i), nil
}

// derive is key i of a domain and seed.
func derive(domain string, seed []byte, i int) ed25519.PrivateKey {
	b := append([]byte(domain), seed...)
	sum := sha256.Sum256(binary.LittleEndian.AppendUint32(b, uint32(i)))
	return ed25519.NewKeyFromSeed(sum[:])
}

// Key is the account's key.
func (r *AccountRecord) Key() (ed25519.PrivateKey, error) {
	seed, err := hex.DecodeString(r.Secret)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("secret of account %s in %s is not 64 hex digits", r.Address, AccountsName)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// OwnerKey is the key of the account that owns validator i of genesis.
func (a *Accounts) OwnerKey(i int) (ed25519.PrivateKey, error) {
	if i < 0 || i >= len(a.Owners) {
		return nil, fmt.Errorf("%s names no owner of validator %d: it has %d", AccountsName, i, len(a.Owners))
	}
	return a.Owners[i].Key()
}

// AuthorityKeys are as many keys of the authority as its operations need.
func (a *Accounts) AuthorityKeys() ([]ed25519.PrivateKey, error) {
	if a.Authority.Threshold < 1 || a.Authority.Threshold > len(a.Authority.Keys) {
		return nil, fmt.Errorf("%s names no authority: make the network anew", AccountsName)
	}
	out := make([]ed25519.PrivateKey, a.Authority.Threshold)
	for i := range out {
		var err error
		if out[i], err = a.Authority.Keys[i].Key(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// LoadAccounts reads a network's file of funded accounts.
func LoadAccounts(path string) (*Accounts, error) {
	const most = 1 << 20
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read funded accounts: %w (`bedrock init --accounts N` makes them)", err)
	}
	if info.Size() > most {
		return nil, fmt.Errorf("read funded accounts: %s has %d bytes, at most %d", path, info.Size(), most)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read funded accounts: %w", err)
	}
	var a Accounts
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("read funded accounts %s: %w", path, err)
	}
	if a.Count < 1 || a.Count > MaxAccounts {
		return nil, fmt.Errorf("read funded accounts %s: %d accounts, want 1 to %d", path, a.Count, MaxAccounts)
	}
	_, err = a.Key(0)
	return &a, err
}

func makeAccounts(o Options, nodes []Node) (*Accounts, error) {
	if o.Accounts == 0 {
		return nil, nil
	}
	seed := make([]byte, sha256.Size)
	if _, err := io.ReadFull(rand.Reader, seed); err != nil {
		return nil, fmt.Errorf("make accounts: %w", err)
	}
	a := &Accounts{Warning: accountsWarning, Seed: hex.EncodeToString(seed), Count: o.Accounts, Balance: o.Balance}
	for i := range min(o.Accounts, shownAccounts) {
		key, err := a.Key(i)
		if err != nil {
			return nil, err
		}
		a.Accounts = append(a.Accounts, recordOf(key))
	}
	for i := range nodes {
		name, err := nodes[i].name()
		if err != nil {
			return nil, err
		}
		owner := recordOf(derive("bedrock/dev-owner/1", seed, i))
		a.Owners = append(a.Owners, OwnerRecord{AccountRecord: owner, Identity: nodes[i].Identity.NetworkKey, Validator: name.String()})
	}
	a.Authority.Threshold = authorityThreshold
	for i := range authorityKeys {
		a.Authority.Keys = append(a.Authority.Keys, recordOf(derive("bedrock/dev-authority/1", seed, i)))
	}
	return a, nil
}

func recordOf(key ed25519.PrivateKey) AccountRecord {
	return AccountRecord{Address: addressOf(key), Secret: hex.EncodeToString(key.Seed())}
}

// name is the ledger's name of the node's validator.
func (n *Node) name() (ledger.ID, error) {
	_, network, _, err := n.Identity.Keys()
	if err != nil {
		return ledger.ID{}, err
	}
	return ledger.ValidatorName(network), nil
}

func (a *Accounts) write(path string) error {
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return fmt.Errorf("write funded accounts: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write funded accounts: %w", err)
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		f.Close()
		return fmt.Errorf("write funded accounts: %w", err)
	}
	return f.Close()
}

type balanceJSON struct {
	Address string `json:"address"`
	Balance uint64 `json:"balance"`
}

type validatorJSON struct {
	Identity string `json:"identity"`
	Moniker  string `json:"moniker"`
	Owner    string `json:"owner,omitempty"`
}

type authorityJSON struct {
	Keys      []string `json:"keys"`
	Threshold int      `json:"threshold"`
}

type appStateJSON struct {
	Accounts   []balanceJSON   `json:"accounts"`
	Authority  *authorityJSON  `json:"authority,omitempty"`
	Validators []validatorJSON `json:"validators"`
}

// appState is the ledger's genesis: the validators, and of a network without value
// its funded accounts, owners and authority.
func appState(nodes []Node, accounts *Accounts, balance uint64) (json.RawMessage, error) {
	state := appStateJSON{Accounts: []balanceJSON{}, Validators: []validatorJSON{}}
	for i := range nodes {
		state.Validators = append(state.Validators, validatorJSON{Identity: nodes[i].Identity.NetworkKey, Moniker: moniker(i)})
	}
	if accounts == nil {
		return json.Marshal(&state)
	}
	fund := func(address string) {
		state.Accounts = append(state.Accounts, balanceJSON{Address: address, Balance: balance})
	}
	for i := range accounts.Count {
		key, err := accounts.Key(i)
		if err != nil {
			return nil, err
		}
		fund(addressOf(key))
	}
	for i := range accounts.Owners {
		fund(accounts.Owners[i].Address)
		state.Validators[i].Owner = accounts.Owners[i].Address
	}
	state.Authority = &authorityJSON{Threshold: accounts.Authority.Threshold}
	for i := range accounts.Authority.Keys {
		fund(accounts.Authority.Keys[i].Address)
		key, err := accounts.Authority.Keys[i].Key()
		if err != nil {
			return nil, err
		}
		state.Authority.Keys = append(state.Authority.Keys, hex.EncodeToString(key.Public().(ed25519.PublicKey)))
	}
	return json.Marshal(&state)
}

// addressOf is the address of a key as the ledger shows it.
func addressOf(key ed25519.PrivateKey) string {
	return ledger.AddressOf(key.Public().(ed25519.PublicKey)).String()
}
