package home

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoadAccounts reads arbitrary bytes as the file of funded accounts: what is taken
// has the keys that it promises, or says whose is missing.
func FuzzLoadAccounts(f *testing.F) {
	a, err := makeAccounts(Options{Accounts: 3, Balance: 9}, nil)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"seed":"","count":1}`))
	f.Add([]byte(`{"seed":"` + a.Seed + `","count":9223372036854775807}`))
	f.Add([]byte(`{"seed":"` + a.Seed + `","count":1,"authority":{"threshold":1,"keys":[{"secret":"00"}]}}`))
	path := filepath.Join(f.TempDir(), AccountsName)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := LoadAccounts(path)
		if err != nil {
			return
		}
		if _, err := a.Key(a.Count - 1); err != nil {
			t.Fatalf("the last of %d accounts has no key: %v", a.Count, err)
		}
		if _, err := a.Key(a.Count); err == nil {
			t.Fatalf("more than %d accounts", a.Count)
		}
		if keys, err := a.AuthorityKeys(); err == nil && len(keys) != a.Authority.Threshold {
			t.Fatalf("%d keys of an authority of %d", len(keys), a.Authority.Threshold)
		}
		for i := range a.Owners {
			if key, err := a.OwnerKey(i); err == nil && len(key) == 0 {
				t.Fatalf("owner %d has an empty key", i)
			}
		}
	})
}
