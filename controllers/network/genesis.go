package network

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// documentKey is the entry of a ConfigMap that holds a genesis document.
const documentKey = "genesis.json"

// documents are parsed genesis documents by the hash of their text, so that a steady
// network is not parsed again and again.
type documents struct {
	mu    sync.Mutex
	known map[string]*genesis.Genesis
}

// maxDocuments bounds them; above it all are forgotten.
const maxDocuments = 1024

func (d *documents) parse(text string) (*genesis.Genesis, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.known[text]; g != nil {
		return g, nil
	}
	g, err := genesis.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	if d.known == nil || len(d.known) >= maxDocuments {
		d.known = map[string]*genesis.Genesis{}
	}
	d.known[text] = g
	return g, nil
}

// genesis decides on the genesis. What it decides to record is written with this
// reconcile's status; the document is made by a later one. // rule: ceremony
//
// The first Validator is made, and a genesis recorded, by what is there live. Between the
// two, while identities are waited for, the cache is good enough to say what is missing.
func (p *pass) genesis(ctx context.Context) error {
	from := client.Reader(p.Client)
	if p.status.Genesis == nil && len(p.live) == 0 {
		from = p.Reader
	}
	c, err := p.ceremony(ctx, from)
	if err == nil && c.Record != nil && from != p.Reader {
		c, err = p.ceremony(ctx, p.Reader)
	}
	if err != nil {
		return err
	}
	p.decision, p.chain = c, c.Genesis
	p.say(c.Verdict)
	if c.Record != nil {
		p.status.Genesis, p.status.Records = c.Record, c.Records
		p.wake(soon)
		return errDone // nothing is made before it is recorded
	}
	if c.Stop {
		return errDone
	}
	return nil
}

// ceremony decides by the documents and volumes that a reader knows.
func (p *pass) ceremony(ctx context.Context, from client.Reader) (plan.Ceremony, error) {
	found, err := p.foundGenesis(ctx, from)
	if err != nil {
		return plan.Ceremony{}, err
	}
	in := plan.CeremonyInput{
		Network: p.network.Name, Spec: &p.network.Spec, Records: p.status.Records, Recorded: p.status.Genesis,
		Operator: p.status.OperatorKey, Wanted: p.wanted, Identities: p.firstIdentities(), Found: found, Now: p.now, Executor: p.Executor,
	}
	if in.Recorded == nil {
		if in.Volumes, in.Begun, err = p.keptVolumes(ctx, from); err != nil {
			return plan.Ceremony{}, err
		}
	}
	return plan.Genesis(in), nil
}

// document creates what is recorded: immutable, named by hash, by Create, without an
// owner. // rule: no-owner
func (p *pass) document(ctx context.Context) error {
	g := p.decision.Create
	if g == nil {
		if p.chain == nil {
			return errDone // validators make their identities first
		}
		return nil
	}
	annotations := p.ownerUID()
	annotations[v1alpha1.AnnotationGenesisHash] = g.Hash().String()
	immutable := true
	m := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: p.status.Genesis.ConfigMap, Namespace: p.network.Namespace, Labels: p.labels(v1alpha1.ComponentGenesis), Annotations: annotations},
		Immutable:  &immutable, Data: map[string]string{documentKey: string(g.Bytes())},
	}
	err := faults.Do(ctx, "network/create-genesis", func() error { return p.Client.Create(ctx, m) })
	if apierrors.IsAlreadyExists(err) {
		return p.genesisThere(ctx, g)
	}
	if err != nil {
		return fmt.Errorf("make ConfigMap %s: %w", m.Name, err)
	}
	p.wake(soon)
	return errDone
}

// genesisThere looks at who was faster: the same document is as good as ours, another
// one stops the network with both named. // rule: ceremony
func (p *pass) genesisThere(ctx context.Context, g *genesis.Genesis) error {
	k, err := p.readGenesis(ctx, p.status.Genesis.ConfigMap)
	if err != nil {
		return err
	}
	if k.Genesis == nil || k.Genesis.Hash() != g.Hash() {
		other := k.Problem
		if k.Genesis != nil {
			other = k.Genesis.Hash().String()
		}
		p.say(verdict.False(v1alpha1.NetworkGenesisReady, v1alpha1.ReasonGenesisConflict,
			fmt.Sprintf("the network's genesis is %s, and ConfigMap %s exists with another: %s. Move that ConfigMap away if it is not this network's", g.Hash(), k.ConfigMap, other)))
		return errDone
	}
	p.wake(soon)
	return errDone
}

