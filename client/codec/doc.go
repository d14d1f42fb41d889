// Package codec turns the RPC's messages (proto/bedrock/node/v1) into the values
// of node/types and executor/receipts, and back.
//
// Invariants
//
//   - From functions are strict: hashes have 32 bytes, a zero hash that stands for
//     "none" is left out, numbers are in range. What they accept, the To function
//     gives back unchanged, so that a proof file has one form.
//   - Nothing is verified here but form; client/light and client/proof do that.
//
// It links no cgo and does no I/O. Guarded by codec_test.go.
package codec
