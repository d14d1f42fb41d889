// Package storage is the node's database: everything that can be executed again,
// in one RocksDB with one column family a concern. What was signed is not here
// but in package votelog.
//
// # Families
//
//	blocks        height -> block                           append-only, blob file
//	certificates  h height -> commit certificate that covers it
//	              e epoch  -> what proves the epoch (EpochStart)
//	outcomes      height -> outcome, state after it
//	index         b block id -> height; t tx hash -> its last success, else its last
//	receipts      height -> receipts and events             blob file
//	state         address (32), inverted height (8) -> flag, raw key, value
//	tree          version (8), path -> page
//	stale         version -> pages that nothing above reads: what pruning deletes
//	changes       height -> addresses written
//	evidence      hash -> height
//	meta          database id, genesis hash, schema, tip, floors, the filling mark
//
// # Promises
//
//   - A commit batch is one write of all families: whole or absent after a crash.
//     Batches go in height order and are not synced one by one; Sync is called
//     within 50 ms or 64 MiB, and what a crash takes is executed again from bodies
//     in vote logs.
//   - Opening needs no repair command. The tip found has block, outcome, receipts,
//     state and root page that agree, or the open is refused as damaged; so is a
//     tip below the height that the vote log saw synced (ErrMissingWrites), unless
//     the database is empty or marked as filling. The mark is in the first synced
//     write and leaves once a synced tip reaches that height: until then the node
//     does not sign.
//   - Another chain's database, or one of a schema that this program does not read, is
//     refused by name. A new one has the oldest schema, and none is migrated but on
//     demand (Options.Schema). // rule: schema-after-fleet
//   - A read that fails is an error, never an absence. // rule: host-fault
//   - A failed write or sync ends the store: every later write gets the same
//     error, nothing is retried. // rule: sync-failure
//   - A read below a floor is ErrPruned with the floor, also when pruning runs at
//     that very moment.
//
// # Use
//
//	Open(dir, Options) (*Store, error); (*Store).Close()
//	(*Store).CommitGenesis(Genesis) error       once, synced
//	(*Store).Commit([]Final) error              in order, unsynced
//	(*Store).Sync() (height, error)
//	(*Store).Tip, TipRef, Filling, Floors, Block, BlockByID, Outcome, Outcomes,
//	  Certificate, EpochStart, Epochs, Receipts, TxLookup, KnownEvidence, StateRef
//	(*Store).ReadValues, ReadPages              executor/state.Base
//	(*Store).Prune, Pruner; WatchSpace; Inspect; MarkFilling
//
// It must not execute, verify signatures, or decide what is final. Column family
// handles are released before the database is closed.
//
// Tests: crash_test.go cuts the power at every write of RocksDB (package crashfs)
// and fills the disk, flip_test.go damages logs and tables, open_test.go covers
// what an opening refuses, migrate_test.go (and, with the tag
// nextschema, migrate_next_test.go) the schema, store_test.go and state_test.go compare every read with
// a model, prune_test.go and space_test.go the rest.
package storage
