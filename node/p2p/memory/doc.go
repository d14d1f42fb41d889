// Package memory is a network inside one process, with the interface of p2p: for
// tests of what stands on it. A rule may drop, delay or double every message.
//
// It keeps p2p's promises to its users (queues bounded for each peer, oldest
// dropped first, order kept for each sender and channel unless delays differ) and
// makes none about timing.
package memory
