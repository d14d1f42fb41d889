// Command mutants shows that tests hold rules: it builds the tree with one rule off and
// wants a named test to fail.
//
//	mutants -C ROOT                 every mutant of ROOT/test/mutants/*.txt
//	mutants -C ROOT -only WORDS     those whose rule, table, file or test has one of the words, parted by commas
//	mutants -C ROOT -check          only: each replacement applies, each test is there
//	mutants -C ROOT -hasty          does not run campaigns without a mutant first
//	mutants -C ROOT -journal FILE   goes on where a run with that file was broken off
//	mutants -C ROOT -table FILE     writes the result as a page, too
//
// A table has entries, parted by empty lines; "#" begins a comment:
//
//	rule close-then-read
//	off  an eviction that the budget's own status tells is not seen
//	file controllers/disruption/act.go
//	test ./controllers/disruption TestEvictedJustBeforeTheClose
//	-	used = now.Gone || now.Going || disrupted[name]
//	+	used = now.Gone || now.Going
//
// Lines of "-" are replaced by those of "+" that follow; they must stand in the file
// exactly once. More of them are further places; a "file" between them names another one.
// "tags" gives build tags. A test may be a subtest: TestX/case.
//
// In the place of "test", a rule that is found by searching has campaigns, tried in order
// until one catches it; what it says of "seed N: ..." or "walk N: ..." goes into the result:
//
//	hunt ./node/sim TestHunt -profile crashes -seeds 60
//
// "harmless" says why nothing can catch a mutant: then each campaign must pass with it.
//
// Invariants: nothing of a mutant is ever in the tree (go's -overlay has it compiled in
// place of the file); an entry fails when it does not apply, when the tree without it does
// not pass its test, when the mutant does not compile, and when the named test passes (each of its
// campaigns, whole), does not run, or ends by its time limit: only its failure counts.
//
// It must not know of single rules. Guarded by mutants_test.go: a small module with
// mutants of every fate.
package main
