// Package chaos kills, damages and starves real nodes, and holds them to what
// the chain promised. It has no code, only tests: each runs a network of
// processes of the bedrock program, which is built once.
//
// What is held after every fault
//
//   - What a client was told is final stays final, with the same outcome, on
//     every node: the clients of these tests verify each block that they follow.
//   - No validator signs a view twice: the vote logs of all processes, kept at
//     each stop, name one block and one outcome a view; no block holds evidence
//     and no node raised an alarm of a conflict.
//   - No repair command: a node starts as it is, or refuses and says what to do.
//
// A failure prints what was waited for, and the last lines of each node's log.
// Instants and bits come from a seed, which is printed; -seed runs it again.
//
// Partitions and bad links are made in network namespaces that belong to one process of
// the test and end with it (apart); the machine's own network is not touched:
//
//   - cuts are firewall rules (nftables) where datagrams arrive, in silence, by direction;
//   - loss, delay, doubling and disorder are wires of the test's own (TUN devices), since
//     not every kernel has netem;
//   - clocks go wrong in a build with the tag clockskew.
//
// TestStorm draws all of these, with kills and frozen processes, from a seed, and holds a
// history of clients against every node at the end (history). TestHalvesHeal measures how
// soon a network that was cut in halves has its next block.
//
// Linux only. The addresses are 127.0.0.x from -first-host on, and 10.77.0.x inside. The
// full disk needs a mount, namespaces need nft, ip and nsenter: root, or sudo without a
// password (namespaces: or user namespaces).
package chaos
