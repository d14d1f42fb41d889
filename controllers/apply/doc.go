// Package apply writes objects by server-side apply, and only when something would
// change: an operator in a steady state writes nothing.
//
// Invariants:
//   - What the field manager owns of the live object is compared with what is wanted;
//     equal means no request.
//   - Ownership is forced for fields of objects that the operator made; another's
//     fields are left alone.
//   - No event is told twice in a row for the same reason.
//
// What is written by Create only (volumes, genesis, key material; rule: no-owner) does
// not come through here.
//
// Tests: apply_test.go, once_test.go, version_test.go.
package apply
