// Package state is what execution reads and writes: rows and tree pages at a
// pinned height, with the writes of blocks that are not final yet laid over it.
//
// A Base (RocksDB in a node, memory in tests) holds everything that is final.
// Each executed block has one Overlay, keyed by block id; Overlays keeps the
// tree of them and hands out a View: an immutable chain of overlays above a
// pinned height of the base.
//
// Invariants, each with a test:
//   - A view answers with the newest write at or below its height on its own
//     chain; two forks that write the same row or the same (height, path) never
//     see each other (TestForksDoNotMix, TestViewAgainstModel).
//   - An overlay answers the same, in whatever order it was written
//     (TestOverlayFindsWhatWasWrittenInAnyOrder).
//   - Commits and drops move no view (TestCommitMovesNoView): overlays live as
//     long as a view refers to them, and LowestPinned tells pruning what the open
//     ones read of the base.
//   - The cache holds what is final only, and never answers a reader with a row
//     of another height (TestCacheServesTheRightHeight).
//   - A write set lists the same writes in the same order on every node
//     (TestWriteSetIsOrdered).
//
// A read error of the base is passed on as it is: never an absence
// (rule: host-fault). The package links no cgo, so that storage may import it.
package state
