// Package counter runs the example state machine as a chain, by the commands that
// docs/state-machines.md shows.
//
// A devnet of the counter's module on 127.0.0.180 and the addresses after it takes
// raw transactions over the RPC, under load; every node must execute them the same,
// prove the counts, and refuse what is no transaction in the machine's own words. All
// that clients were told and all votes on record are compared (test/fleet). With -all
// under both signature schemes.
package counter
