// Package faults names the places where an operator may die: every write to the API
// server and every submission to a chain goes through Do, and a test ends the
// reconcile there, before or after the act.
//
//	err := faults.Do(ctx, "network/create-genesis", func() error { return c.Create(ctx, m) })
//
// Invariants: in production (no Injector in the context) Do is the act alone; a fault
// is never taken for a failure of the act, since an injected error is ErrInjected; after
// a fault After, the act was done and its caller does not know.
//
// It must not decide, count or log anything. Tests: faults_test.go, and the tests
// named for fault points in the controllers.
package faults
