// Package verdict is how a decision of a controller is told: a reason, a message for
// people, and whether all is well. The deciding functions in controllers/*/plan are
// pure, return verdicts, and their reason is the condition's reason.
//
// Invariants: a verdict's reason is one CamelCase word; a verdict that is not True
// says in its message what to do or what is waited for; turning verdicts into
// conditions keeps the time of the last transition.
//
// It must not do I/O. Tests: verdict_test.go.
package verdict
