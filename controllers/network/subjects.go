package network

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	disruption "github.com/bedrock-bft/bedrock/controllers/disruption/plan"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
)

// membershipInput gathers what the membership's plan needs: newcomers' nodes are asked
// whether they are synced, and two nodes of the set whether they are connected to them.
func (p *pass) membershipInput(ctx context.Context) *plan.MembershipInput {
	in := &plan.MembershipInput{Set: plan.Newest(p.views), Told: plan.Told(p.views), Live: map[ledger.ID]bool{}, Final: p.verdicts[v1alpha1.NetworkFinalizing].OK()}
	if key, err := idOf(p.status.OperatorKey); err == nil {
		in.Operator = key
	}
	if c := p.network.Spec.Genesis.Ceremony; c != nil && c.Owner != "" && c.Owner != p.status.OperatorKey {
		in.OwnerElsewhere = true
	}
	wanted := map[string]bool{}
	for i := range p.wanted {
		wanted[p.wanted[i].Name] = true
		in.Wanted = append(in.Wanted, p.subject(p.wanted[i].Name, p.wanted[i].Power))
	}
	for _, name := range sortedNames(p.live) {
		v := p.live[name]
		switch {
		case wanted[name]:
		case p.owned(v) || v.DeletionTimestamp != nil:
			in.Leaving = append(in.Leaving, p.subject(name, 0))
		default: // made by hand
			in.Wanted = append(in.Wanted, p.subject(name, max(1, v.Spec.Power)))
		}
	}
	if in.Set == nil {
		return in
	}
	tokens, err := p.tokens(ctx, p.Client)
	if err != nil {
		tokens = nil // of what cannot be read nothing is granted; it is read again before anything is sent
	}
	in.Live = p.alive(in.Set, tokens)
	p.askNewcomers(ctx, in)
	return in
}

// alive are the members of the set that vote and stay: the pod of one with a token goes at
// any time, though its last votes are fresh.
func (p *pass) alive(set *chain.Set, tokens []ledger.ID) map[ledger.ID]bool {
	out := map[ledger.ID]bool{}
	for i := range set.Members {
		m := &set.Members[i]
		out[m.Name] = plan.Live(m, p.views, len(set.Members)) && !slices.Contains(tokens, m.Name)
	}
	return out
}

// tokens are the members that hold a disruption token.
func (p *pass) tokens(ctx context.Context, r client.Reader) ([]ledger.ID, error) {
	var m corev1.ConfigMap
	name := names.TokenLedger(p.network.Name)
	err := r.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: name}, &m)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the token ledger: %w", err)
	}
	l, err := disruption.Parse(m.Data[disruption.Key])
	if err != nil {
		return nil, fmt.Errorf("ConfigMap %s: %w", name, err)
	}
	var out []ledger.ID
	for i := range l.Tokens {
		out = append(out, l.Tokens[i].Member)
	}
	return out, nil
}

func (p *pass) subject(name string, power int64) plan.Subject {
	s := plan.Subject{Name: name, Power: uint64(max(0, power)), WhyNot: "its node does not answer"}
	for i := range p.status.Records {
		if string(p.status.Records[i].Validator) == name {
			if id, err := idOf(p.status.Records[i].Identity); err == nil {
				s.Genesis = id
			}
		}
	}
	v := p.live[name]
	if v == nil {
		return s
	}
	active := activeInstance(v)
	for i := range v.Status.Instances {
		in := &v.Status.Instances[i]
		if id, err := idOf(in.Identity); err == nil && in != active {
			s.Identities = append(s.Identities, id)
		}
	}
	if active != nil {
		if id, err := idOf(active.Identity); err == nil {
			s.Identities = append(s.Identities, id)
		}
	}
	return s
}

