// Package byzantine gives simulated validators conduct that breaks the rules.
//
//	plan, report, err := byzantine.Draw(seed, 4).On(sim.Draw(seed, 4))
//	result, err := sim.Run(plan)
//
// A Byzantine validator is a whole node whose engine follows the protocol, behind a
// mask that changes, adds and holds back what leaves it, and that signs with its key
// whatever it likes. It sees everything that the network carries.
//
// Each conduct has a name (Names). `mix` wears a few of them at a time, and others after
// a while. `hidden-qc` is the adversary of the rules on fallback proposals: it keeps the
// votes of a view that it leads to itself and one validator until the next leader
// enters its view by a timeout certificate, and says how long messages take.
//
// What holds (package sim's checks): honest nodes agree, sign nothing twice, are accused
// by no evidence that verifies and penalised by nobody honest, and go on committing after
// the last benign fault heals, while the Byzantine ones go on. With a third of the power
// or more (Setup.Beyond) agreement breaks, and the checks must say so.
//
// A campaign, which fails with the first violation's seed and plan:
//
//	go test ./node/sim/byzantine -run '^TestCampaign$' -seeds M [-seed N] [-nodes n] [-conduct NAME] [-faults=false]
//
// runs M seeds from N on, with drawn conduct or with that of the name; a single seed:
// -seed N -seeds 1 -v, with logs. A mutant of a rule is caught where that fails.
//
// It must not: be imported by anything but tests and, under the build tag byzantine,
// cmd/bedrock; sign for an honest validator (sim.Node.Sign refuses); drop what honest
// nodes send one another, or delay it beyond the plan.
//
// Guarded by byzantine_test.go: a run for each conduct shows that it did what its name
// says and what became of it; beyond_test.go: with two of four the checker speaks;
// liveness_test.go: what the hidden certificate costs, with settle and without.
package byzantine
