//go:build !nextschema

package storage

// SchemaVersion is the newest layout that this program reads and writes.
const SchemaVersion = 1

// OldestSchema is the oldest layout that it reads, and what it makes where nobody asks
// for another. // rule: schema-after-fleet
const OldestSchema = 1

// migrations bring a database from the schema before each to it.
var migrations = map[uint32]migration{}
