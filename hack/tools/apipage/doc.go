// Apipage writes docs/api.md, every field of Bedrock's Kubernetes types, from the CRDs.
//
// Invariants: the same CRDs give the same page; every property of a schema has a row,
// with its type, what it is when absent, its bounds, and the rules that it must meet.
//
// Tests: page_test.go; hack/manifests --check holds the committed page to the CRDs.
package main
