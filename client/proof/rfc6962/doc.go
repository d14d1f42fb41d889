// Package rfc6962 is the Merkle tree of RFC 6962 over lists of byte strings:
// roots and proofs of inclusion for payloads, receipts, events and evidence.
//
// A leaf hashes as SHA-256(0x00 ‖ leaf), a node as SHA-256(0x01 ‖ left ‖
// right), the empty list as SHA-256(""). The package imports the standard
// library only, so that node, executor and client share it.
package rfc6962
