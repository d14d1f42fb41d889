// Package wire turns consensus' values (node/types) into the protobuf messages
// of proto/bedrock/types/v1 and back: for peers, the vote log, storage and RPC.
//
// Invariants
//
//   - One value has one encoding: fields in rising order, each once, defaults
//     left out, shortest varints, no unknown field. Decoders refuse every other,
//     and what proto.Marshal gives for the generated types is that encoding.
//   - Every count and size is bounded (node/types, limits.go) before anything is
//     allocated for it; nesting is bounded by the types.
//   - A block that DecodeBlock gives has a payload and evidence that match the
//     roots in its header.
//   - Decoded values share memory with the input: whoever decodes a buffer must
//     not write to it afterwards.
//
// What it must not do: verify signatures, keep state.
//
// Guarded by round trips against the generated code, a table of refusals, and
// the fuzz targets.
package wire
