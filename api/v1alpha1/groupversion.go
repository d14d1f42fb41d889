package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SchemeGroupVersion is bedrock.dev/v1alpha1.
var SchemeGroupVersion = schema.GroupVersion{Group: "bedrock.dev", Version: "v1alpha1"}

// SchemeBuilder collects the types of this group.
var SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme adds the types of this group to a scheme.
var AddToScheme = SchemeBuilder.AddToScheme

func addKnownTypes(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion,
		&BedrockNetwork{}, &BedrockNetworkList{},
		&Validator{}, &ValidatorList{},
		&ValidatorKeyClaim{}, &ValidatorKeyClaimList{},
	)
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
