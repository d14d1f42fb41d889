// Package v1alpha1 holds Bedrock's Kubernetes types: BedrockNetwork, Validator and
// ValidatorKeyClaim, in the API group bedrock.dev.
//
// Invariants:
//   - What cannot be checked by the schema alone is checked by the controllers and
//     shown as a condition with a reason; there is no webhook. CEL rules carry a
//     message that says what to do.
//   - What names a chain, a key or a volume is immutable.
//   - Status changes on transitions only: heights, peers and ages are metrics.
//   - Conditions carry reasons of conditions.go; there is no phase.
//
// It must not import anything of Bedrock, nor decide anything: decisions are in
// controllers/*/plan.
//
// Tests: config/crd is generated from here (hack/generate --check); the schema's
// refusals are held by controllers/apicheck against a real API server.
//
// +kubebuilder:object:generate=true
// +groupName=bedrock.dev
// +kubebuilder:ac:generate=true
package v1alpha1
