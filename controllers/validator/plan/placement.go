package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// SelectedNode is the annotation by which the scheduler says for which node a volume
// that waited for its first consumer is made.
const SelectedNode = "volume.kubernetes.io/selected-node"

// ownHostFrom is the number of validators from which no two may share a host: below
// it, losing one host halts the chain anyway.
const ownHostFrom = 4

// Count is the number of validators that a network wants.
func Count(n *v1alpha1.BedrockNetwork) int {
	if n == nil {
		return 0
	}
	if n.Spec.Validators.Count != nil {
		return int(*n.Spec.Validators.Count)
	}
	count := 0
	for i := range n.Spec.Validators.Groups {
		count += int(n.Spec.Validators.Groups[i].Count)
	}
	return count
}

// OwnHost says whether a validator may not share its host with another of its network.
func OwnHost(choice v1alpha1.HostAntiAffinity, validators int) bool {
	switch choice {
	case v1alpha1.HostAntiAffinityRequired:
		return true
	case v1alpha1.HostAntiAffinityPreferred:
		return false
	}
	return validators >= ownHostFrom
}

// Peers are the other instances of the network that have an identity, by name: what
// the node dials, resolved at each dial. They are sorted. One that is being deleted is
// among them as long as it is there: a deletion that is held stops nothing.
// // rule: peers-by-name, hold
func Peers(self *v1alpha1.Validator, number int32, all []v1alpha1.Validator) []string {
	var out []string
	for i := range all {
		v := &all[i]
		if !sameChain(&v.Spec.Chain, &self.Spec.Chain) {
			continue
		}
		for _, e := range v.Status.Instances {
			if e.Identity == "" || e.Role == v1alpha1.InstanceSuperseded || v.Name == self.Name && e.Number == number {
				continue
			}
			out = append(out, fmt.Sprintf("%s@%s.%s.svc:%d", e.Identity, names.Instance(v.Name, e.Number), v.Namespace, names.PortP2P))
		}
	}
	slices.Sort(out)
	return out
}

func sameChain(a, b *v1alpha1.ChainRef) bool {
	if a.Type != b.Type || a.Network != b.Network {
		return false
	}
	return a.Foreign == nil || b.Foreign == nil || a.Foreign.Genesis.Hash == b.Foreign.Genesis.Hash
}

// Held are the nodes on which other validators' volumes were bound while no pod of
// theirs runs there: a pod of another one could take the host, and its volume would
// bind where the first must run. Pods that run keep others away themselves, and full
// nodes need no host of their own.
func Held(validator string, claims []corev1.PersistentVolumeClaim, pods []corev1.Pod) []string {
	placed := map[string]bool{}
	for i := range pods {
		p := &pods[i]
		if p.Spec.NodeName != "" && p.Labels[v1alpha1.LabelComponent] == v1alpha1.ComponentValidator && p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded {
			placed[p.Labels[v1alpha1.LabelValidator]+"/"+p.Labels[v1alpha1.LabelInstance]] = true
		}
	}
	var out []string
	for i := range claims {
		c := &claims[i]
		owner := c.Labels[v1alpha1.LabelValidator]
		if node := c.Annotations[SelectedNode]; node != "" && owner != "" && owner != validator && !placed[owner+"/"+c.Labels[v1alpha1.LabelInstance]] {
			out = append(out, node)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Placing says whether another instance's identity Job of the network is being placed:
// neither has its signer volume a node or a volume, nor does the scheduler say that
// there is none. Jobs are placed one after the other, so that none chooses a host that
// another is about to get.
func Placing(self string, claims []corev1.PersistentVolumeClaim, jobs []string, stuck map[string]bool) (string, bool) {
	bound := map[string]bool{}
	for i := range claims {
		c := &claims[i]
		if c.Annotations[SelectedNode] != "" || c.Spec.VolumeName != "" {
			bound[c.Name] = true
		}
	}
	for _, job := range jobs {
		if job == self || stuck[job] {
			continue
		}
		if claim, ok := claimOfJob(job); ok && !bound[claim] {
			return job, true
		}
	}
	return "", false
}

// claimOfJob is the signer claim that an identity Job was made for, by its name.
func claimOfJob(job string) (string, bool) {
	validator, number, ok := cutLast(job, "-identity-")
	return validator + "-signer-" + number, ok
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+len(sep):], true
}
