package storage

import (
	"errors"
	"testing"
)

// onRecord changes the schema that a closed database has on record.
func onRecord(t *testing.T, dir string, schema uint64) {
	t.Helper()
	s := openStore(t, dir, testOptions())
	b := s.newBatch(64)
	b.put(famMeta, []byte(metaSchema), u64Value(schema))
	if err := s.write(b, s.durable); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A database stays as the program before this one reads it until it is asked to be
// another. rule: schema-after-fleet
func TestNewDatabaseIsOfTheOldestSchema(t *testing.T) {
	s := openStore(t, t.TempDir(), testOptions())
	if s.Schema() != OldestSchema {
		t.Errorf("a new database has schema %d, want %d", s.Schema(), OldestSchema)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSchemaOutOfReach(t *testing.T) {
	dir := t.TempDir()
	opt := testOptions()
	opt.Schema = SchemaVersion + 1
	if _, err := Open(dir, opt); !errors.Is(err, ErrSchemaUnknown) {
		t.Errorf("a schema that this program does not know: %v", err)
	}
	if err := openStore(t, dir, testOptions()).Close(); err != nil {
		t.Fatal(err)
	}
	onRecord(t, dir, OldestSchema-1)
	if _, err := Open(dir, testOptions()); !errors.Is(err, ErrOlderSchema) {
		t.Errorf("an older schema: %v", err)
	}
}

// A lower schema than the database has is no wish: nothing goes back.
func TestSchemaNeverGoesDown(t *testing.T) {
	dir := t.TempDir()
	opt := testOptions()
	opt.Schema = SchemaVersion
	if err := openStore(t, dir, opt).Close(); err != nil {
		t.Fatal(err)
	}
	opt.Schema = OldestSchema
	s := openStore(t, dir, opt)
	if s.Schema() != SchemaVersion {
		t.Errorf("schema %d, want %d", s.Schema(), SchemaVersion)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
