// Package load makes load from outside: signed transfers and records of many
// accounts at a fixed rate, whatever the chain answers, and measures from the
// moment at which a transaction was due to the client's notice of a commit
// certificate for it.
//
// `bedrock devnet --load` and `bedrock bench` are this package.
package load
