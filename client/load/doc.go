// Package load sends signed transfers and records of many accounts at a rate, and
// measures how long they take to become final.
//
//	result, err := load.Run(ctx, load.Config{Endpoints: …, Keys: …, Rate: 500, …})
//	result.Report.JSON()       the figures
//	result.Report.WriteSVG(w)  throughput and finality over time
//	load.CompareOutcomes(…)    whether nodes agree at every height that all have
//
// How it measures
//
//   - Open loop: transaction i is due at start + i/rate, whatever became of those
//     before it, and its latency counts from then. A node that stalls cannot hide
//     it by being sent less (no coordinated omission).
//   - Final is what a node's block stream shows under a commit certificate that was
//     verified, with a verified receipt: every certificate is checked, of each node
//     for itself. The node that counts is the one that the transaction was sent to;
//     while that one is away, any.
//   - Each transaction that was due comes to one end: committed, failed, refused,
//     lost or unsent.
//
// How it sends
//
//   - Transactions are signed before they are due. Which one is sent when its time
//     comes is decided then: the next account's, of a lane that is idle.
//   - An account belongs to a lane, a lane to an endpoint and sends one request at a
//     time: nonces arrive in order. While its endpoint is away, a lane goes on over
//     the next one, which also gets what the lost one had taken.
//   - A refusal that passes by itself (a full pool) is sent again. After any other
//     one the account's nonce is read anew, and the gap is filled.
//
// Bounds: transactions signed ahead, waiting in a lane, in flight of an account and
// of all; what finds no room when it is due is counted and let go. Samples are kept
// in histograms of fixed size.
//
// It links no cgo. Guarded by the tests beside the code, over chains of real
// certificates and nodes that stall, refuse, swallow and die.
package load
