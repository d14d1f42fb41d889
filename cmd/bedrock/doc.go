// Command bedrock is a node of a Bedrock chain and its command line.
//
// Each file holds one command; root.go lists them. Commands are thin: they read
// flags, call a package, and print. What is printed as text has the same fields
// as with `--output json`. Errors say what to do; the exit code is 0 only for
// success.
package main
