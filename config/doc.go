// Package config holds the operator's manifests to what they promise. It has tests only.
//
// Invariants: the operator's roles let it make, read and delete its own Secret by name,
// cluster-wide and in one namespace, and no other Secret in any way; a Role lets it read
// its own namespace, which its volumes are marked with.
//
// Tests: rights_test.go, against a real API server with its own authorizer.
package config
