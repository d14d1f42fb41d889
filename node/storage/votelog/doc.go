// Package votelog is a validator's memory of what it signed: the one file of a
// node that must never be lost, rolled back or started empty, because a key is
// used only together with it. // rule: key-with-memory
//
// # Two copies
//
// Every Append writes one record twice: whole to an append-only segment, and
// without block bodies to one of two slots, each time the older one. Both are
// synced, in parallel, before Append returns; one write is in flight at a time.
// // rule: persist-first, vote-durable
//
//	votelog/seg-0000000000000007   [record 41][record 42][record 43]0000...
//	votelog/slot-0                 [record 42]
//	votelog/slot-1                 [record 43]
//
// A record is {seq, SafetyState, outcomes, blocks, synced height} behind a header
// with its length and CRC32C. Records are padded to 4 KiB, and each 512-byte
// sector carries its own stamp (seq, place, CRC32C): a device writes a sector
// wholly or not at all, so a write that a power failure tore leaves sectors that
// are each valid, old or new, while a sector that is neither was damaged later.
// That tells a torn tail (never returned: ordinary) from a damaged record (may
// have been returned: must not be forgotten).
//
// # Opening
//
// The highest valid sequence of both copies wins, reading goes on past bad
// records, and the winner is written again under a new sequence, to a new
// segment, synced, then to the slot, synced, before anything may be sent.
// // rule: log-open
// If neither copy that holds the winner can vouch that nothing newer was
// completed, or if both are missing, Open returns ErrForeign: the volume's
// identity and log are set aside (signer package), never started empty.
// // rule: volume-foreign
//
// # Dropping
//
// Bodies and outcomes leave once the recorded synced height covers them, a
// conflicting block is final or their epoch is over; a segment goes when nothing
// in it is needed and a later record is synced in both copies. // rule: log-drop
//
// # Use
//
//	votelog.Create(dir, opt) error                          // with the identity
//	votelog.Open(dir, opt) (*Log, Recovered, error)
//	(*Log).Append(Record) error                             // returns after both syncs
//	(*Log).Final(height, id)                                // a block became final: what conflicts may leave
//	(*Log).HeldBodyBytes() int64                            // rule: bounded-tail
//	(*Log).Stats() Stats; (*Log).Close() error
//	votelog.Inspect(dir, opt) (Inspection, error)           // offline look, changes nothing
//
// # What callers keep to
//
//   - Create is called together with the identity and at no other time.
//   - After an error of Append the process ends; the log refuses every further
//     write with the same error. // rule: sync-failure
//   - The synced height of a record is one whose sync had returned.
//
// It must not know consensus rules, sign, or decide what to vote.
//
// Tests: crash_test.go crashes at every write of random histories (torn and cut
// sectors, failed syncs), flip_test.go flips any one bit of either copy and of
// both, held_test.go covers what may leave, log_test.go the rest.
package votelog
