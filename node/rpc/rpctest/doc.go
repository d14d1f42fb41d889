// Package rpctest is a chain for tests of what speaks to a node: real genesis,
// blocks, outcomes, receipts and certificates of real keys, without consensus, a
// network or an executor. Chain implements rpc.Backend.
//
// Its state machine is the least that proofs need: a transaction's bytes are the
// value of the key "tx/" and its hash; one that begins with "fail" has code 1 and
// changes nothing.
//
// Only tests import it.
package rpctest
