// Package anchor puts real input on a real chain: every line of this module's
// go.sum and of the workspace's Cargo.lock is anchored as a record, read back with
// a proof, and checked with all nodes stopped.
package anchor
