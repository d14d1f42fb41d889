// Package hunt searches for broken rules of the protocol with the simulator of whole
// nodes: campaigns of seeds, each under a profile that sets what goes wrong and what must
// hold beyond what node/sim checks always (profiles_test.go: safety; liveness_test.go:
// views lost, time without finality, empty blocks, tails).
//
//	go test ./node/sim/hunt -run TestHunt -profile crashes -seeds 60
//
// It must not know a rule, only what rules are for. The tree passes every campaign; each
// mutant of test/mutants/protocol.txt fails the one that is named there. It has tests
// only, and no code that anything imports.
package hunt