// foundGenesis are the documents that are there for this network. One that the spec names
// is read live: the cache holds what the operator made.
func (p *pass) foundGenesis(ctx context.Context, from client.Reader) ([]plan.Kept, error) {
	spec := &p.network.Spec.Genesis
	if spec.Type == v1alpha1.GenesisGiven && spec.Given != nil {
		k, err := p.readGenesis(ctx, string(spec.Given.ConfigMap))
		if apierrors.IsNotFound(err) {
			p.wake(later)
			return nil, nil
		}
		return []plan.Kept{k}, err
	}
	return p.keptGenesis(ctx, from)
}

func (p *pass) genesisOf() []client.ListOption {
	return []client.ListOption{client.InNamespace(p.network.Namespace), client.MatchingLabels(p.labels(v1alpha1.ComponentGenesis))}
}

// keptGenesis are the network's documents.
func (p *pass) keptGenesis(ctx context.Context, from client.Reader) ([]plan.Kept, error) {
	var list corev1.ConfigMapList
	if err := from.List(ctx, &list, p.genesisOf()...); err != nil {
		return nil, fmt.Errorf("list genesis documents: %w", err)
	}
	var out []plan.Kept
	for i := range list.Items {
		out = append(out, p.keptIn(&list.Items[i]))
	}
	slices.SortFunc(out, func(a, b plan.Kept) int { return strings.Compare(a.ConfigMap, b.ConfigMap) })
	return out, nil
}

func (p *pass) keptIn(m *corev1.ConfigMap) plan.Kept {
	k := plan.Kept{ConfigMap: m.Name}
	text, ok := m.Data[documentKey]
	if !ok {
		k.Problem = "it has no key " + documentKey
		return k
	}
	g, err := p.documents.parse(text)
	if err != nil {
		k.Problem = err.Error()
		return k
	}
	k.Genesis = g
	return k
}

func (p *pass) readGenesis(ctx context.Context, name string) (plan.Kept, error) {
	var m corev1.ConfigMap
	if err := p.Reader.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: name}, &m); err != nil {
		return plan.Kept{}, fmt.Errorf("read ConfigMap %s: %w", name, err)
	}
	return p.keptIn(&m), nil
}

// keptVolumes are the validators whose signer volumes are there, and of those that are
// wanted the volumes on which a node of a chain ran.
func (p *pass) keptVolumes(ctx context.Context, from client.Reader) (out []string, begun []plan.Begun, err error) {
	var list corev1.PersistentVolumeClaimList
	if err := from.List(ctx, &list, client.InNamespace(p.network.Namespace), client.MatchingLabels(p.labels(""))); err != nil {
		return nil, nil, fmt.Errorf("list volumes: %w", err)
	}
	wanted := plan.NamesOf(p.wanted)
	for i := range list.Items {
		c := &list.Items[i]
		name := c.Labels[v1alpha1.LabelValidator]
		if g := c.Annotations[v1alpha1.AnnotationGenesisHash]; g != "" && slices.Contains(wanted, name) {
			begun = append(begun, plan.Begun{Claim: c.Name, Genesis: v1alpha1.Hash(g)})
		}
		if name == "" || c.Annotations[v1alpha1.AnnotationLeft] != "" || !strings.HasPrefix(c.Name, name+"-signer-") || slices.Contains(out, name) {
			continue
		}
		if v := p.live[name]; v != nil && metav1.GetControllerOf(v) == nil || !names.IsValidator(p.network.Name, name) {
			continue // made by hand: no count asks for it
		}
		out = append(out, name)
	}
	return out, begun, nil
}

// firstIdentities are the public records of the validators' first instances.
func (p *pass) firstIdentities() map[string]plan.Identity {
	out := map[string]plan.Identity{}
	for name, v := range p.live {
		for i := range v.Status.Instances {
			in := &v.Status.Instances[i]
			if in.Number == 1 && in.Identity != "" {
				out[name] = plan.Identity{Identity: in.Identity, ConsensusKey: in.ConsensusKey, Possession: in.Possession}
			}
		}
	}
	return out
}

var errNoKey = errors.New("not a key in hex")

func bytesOf(text string) ([]byte, error) {
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, errNoKey)
	}
	return b, nil
}
