// Package spec is a small model of the protocol's safety (docs/protocol.md): three
// honest validators and one Byzantine, a few views, and a network that shows
// anything to anybody at any time. Explore visits every reachable state, or walks
// at random where there are too many.
//
// It models what bears on agreement: one prepare vote a view, the three voting
// rules, timeouts with the lock, the lowest TC that an adversary can put together,
// commit votes. It leaves out what only restricts honest validators further
// (leaders, timers, bodies, the present view), so a state that the code can reach
// the model can reach too.
//
// Invariants checked in every state: at most one block is certified a view, and of
// two committed blocks one is the other's ancestor.
//
// Epochs have a model on top of that (ChainState): sets of unequal powers that change,
// blocks that end an epoch or fail, failed runs and reverts. Invariants: one chain is
// final over all epochs, an epoch is reverted only if it changed the executor and no
// block of it was good. TestOutcomesRefineModel compares its outcomes with the code's.
//
// The fence of docs/keys.md has a model of its own (Fence): one validator with up to
// three signer volumes and processes on them, three epochs; volumes are cloned, backed
// up, rolled back, swapped, damaged, lost, and the chain names one instance after the
// other. Invariant: its key never signs two blocks of one view.
//
// Folder tla has the protocol in TLA+, for TLC (hack/model): agreement over epochs with
// unequal powers, crashes and the outcome chain, and what the vote log holds while
// commits are synced later. There, too, each rule is switched off in turn.
//
// It must not import the code that it models. Guarded by its own tests, which
// switch each rule off and must find a violation.
package spec
