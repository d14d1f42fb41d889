// Package p2p connects the nodes of one chain over QUIC (go-libp2p). It moves
// opaque bytes between network identities and knows nothing of what they mean.
//
// A connection belongs to a chain: both sides tell chain id, genesis hash,
// protocol range, tip and role first, and a mismatch closes it with the reason
// on both sides. The libp2p key is the node's network identity.
//
// What travels how:
//
//   - votes: messages of at most 64 KiB between validators, on a long-lived
//     stream and from a queue of their own, so that they never wait for blocks
//   - blocks: larger messages between validators, cut into 64 KiB pieces on
//     another long-lived stream, reassembled under a bound
//   - requests: one stream each, with a protocol name, a size and a time bound
//   - gossip: the topics tx, evidence and blocks (gossipsub v1.2, unsigned,
//     a message's id is the hash of its content)
//
// Invariants
//
//   - Every queue is bounded in messages and bytes, one for each peer, and
//     served in turn: a flood fills its sender's queue only. What is dropped is
//     the oldest, and is counted.
//   - Readers always drain their streams: no peer's backlog holds up another.
//   - A frame that breaks its bounds closes its stream, not the connection of
//     another peer and never the process.
//   - Send methods never block on a peer.
//   - A link to a validator or configured peer on which nothing is heard, not even when
//     asked, is ended within Config.SilenceMax; a validator that is away is dialled again
//     within Config.DialValidatorMax and one quick dial, for ever.
//   - Votes and blocks of a peer that is not in the validator set pass a narrow
//     token bucket or none: blocks of such a peer are drained and dropped.
//
// It must not decode payloads, look at state, or decide anything about blocks
// and votes. Discovery, scoring and sentries come on top of Config.Gater,
// Network.Penalise and Role.
//
// Guarded by the tests beside the code, which run real nodes on loopback, and
// by FuzzFrame and FuzzAnswer.
package p2p
