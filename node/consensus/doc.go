// Package consensus is Bedrock BFT as a pure state machine: Step(event) effects.
//
// A Core holds one validator's (or follower's) view of the protocol of
// docs/protocol.md. It is driven by one caller, which
//
//   - gives it events: messages received, verdicts of effects, and the time;
//   - carries out the effects that it answers, in their order.
//
// How the caller works with it
//
//		core, effects, err := consensus.New(now, config, start)
//		for { carryOut(effects); effects = core.Step(now, nextEvent()) }
//
//	  - A Persist must be durable before any later effect of the same answer, or
//	    of a later answer, is carried out that signs something. Effects before it
//	    depend on nothing and may go out at once.
//	  - Sign: sign the message (its Signature is empty), send it to every
//	    validator of the epoch, and give it back as a Received event with From
//	    the zero Peer, so that the own vote is counted like any other.
//	  - VerifyBlock, ExecuteBlock, BuildBlock, FetchBlock, PrepareEpoch are asked
//	    once; their answers are events, whenever they come. FetchBlock alone is
//	    repeated while the block is missing.
//	  - Blocks reach the Core only with roots that match their payload and
//	    evidence (wire.DecodeBlock checks that).
//
// Invariants
//
//   - No goroutine, clock, randomness, I/O, or dependence on map order: the same
//     events give the same effects.
//   - Rules are level-triggered: after each event every rule whose condition
//     holds fires, in whatever order block, certificate and proposal came.
//   - Views in the SafetyState only rise within an epoch, epochs only rise, and
//     nothing is signed that the last emitted Persist does not account for.
//   - All that peers can make it keep is bounded by validator, view and bytes.
//
// What it must not do: import anything of ours but node/types; sign; trust an
// unverified certificate; run user code.
//
// Guarded by the transcripts in testdata (good and bad path of every named rule;
// with the table tests they reach every statement, which hack/test checks),
// the in-package simulation and random walks with their adversaries, the model in
// spec that the walks must refine, the broken protocols of test/mutants/protocol.txt, which
// each have a rule off, and the lint rules of this folder.
package consensus
