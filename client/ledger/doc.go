// Package ledger builds, signs and reads transactions of the ledger that ships
// with Bedrock, and reads its state rows: addresses, transactions, state keys,
// accounts, records, validators, authority, epochs, upgrades, codes.
//
// A Draft is a transaction that several key holders sign, one after the other,
// offline: the operations of the authority, an m-of-n set of keys.
//
// The layouts are those of docs/encodings.md ("Ledger transactions", "Ledger
// state"). The decoder refuses whatever is not the one canonical encoding, as the
// module does; test/vectors/ledger.json holds both sides to it.
//
// What it must not do: keep keys, talk to nodes. It links no cgo.
package ledger
