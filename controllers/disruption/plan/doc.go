// Package plan decides how much voting power may be taken down on purpose, and by whom:
// pure functions over what the chain's nodes said, the token ledger and the pods.
//
//	view := plan.NewView(answers)             the set, who was seen, by two witnesses
//	l, err := plan.Parse(data)                tokens and requests
//	step := plan.Next(plan.Input{...})        the ledger to write, and then what to open,
//	                                          to close and read, to evict
//
// Invariants
//
//   - A token is granted only if the power of all that is down with it stays below a
//     third: granted tokens, missing or unknown, maintained on chain, vanished pods, each
//     validator once. What cannot be known counts as down. // rule: seen
//   - No token is forgotten: one ends unused only by close-then-read, and a used one only
//     when votes above the height of its return are seen. // rule: token-back
//   - A ledger that does not parse grants nothing. // rule: token-ledger
//   - First come, first served; drains before rollouts. // rule: token-request
//
// It must do no I/O and read no clock. Guarded by budget_test.go (tables),
// history_test.go (random histories with crashes between any two writes) and
// rules_test.go (each named rule).
package plan
