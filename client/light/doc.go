// Package light follows a chain by its certificates alone: from genesis, an epoch
// certificate an epoch, then any commit certificate makes its outcome's height
// final with all below.
//
// Invariants
//
//   - Nothing counts because of who sent it: an epoch joins the chain only with a
//     quorum's commit votes of the epoch before on an outcome that names its
//     digest.
//   - A block above a certified outcome (a descendant of an epoch's end) is not
//     final, whatever certificate it bears.
//   - Old keys can sign another past. A client that was away for longer than the
//     trust period (TrustPeriod) starts again from a checkpoint that a person
//     vouches for: New takes any epoch.
//
// It links no cgo, does no I/O and reads no clock. Guarded by light_test.go.
package light
