package network

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
)

// Annotation by which a cluster names its default StorageClass.
const defaultClass = "storageclass.kubernetes.io/is-default-class"

// remembered are facts of the cluster that change rarely: zones of nodes, classes of
// storage. They are read once an hour, not once a reconcile.
type remembered struct {
	mu    sync.Mutex
	facts map[string]fact
}

type fact struct {
	value any
	until time.Time
}

const (
	rememberFor = time.Hour
	// rememberProblems bounds how long a right that was missing stays missing here.
	rememberProblems = 5 * time.Minute
	maxRemembered    = 8192
)

func (r *remembered) get(key string, now time.Time, read func() (any, bool)) any {
	r.mu.Lock()
	f, ok := r.facts[key]
	r.mu.Unlock()
	if ok && now.Before(f.until) {
		return f.value
	}
	value, good := read()
	f = fact{value: value, until: now.Add(rememberFor)}
	if !good {
		f.until = now.Add(rememberProblems)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.facts == nil || len(r.facts) >= maxRemembered {
		r.facts = map[string]fact{}
	}
	r.facts[key] = f
	return value
}

// domains says where the power is and what becomes of its volumes. // rule: domain-risk
func (p *pass) domains(ctx context.Context) error {
	var lost []string
	places, err := p.placements(ctx, &lost)
	if err != nil {
		return err
	}
	total := uint64(0)
	if set := plan.Newest(p.views); set != nil {
		total = set.TotalPower
	}
	p.say(plan.DomainRisk(places, total))
	classes := p.classes(ctx)
	for _, c := range classes {
		if c.Problem == notAllowed {
			lost = append(lost, plan.ClassesNotRead)
			break
		}
	}
	if !p.readsSystem(ctx) {
		lost = append(lost, plan.SystemNotRead)
	}
	p.say(plan.ReclaimDelete(classes))
	p.say(plan.Rights(lost))
	return nil
}

const notAllowed = "the operator may not read it"

// placements are the members of the set that run here.
func (p *pass) placements(ctx context.Context, lost *[]string) ([]plan.Placement, error) {
	set := plan.Newest(p.views)
	if set == nil {
		return nil, nil
	}
	var pods corev1.PodList
	err := p.List(ctx, &pods, client.InNamespace(p.network.Namespace),
		client.MatchingLabels{v1alpha1.LabelNetwork: p.network.Name, v1alpha1.LabelComponent: v1alpha1.ComponentValidator})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	nodeOf := map[string]string{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		nodeOf[pod.Labels[v1alpha1.LabelValidator]+"/"+pod.Labels[v1alpha1.LabelInstance]] = pod.Spec.NodeName
	}
	var out []plan.Placement
	for _, n := range p.nodes() {
		m := set.ByIdentity(n.identity)
		if m == nil {
			continue
		}
		one := plan.Placement{Validator: n.validator, Power: m.Power, Node: nodeOf[fmt.Sprintf("%s/%d", n.validator, n.instance)]}
		if one.Node != "" {
			var allowed bool
			one.Zone, allowed = p.zone(ctx, one.Node)
			if !allowed && !slices.Contains(*lost, plan.NodesNotRead) {
				*lost = append(*lost, plan.NodesNotRead)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// zone is a node's, and whether it could be read.
func (p *pass) zone(ctx context.Context, node string) (string, bool) {
	type answer struct {
		zone    string
		allowed bool
	}
	a := p.facts.get("node/"+node, p.now, func() (any, bool) {
		var n corev1.Node
		err := p.Reader.Get(ctx, client.ObjectKey{Name: node}, &n)
		return answer{n.Labels[corev1.LabelTopologyZone], !apierrors.IsForbidden(err)}, err == nil
	}).(answer)
	return a.zone, a.allowed
}

// readsSystem says whether the operator may read the namespace whose UID stands for the
// cluster.
func (p *pass) readsSystem(ctx context.Context) bool {
	return p.facts.get("namespace/"+metav1.NamespaceSystem, p.now, func() (any, bool) {
		ns := &metav1.PartialObjectMetadata{}
		ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
		err := p.Reader.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, ns)
		return !apierrors.IsForbidden(err), err == nil
	}).(bool)
}

// classes are those that the template's volumes have.
func (p *pass) classes(ctx context.Context) []plan.Class {
	t := &p.network.Spec.Validators.Template.Storage
	var out []plan.Class
	for _, name := range []*string{t.Signer.StorageClassName, t.Chain.StorageClassName} {
		text := ""
		if name != nil {
			text = *name
		}
		if !slices.ContainsFunc(out, func(c plan.Class) bool { return c.Name == text }) {
			out = append(out, p.facts.get("class/"+text, p.now, func() (any, bool) { return p.class(ctx, text) }).(plan.Class))
		}
	}
	return out
}

func (p *pass) class(ctx context.Context, name string) (plan.Class, bool) {
	out := plan.Class{Name: name}
	class := &storagev1.StorageClass{}
	var err error
	if name != "" {
		err = p.Reader.Get(ctx, client.ObjectKey{Name: name}, class)
	} else {
		var list storagev1.StorageClassList
		err = p.Reader.List(ctx, &list)
		class = nil
		for i := range list.Items {
			if list.Items[i].Annotations[defaultClass] == "true" {
				class = &list.Items[i]
			}
		}
	}
	switch {
	case apierrors.IsForbidden(err):
		out.Problem = notAllowed
	case err != nil || class == nil:
		out.Problem = "it was not found"
	default:
		out.Deletes = class.ReclaimPolicy == nil || *class.ReclaimPolicy == corev1.PersistentVolumeReclaimDelete
	}
	return out, out.Problem == ""
}
