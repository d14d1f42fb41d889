// Package plan decides for the validator controller: pure functions from what was read
// to a verdict (a condition with its reason) and what to do.
//
// Invariants
//
//   - A signer volume of which an identity is known is never made again, and never
//     taken for another one with the same name: KeyMissing and VolumeReplaced wait for
//     a takeover. A chain volume is made again without hands. // rule: own-pvcs,
//     key-with-memory
//   - An identity is made only where no genesis can name another one for the same
//     Validator. // rule: ceremony
//   - A node is started only when its key is claimed, its genesis known, its volumes
//     those recorded and its disruption budget there.
//   - What only the cluster can know becomes a verdict, never an error.
//
// It must not do I/O or read a clock. Tests: tables, named after the rules.
package plan
