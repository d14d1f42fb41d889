//go:build nextschema

package storage

// The program of the release after this one, as tests build it: it reads this one's
// schema and its own, and writes this one's until it is asked to migrate.
const (
	// SchemaVersion is the newest layout that this program reads and writes.
	SchemaVersion = 2
	// OldestSchema is the oldest layout that it reads.
	OldestSchema = 1
)

// metaMigratedAt is what schema 2 has more: the tip at which it was migrated.
const metaMigratedAt = "migrated-at"

var migrations = map[uint32]migration{
	2: func(s *Store, b *batch) error {
		b.put(famMeta, []byte(metaMigratedAt), u64Value(s.Tip()))
		return nil
	},
}
