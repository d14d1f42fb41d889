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
// Linux only. The addresses are 127.0.0.x from -first-host on. The full disk
// needs a mount: root, or sudo without a password.
package chaos
