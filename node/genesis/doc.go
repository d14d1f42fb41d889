// Package genesis reads, checks and writes the genesis document: the one file
// that names a chain. Its hash, the SHA-256 of the file's bytes, separates all
// signatures of one chain from those of every other.
//
// Invariants
//
//   - A document has one form: canonical JSON (RFC 8785 with integers only,
//     ASCII keys, no byte after the closing brace). Parse refuses every other.
//   - Unknown and missing members are refused, and every number is in a range
//     that is named in the error.
//   - Document is a pure function of its value: a ceremony that is repeated
//     gives the same bytes.
//
// The package reads no keys, talks to nobody and does not interpret app_state,
// which belongs to the executor. Guarded by genesis_test.go and FuzzParse.
package genesis
