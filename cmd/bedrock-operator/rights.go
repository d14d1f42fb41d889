package main

// Each reconciler names its own rights by markers; these are the manager's. It enters no
// pod and lists no Secret: hack/tools/roles holds that, and splits rights by where they
// bind.
//
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch
//
// What takes a validator down under a token, and sees that it is asked to.
//
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks;validators,verbs=get;list;watch
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks/status;validators/status,verbs=get;patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;patch;update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods/eviction,verbs=create
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumes,verbs=get
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;update;delete
