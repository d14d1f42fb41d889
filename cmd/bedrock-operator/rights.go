package main

// What the operator may do. It enters no pod and lists no Secret: get and create of
// its own by name. hack/tools/roles holds that, and splits these by where they bind.
//
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks;validators,verbs=get;list;watch;create;patch;update;delete
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks/status;validators/status,verbs=get;patch;update
// +kubebuilder:rbac:groups=bedrock.dev,resources=bedrocknetworks/finalizers;validators/finalizers,verbs=update
// +kubebuilder:rbac:groups=bedrock.dev,resources=validatorkeyclaims,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups="",resources=configmaps;services;serviceaccounts;persistentvolumeclaims,verbs=get;list;watch;create;patch;update;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups="",resources=pods/eviction,verbs=create
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch;update;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;update;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;update;delete
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces;persistentvolumes,verbs=get
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get
