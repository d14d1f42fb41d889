package main

// Each reconciler names its own rights by markers; these are the manager's. It enters no
// pod and lists no Secret: hack/tools/roles holds that, and splits rights by where they
// bind.
//
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch
