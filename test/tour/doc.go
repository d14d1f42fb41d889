// Package tour runs the commands that README.md shows a newcomer, as they stand
// there, against a running devnet; and a tour of governance by commands alone: join,
// weigh, rotate, delegate, maintain, leave, set, schedule and cancel, with
// -all in both signature schemes; and the answer to a jailing.
package tour
