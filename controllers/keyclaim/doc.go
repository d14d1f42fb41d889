// Package keyclaim makes the cluster's claims on consensus keys: of two Validators with
// one key, the second is refused early and with a reason that names the first.
//
// Invariants
//
//   - Safety does not rest on claims: the chain's set says who signs (docs/keys.md).
//   - A claim's name is the key's hash, so the API server lets one be made.
//   - A claim goes when its holder is gone for good: no Validator of that name has its
//     UID, by a read past the cache. What may not be read counts as there.
//
// It must not read Secrets or start anything. Tests: keyclaim_test.go, against a real
// API server; plan's tables.
package keyclaim
