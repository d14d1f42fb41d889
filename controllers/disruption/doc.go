// Package disruption gives out the right to take validators down, so that what is down
// at once stays below a third of the voting power, and restarts validators for a new
// image or configuration under the same right.
//
// One pass for a network: budgets, pods and nodes are read, then the token ledger (one
// ConfigMap), then what the chain's nodes say; plan.Next decides; act writes in an order
// that makes a crash between any two writes harmless.
//
// Invariants
//
//   - Nothing opens before its grant is durable, and opens only at the version that was
//     read before the ledger was: a leader that slept opens nothing. // rule: token-ledger
//   - A budget has two states, closed and open; this controller owns it. // rule: pdb-two-states
//   - A token ends unused only after its budget was written closed and the pod was found
//     neither in that answer's disruptedPods nor going in a live read. // rule: close-then-read
//   - The operator itself evicts through the same budget, by UID. // rule: one-gate
//   - A ledger that cannot be read grants nothing, and all budgets are written closed.
//
// It must not move a pod by any other way, sign anything but leases, or write what other
// controllers own. Guarded by plan's tests, history_test.go (random histories, crashes
// and two leaders), mutants_test.go (each rule off), and api_test.go (a real API server).
package disruption
