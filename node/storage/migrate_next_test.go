//go:build nextschema

package storage

import "testing"

// The next release's program leaves the schema as it is, migrates when it is asked to,
// keeps what was there, and does it once.
func TestMigrateOnDemand(t *testing.T) {
	c := newChain(1, 10)
	dir := t.TempDir()
	s := openStore(t, dir, testOptions())
	c.fill(t, s, 5)
	if s.Schema() != 1 {
		t.Fatalf("schema %d before anybody asked", s.Schema())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opt := testOptions()
	opt.Schema = 2
	for range 2 {
		s = openStore(t, dir, opt)
		at, err := s.get(famMeta, []byte(metaMigratedAt))
		if err != nil || s.Schema() != 2 || s.Tip() != 5 || string(at) != string(u64Value(5)) {
			t.Errorf("schema %d, tip %d, migrated at %x: %v", s.Schema(), s.Tip(), at, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
