// Package governance changes real networks while they are loaded: validators
// join, leave, are weighed, rotated and jailed, epoch follows epoch while one of them
// is cut off, and the executor is replaced. It
// has no code, only tests; each runs a network of processes (test/fleet).
//
// What is held beside what each test is about: no identity ever signed twice by
// the vote log of any process that ever ran, but the one that was built to; all
// nodes tell the same outcomes; what a client was told is final stays so; nobody's
// transfers are refused.
//
// Linux only. The addresses are 127.0.0.x from -first-host on.
package governance
