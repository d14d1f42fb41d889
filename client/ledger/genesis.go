package ledger

import "encoding/json"

// Genesis is what the ledger begins with: the app_state of a genesis document.
type Genesis struct {
	Accounts   []GenesisAccount   `json:"accounts"`
	Authority  *Authority         `json:"authority,omitempty"`
	Validators []GenesisValidator `json:"validators"`
}

// GenesisAccount is a funded account.
type GenesisAccount struct {
	Address Address `json:"address"`
	Balance uint64  `json:"balance"`
}

// GenesisValidator is what the ledger knows of a validator of the first set. Its owner
// is otherwise the account of its identity's own key.
type GenesisValidator struct {
	Identity ID      `json:"identity"`
	Moniker  string  `json:"moniker"`
	Owner    Address `json:"owner,omitzero"`
	// Delegate is the public key that may rotate, maintain and leave it.
	Delegate ID `json:"delegate,omitzero"`
}

// AppState writes it, the same bytes each time.
func (g *Genesis) AppState() (json.RawMessage, error) {
	out := *g
	if out.Accounts == nil {
		out.Accounts = []GenesisAccount{}
	}
	if out.Validators == nil {
		out.Validators = []GenesisValidator{}
	}
	return json.Marshal(&out)
}
