// Package load sends signed transfers and records of many accounts at a rate, and
// measures how long they take to become final.
//
//	result, err := load.Run(ctx, load.Config{Endpoints: …, Rate: 500, …})
//	result.Report    the figures, as JSON
//	result.WriteSVG  latency and throughput over time
//
// How it measures
//
//   - Open loop: transaction i is due at start + i/rate, whatever became of those
//     before it, and its latency counts from then. A node that stalls cannot hide
//     it by being sent less (no coordinated omission).
//   - Final is what a block stream shows under a commit certificate that was
//     verified, at the node that the transaction was sent to (at another one while
//     that node is down).
//   - Transactions are signed before they are due.
//
// Bounds: transactions signed ahead, waiting and in flight a sender; samples are
// kept in histograms of fixed size.
//
// It links no cgo. Guarded by load_test.go, over a chain of real certificates.
package load
