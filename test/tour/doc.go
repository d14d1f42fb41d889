// Package tour runs the commands that README.md shows a newcomer, as they stand
// there, against a running devnet.
package tour
