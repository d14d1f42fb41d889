package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ValidatorKeyClaim says which Validator of the cluster has a consensus key. It is
// made once the key has proved possession, and refuses a second Validator with the
// same key early and with a reason. Safety does not rest on it: the chain's set does
// that (docs/keys.md).
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=bclaim,categories=bedrock
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.spec.validator.namespace`
// +kubebuilder:printcolumn:name="Validator",type=string,JSONPath=`.spec.validator.name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ValidatorKeyClaim struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec ValidatorKeyClaimSpec `json:"spec"`
}

// ValidatorKeyClaimList is a list of claims.
//
// +kubebuilder:object:root=true
type ValidatorKeyClaimList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ValidatorKeyClaim `json:"items"`
}

// ValidatorKeyClaimSpec pairs a key with a Validator. The claim's name is
// "key-" and the first 40 hex digits of the SHA-256 of the consensus key's bytes.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a claim cannot change: delete it when its Validator is gone"
type ValidatorKeyClaimSpec struct {
	// +required
	ConsensusKey Key `json:"consensusKey"`
	// +required
	Validator ClaimHolder `json:"validator"`
}

// ClaimHolder is a Validator somewhere in the cluster.
type ClaimHolder struct {
	// +required
	Namespace Name `json:"namespace"`
	// +required
	Name Name `json:"name"`
	// UID of the Validator, so that another of its name does not inherit the claim.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid"`
}