// askNewcomers asks those that are wanted and not in the set.
func (p *pass) askNewcomers(ctx context.Context, in *plan.MembershipInput) {
	type newcomer struct {
		*plan.Subject
		at node
	}
	var all []newcomer
	var group sync.WaitGroup // those that are dead cost one wait together
	for i := range in.Wanted {
		s := &in.Wanted[i]
		if len(all) == askMost || len(s.Identities) == 0 || in.Set.ByIdentity(s.Identities[len(s.Identities)-1]) != nil {
			continue
		}
		if at, ok := p.node(s.Name); ok {
			all = append(all, newcomer{s, at})
			group.Go(func() { p.synced(ctx, s, at) })
		}
	}
	group.Wait()
	if !slices.ContainsFunc(all, func(n newcomer) bool { return n.Synced }) {
		return
	}
	peers, told := p.peersOfMembers(ctx, in.Set)
	for _, s := range all {
		if !s.Synced {
			continue
		}
		if told == 0 {
			s.WhyNot = "no node of the set tells the operator whom it is connected to (admin service): look at the operator's way to the pods, port 7602"
			continue
		}
		s.Reachable, s.WhyNot = reachable(s.at.identity, peers, len(in.Set.Members))
	}
}

func (p *pass) synced(ctx context.Context, s *plan.Subject, at node) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, err := p.client.Status(ctx, at.endpoint)
	switch {
	case err != nil:
		s.WhyNot = "its node does not answer"
	case status.Identity != at.identity:
		s.WhyNot = fmt.Sprintf("its node has the identity %s, its volume's record %s", status.Identity, at.identity)
	case status.Syncing:
		s.WhyNot = "its node fetches blocks"
	default:
		s.Synced, s.WhyNot = true, ""
	}
}

// reachable: as many nodes of the set as there are, up to two, are connected to it.
func reachable(identity ledger.ID, peers []chain.Peer, members int) (bool, string) {
	count := 0
	for i := range peers {
		if peers[i].Identity == identity {
			count++
		}
	}
	if need := max(1, min(2, members)); count < need {
		return false, fmt.Sprintf("fewer than %d nodes of the set are connected to it; look at its announced address (condition Exposed)", need)
	}
	return true, ""
}

// peersOfMembers are the peers that nodes of the set have, and how many of them told:
// those that answered this pass before others, a few at a time, until three have. Those
// that answered may nearly all be outside a small set.
func (p *pass) peersOfMembers(ctx context.Context, set *chain.Set) (out []chain.Peer, told int) {
	admin, err := p.admin(ctx)
	if err != nil || admin == nil {
		return nil, 0
	}
	members := slices.DeleteFunc(p.nodes(), func(n node) bool { return set.ByIdentity(n.identity) == nil })
	slices.SortStableFunc(members, func(a, b node) int {
		switch asked, other := p.answered(a.validator), p.answered(b.validator); {
		case asked == other:
			return 0
		case asked:
			return -1
		}
		return 1
	})
	for members = members[:min(len(members), askMost)]; len(members) > 0 && told < wantViews; {
		batch := members[:min(len(members), wantViews-told)]
		members = members[len(batch):]
		answers := make([][]chain.Peer, len(batch))
		var group sync.WaitGroup // those that are dead cost one wait together
		for i := range batch {
			group.Go(func() {
				one, cancel := context.WithTimeout(ctx, askTimeout)
				defer cancel()
				if peers, err := admin.Peers(one, batch[i].admin); err == nil {
					answers[i] = append([]chain.Peer{}, peers...)
				}
			})
		}
		group.Wait()
		for _, peers := range answers {
			if peers != nil {
				told++
				out = append(out, peers...)
			}
		}
	}
	return out, told
}

func (p *pass) answered(validator string) bool {
	return slices.ContainsFunc(p.views, func(v plan.View) bool { return v.Validator == validator })
}

func (p *pass) node(validator string) (node, bool) {
	for _, n := range p.nodes() {
		if n.validator == validator {
			return n, true
		}
	}
	return node{}, false
}

// admin is the nodes' administration by the operator's key; nil if there is none.
func (p *pass) admin(ctx context.Context) (chain.Admin, error) {
	if p.Administer == nil {
		return nil, nil
	}
	key, err := p.signer(ctx)
	if err != nil || key == nil {
		return nil, err
	}
	return p.Administer(key.private)
}

func sortedNames(m map[string]*v1alpha1.Validator) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
