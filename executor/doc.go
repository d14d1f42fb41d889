// Package executor is the host of executor modules: it checks, compiles and
// stores them, and runs their exports over the state, each in a fresh instance.
//
// A module is a pure function. All that it sees are the request of the call and
// five imports (docs/execution.md, docs/encodings.md); the engine number fixes
// everything of the runtime that an execution can observe (LimitsOf).
//
// What Execute answers with is one of two things:
//
//   - a Result, the same on every node that runs the same module on the same
//     state. A trap of the module's own making, a malformed answer included, has
//     one outcome: the parent's root, no receipts, no epoch change, Success false
//     (rule: failed-block).
//   - a *HostFault: this node could not execute. It is never an outcome
//     (rule: host-fault). A fault is told from a trap by the identity of the
//     error that an import returned, never by its text; what a module cannot
//     verify it reports by a reserved answer.
//
// Invariants, each with a test: the verdicts on loops, traps, exhausted memory,
// deep stacks, wrong lengths and malformed answers (TestVerdicts); a sixth
// import, WASI and a missing export are refused by name (TestInspect); an
// injected I/O error is no outcome wherever it strikes
// (TestInjectedFaultIsNoOutcome); fuel and results are equal in all optimisation
// levels and runs (TestDeterminism), and the fuel of a corpus is pinned for each
// engine number (TestCorpusFuel).
//
// The package knows nothing of nodes, consensus or the network, and interprets
// no transaction.
package executor
