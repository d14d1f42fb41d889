// Bedrock-operator runs fleets of validators on Kubernetes: it makes what a
// BedrockNetwork asks for and keeps it so.
//
// Invariants: it links no cgo; it reaches nodes only over their RPC and admin service;
// the operator is put together in setUp and nowhere else. What it may decide is in
// controllers/*/plan.
//
// Tests: the controllers' own, against a real API server; fleet_test.go, all of it over a
// fleet (build tag scale: `make test-long PARTS=scale`); and test/e2e.
package main
