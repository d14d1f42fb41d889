package build

import (
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Instance is everything that the objects of one instance are made from.
type Instance struct {
	Namespace string
	Validator string
	UID       types.UID // of the Validator
	Network   string    // BedrockNetwork; empty: a foreign chain
	Number    int32     // from 1

	ChainID          string
	Genesis          v1alpha1.Hash // of the document
	GenesisConfigMap string        // holds it under genesis.json
	Scheme           v1alpha1.Scheme
	Moniker          string
	Image            string
	// Marks of the signer volume: UIDs of its claim and of the cluster. // rule: identity-born
	Marks []string
	// Peers are NETWORK_KEY@HOST:PORT, sorted. // rule: peers-by-name
	Peers []string
	// Announce are the addresses that others reach this node at.
	Announce []string
	// AdminKeys are the Ed25519 keys, in hex, of who may administer the node: the
	// operator's, two while one follows the other. // rule: pinned-admin
	AdminKeys []v1alpha1.Ed25519Key
	// Sync is auto or blocks.
	Sync string
	// Schema that its database is migrated to; 0: it stays. // rule: schema-after-fleet
	Schema int32

	Compute    v1alpha1.Compute
	Scheduling v1alpha1.Scheduling
	Storage    v1alpha1.Storage
	Exposure   v1alpha1.Exposure
	// Keys is where the consensus key of this instance comes from. A Secret is
	// mounted in the identity Job and nowhere else.
	Keys v1alpha1.KeySource
	// Left is the identity on a kept signer volume that has left the chain: another one
	// is made in its place. Empty: none has. // rule: identity-once
	Left v1alpha1.Ed25519Key

	// OwnHost: no two validators of the network may share a host.
	OwnHost bool
	// AvoidHosts are nodes that hold the volumes of other validators which do not
	// run yet: a volume bound there could never be used.
	AvoidHosts []string
	// SignerAccess is the access mode of the signer volume.
	SignerAccess AccessMode
	// ClusterMark says which UID the second mark is. It is kept on the claim, so
	// that other rights never change the marks.
	ClusterMark ClusterMark
	// Stopped: the StatefulSet has no pod.
	Stopped bool
	// OperatorNamespace is where the operator's pods run.
	OperatorNamespace string
}

// AccessMode is ReadWriteOnce or ReadWriteOncePod.
type AccessMode string

// Values of AccessMode.
const (
	ReadWriteOnce AccessMode = "ReadWriteOnce"
	// ReadWriteOncePod needs a CSI driver.
	ReadWriteOncePod AccessMode = "ReadWriteOncePod"
)

// ClusterMark is whose UID stands for the cluster.
type ClusterMark string

// Values of ClusterMark.
const (
	// MarkCluster is the UID of the namespace kube-system.
	MarkCluster ClusterMark = "kube-system"
	// MarkNamespace is the UID of the Validator's own namespace, where the operator
	// may not read kube-system.
	MarkNamespace ClusterMark = "namespace"
)

// name is that of the instance's StatefulSet, ConfigMap and headless Service.
func (in *Instance) name() string { return names.Instance(in.Validator, in.Number) }

// Labels are those of an object of the instance.
func (in *Instance) Labels(component string) map[string]string {
	out := in.selector(component)
	out[v1alpha1.LabelName] = "bedrock"
	out[v1alpha1.LabelManagedBy] = v1alpha1.ManagedBy
	return out
}

// selector is the part of the labels that selects pods, and never changes.
func (in *Instance) selector(component string) map[string]string {
	out := map[string]string{
		v1alpha1.LabelValidator: in.Validator,
		v1alpha1.LabelInstance:  strconv.Itoa(int(in.Number)),
		v1alpha1.LabelComponent: component,
	}
	if in.Network != "" {
		out[v1alpha1.LabelNetwork] = in.Network
	}
	return out
}

// shared are the labels of what all instances of the validator have in common.
func (in *Instance) shared() map[string]string {
	out := maps.Clone(in.Labels(v1alpha1.ComponentValidator))
	delete(out, v1alpha1.LabelInstance)
	return out
}

// owner makes the Validator the controller of an object.
func (in *Instance) owner() *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("Validator").
		WithName(in.Validator).WithUID(in.UID).
		WithController(true).WithBlockOwnerDeletion(true)
}
