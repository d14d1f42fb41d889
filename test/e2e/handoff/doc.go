// Package handoff moves validators between two clusters, over one real chain: nodes are
// processes of the built program (test/fleet), the clusters are two API servers with the
// operator's controllers in this process. Row 5 of `make e2e`; it needs no cluster.
//
// An API server alone runs no pods. Here a stand-in for kubelet, DNS and the Job and
// StatefulSet controllers reads what the operator wrote (Jobs, StatefulSets, ConfigMaps,
// claims), starts the program with those arguments and files, volumes being folders,
// and writes the pods' status. What it changes is what a pod's own network and mounts
// give: addresses, names, paths.
//
// Invariants, held without asking
//
//   - No identity has two votes against each other on record, in any signer volume of
//     chain or clusters (test/fleet's book).
//   - No process ends unasked.
//
// Linux only. The addresses are 127.0.0.x from -first-host on. Guarded by itself.
package handoff
