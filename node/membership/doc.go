// Package membership tells the ledger what it expects to hear of this node: the
// duties of a node whose identity belongs to a validator or a candidate. At
// intervals the service asks the newest final state whose identity this is, and
// has each duty say which operation is due; that is signed with the network
// identity, fee-free, and submitted, again until the ledger shows it.
//
//	New(Config) (*Service, error)
//	(*Service) Run(ctx)
//	Duty           one thing to tell: Ready is the first; others are added in Config
//	Synced(SyncView) (why string, ok bool)
//
// Invariants
//
//   - What is due is decided by values alone (Duty.Due of what was read); the
//     service adds clock, queries and submission.
//   - A repeat does nothing: operations go by compare-and-swap, so a duty needs no
//     memory, and a restart repeats no harm.
//   - An executor without these queries is left alone.
//   - Nothing here signs for consensus, and nothing waits for it.
//
// Guarded by service_test.go.
package membership
