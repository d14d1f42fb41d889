// Package receipts is the hashed form of what execution reports: receipts,
// events, and the RFC 6962 trees over them (docs/encodings.md, "Outcomes").
//
// The host fills receipts from a module's answer and from the events that it
// emitted; clients hash the same bytes to check a proof. Log texts are in no
// hash. The vectors in TestLayout and TestRoots guard the layout, TestProof that
// a receipt or event proves itself against the root.
//
// It decides nothing and imports no cgo.
package receipts
