// Package modules brings executor modules from peers, by their SHA-256: a module
// is what its hash says, whoever gave it.
//
// Invariants
//
//   - Nothing reaches the caller whose SHA-256 is not the one asked for; who sent
//     it is penalised and not asked again for a while.
//   - A module has at most MaxBytes, on both sides, whatever a peer announces. It
//     travels in pieces, so that one request is small and soon answered.
//   - Validators are asked before others, another one first each time; one that takes
//     long is hedged. A peer that has nothing, is slow or goes away costs itself
//     nothing.
//   - Serving is bounded by the protocol's rate, and reads a module from disk once
//     for all its pieces.
//
// What it must not do: store, load or judge a module, or decide which are needed.
//
// Guarded by the tests beside the code, with peers that lie in each way named.
package modules
