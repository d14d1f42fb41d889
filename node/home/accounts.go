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
	Balance  uint64          `json:"balance"` // of each at genesis
	Accounts []AccountRecord `json:"accounts"`
}

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
	b := append([]byte("bedrock/dev-account/1"), seed...)
	sum := sha256.Sum256(binary.LittleEndian.AppendUint32(b, uint32(i)))
	return ed25519.NewKeyFromSeed(sum[:]), nil
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

func makeAccounts(o Options) (*Accounts, error) {
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
		a.Accounts = append(a.Accounts, AccountRecord{Address: addressOf(key), Secret: hex.EncodeToString(key.Seed())})
	}
	return a, nil
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

type feeOwnerJSON struct {
	Address  string `json:"address"`
	Identity string `json:"identity"`
}

type authorityJSON struct {
	Keys      []string `json:"keys"`
	Threshold int      `json:"threshold"`
}

type appStateJSON struct {
	Accounts  []balanceJSON  `json:"accounts"`
	Authority *authorityJSON `json:"authority,omitempty"`
	FeeOwners []feeOwnerJSON `json:"fee_owners,omitempty"`
}

// appState is the ledger's genesis: accounts with balances, the first of them
// also the authority, and each validator's fees to one of them.
func appState(nodes []Node, accounts *Accounts, balance uint64) (json.RawMessage, error) {
	state := appStateJSON{Accounts: []balanceJSON{}}
	if accounts != nil {
		for i := range accounts.Count {
			key, err := accounts.Key(i)
			if err != nil {
				return nil, err
			}
			state.Accounts = append(state.Accounts, balanceJSON{Address: addressOf(key), Balance: balance})
			if i == 0 {
				state.Authority = &authorityJSON{Keys: []string{hex.EncodeToString(key.Public().(ed25519.PublicKey))}, Threshold: 1}
			}
		}
		for i := range nodes {
			owner := state.Accounts[i%accounts.Count].Address
			state.FeeOwners = append(state.FeeOwners, feeOwnerJSON{Address: owner, Identity: nodes[i].Identity.NetworkKey})
		}
	}
	return json.Marshal(&state)
}

// addressOf is the address of a key as the ledger shows it.
func addressOf(key ed25519.PrivateKey) string {
	return ledger.AddressOf(key.Public().(ed25519.PublicKey)).String()
}
