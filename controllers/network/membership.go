package network

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/types"
)

// errNobody says that no node answered.
var errNobody = errors.New("no node answers")

// membership decides the next change of who validates, and stores its bytes.
// rule: leave-only-by-scale
func (p *pass) membership(ctx context.Context) error {
	in := p.membershipInput(ctx)
	p.summary(in)
	action := plan.Membership(in)
	p.say(action.Verdict)
	if err := p.drafts(ctx, in, &action); err != nil {
		return err
	}
	if !action.Verdict.OK() {
		p.wake(soon)
	} else {
		p.wake(later)
		p.noAuthorityNeeded()
	}
	if action.Kind == plan.None {
		return nil
	}
	if p.awaiting && action.Kind != plan.Leave && action.Kind != plan.Ready && action.Kind != plan.Forget {
		return nil // it would take the nonce of what waits for signatures
	}
	if action.Kind == plan.Forget {
		return p.forget(ctx, action.Validator)
	}
	key, err := p.signer(ctx)
	if err != nil || key == nil {
		return err
	}
	raw, err := p.bytesOf(ctx, &action, key)
	if errors.Is(err, chain.ErrUnreachable) || errors.Is(err, errNobody) || errors.Is(err, errNoAdmin) {
		p.say(verdict.False(v1alpha1.NetworkMembership, "Waiting", fmt.Sprintf("%s; waiting for its node: %v", action.Verdict.Message, err)))
		return nil
	}
	if err != nil {
		p.say(verdict.False(v1alpha1.NetworkMembership, "CannotPrepare", fmt.Sprintf("%s; not yet: %v", action.Verdict.Message, err)))
		return nil
	}
	p.store(action.Purpose(), raw)
	return nil
}

// noAuthorityNeeded ends an earlier wait for people.
func (p *pass) noAuthorityNeeded() {
	if _, said := p.verdicts[v1alpha1.NetworkAuthority]; !said && p.status.OperatorKey != "" {
		p.say(verdict.False(v1alpha1.NetworkAuthority, "NothingWaits", "no transaction waits for signatures of the authority"))
	}
}

// summary is how many of those wanted are in the chain's set.
func (p *pass) summary(in *plan.MembershipInput) {
	if in.Set == nil {
		return
	}
	inSet := 0
	for i := range in.Wanted {
		for _, id := range in.Wanted[i].Identities {
			if in.Set.ByIdentity(id) != nil {
				inSet++
				break
			}
		}
	}
	p.status.Summary = fmt.Sprintf("%d/%d", inSet, len(in.Wanted))
}

// errNoAdmin says that nodes cannot be administered from here.
var errNoAdmin = errors.New("the operator has no way to the nodes' administration")

// bytesOf are the bytes of a change: a signed transaction, or where several keys of the
// authority are needed, the half-signed one.
func (p *pass) bytesOf(ctx context.Context, a *plan.Action, key *operatorKey) ([]byte, error) {
	genesis := p.chain.Hash()
	operator := ledger.ID(key.private.Public().(ed25519.PublicKey))
	switch a.Kind {
	case plan.Leave:
		return chain.Leave(key.private, genesis, ledger.Leave{Validator: a.Member.Name, Expected: a.Member.Identity, Flags: a.Flags}, 0)
	case plan.Delegate:
		fee, err := p.fee(ctx, key)
		if err != nil {
			return nil, err
		}
		return chain.Delegate(key.private, genesis, ledger.Delegate{Validator: a.Member.Name, Delegate: operator}, fee)
	case plan.Join:
		return p.join(ctx, a, key, genesis)
	case plan.Ready:
		return p.ready(ctx, a)
	case plan.Weigh:
		return p.weigh(ctx, a, key, genesis)
	}
	return nil, fmt.Errorf("%s is no operation of the ledger", a.Kind)
}

func (p *pass) join(ctx context.Context, a *plan.Action, key *operatorKey, genesis types.Hash) ([]byte, error) {
	at, admin, err := p.adminOf(ctx, a.Validator)
	if err != nil {
		return nil, err
	}
	consent, err := admin.ConsentToJoin(ctx, at, ledger.ID(key.private.Public().(ed25519.PublicKey)))
	if err != nil {
		return nil, fmt.Errorf("consent of %s: %w", a.Validator, err)
	}
	if consent.Identity != at.Keys[0] {
		return nil, fmt.Errorf("consent of %s: it is identity %s's, its volume's record has %s", a.Validator, consent.Identity, at.Keys[0])
	}
	fee, err := p.fee(ctx, key)
	if err != nil {
		return nil, err
	}
	return chain.Join(key.private, genesis, consent.Join(a.Validator), fee)
}

func (p *pass) ready(ctx context.Context, a *plan.Action) ([]byte, error) {
	at, admin, err := p.adminOf(ctx, a.Validator)
	if err != nil {
		return nil, err
	}
	return admin.SignReady(ctx, at, a.Member.Name)
}

// weigh is signed at once where the operator alone is the authority.
func (p *pass) weigh(ctx context.Context, a *plan.Action, key *operatorKey, genesis types.Hash) ([]byte, error) {
	authority, err := p.readAuthority(ctx)
	if err != nil {
		return nil, err
	}
	fee, err := p.fee(ctx, key)
	if err != nil {
		return nil, err
	}
	public := key.private.Public().(ed25519.PublicKey)
	op := ledger.Weigh{Weights: []ledger.Weight{{Validator: a.Member.Name, Power: a.Power}}, Flags: a.Flags}
	draft, err := chain.Weigh(public, genesis, op, fee)
	if err != nil {
		return nil, err
	}
	if err := draft.SignAsPayer(key.private); err != nil {
		return nil, err
	}
	for _, member := range authority.Keys {
		if member == ledger.ID(public) {
			if err := draft.Sign(key.private); err != nil {
				return nil, err
			}
		}
	}
	if int(authority.Threshold) <= len(draft.Signers()) {
		return draft.Transaction()
	}
	return draft.Encode()
}

func (p *pass) adminOf(ctx context.Context, validator string) (chain.AdminEndpoint, chain.Admin, error) {
	admin, err := p.admin(ctx)
	if err != nil {
		return chain.AdminEndpoint{}, nil, err
	}
	n, ok := p.node(validator)
	if admin == nil || !ok {
		return chain.AdminEndpoint{}, nil, errNoAdmin
	}
	return n.admin, admin, nil
}

// fee is what the operator's account pays with.
func (p *pass) fee(ctx context.Context, key *operatorKey) (chain.Fee, error) {
	who := ledger.AddressOf(key.private.Public().(ed25519.PublicKey))
	var last error = errNobody
	for _, at := range p.endpoints() {
		one, cancel := context.WithTimeout(ctx, askTimeout)
		account, err := p.client.Account(one, at, who)
		var parameters map[string]uint64
		if err == nil {
			parameters, err = p.client.Parameters(one, at)
		}
		cancel()
		if err != nil {
			last = err
			continue
		}
		if account.Balance.IsZero() {
			return chain.Fee{}, fmt.Errorf("the operator's account %s has no coins to pay fees with: send it some", who)
		}
		return chain.Fee{Nonce: account.Nonce, GasPrice: max(1, parameters["min_gas_price"])}, nil
	}
	return chain.Fee{}, last
}

// forget deletes a Validator that the chain has let go: it is released first, and its
// signer volumes are marked, so that a kept network does not count them.
// rule: leave-only-by-scale
func (p *pass) forget(ctx context.Context, name string) error {
	v := p.live[name]
	for i := range v.Status.Instances {
		if err := p.markLeft(ctx, name, &v.Status.Instances[i]); err != nil {
			return err
		}
	}
	if !p.owned(v) { // made by hand, and deleted
		return p.leaveHold(ctx, v, false)
	}
	if v.Annotations[v1alpha1.AnnotationRelease] == "" {
		if err := p.annotate(ctx, "network/release-validator", v, v1alpha1.AnnotationRelease, "left the chain"); err != nil {
			return err
		}
	}
	if v.DeletionTimestamp != nil {
		return nil
	}
	return p.deleteValidator(ctx, v)
}

func (p *pass) deleteValidator(ctx context.Context, v *v1alpha1.Validator) error {
	uid := v.UID
	err := faults.Do(ctx, "network/delete-validator", func() error {
		return client.IgnoreNotFound(p.Client.Delete(ctx, v, client.Preconditions{UID: &uid}))
	})
	if err != nil {
		return fmt.Errorf("delete Validator %s: %w", v.Name, err)
	}
	return nil
}

// neverBorn marks the volume of one that went before it had an identity.
const neverBorn = "never-born"

// markLeft writes which identity has left on the volume that holds it: who makes the
// validator again makes another one there. // rule: identity-once
func (p *pass) markLeft(ctx context.Context, validator string, in *v1alpha1.Instance) error {
	claim, mark := names.SignerClaim(validator, in.Number), string(in.Identity)
	if mark == "" {
		mark = neverBorn
	}
	var c corev1.PersistentVolumeClaim
	err := p.Reader.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: claim}, &c)
	marked := c.Annotations[v1alpha1.AnnotationLeft]
	if apierrors.IsNotFound(err) || err == nil && (marked == mark || marked != "" && mark == neverBorn) {
		return nil // or it holds the identity that left before: the next one was not born yet
	}
	if err != nil {
		return fmt.Errorf("read volume claim %s: %w", claim, err)
	}
	return p.annotate(ctx, "network/mark-left", &c, v1alpha1.AnnotationLeft, mark)
}

// annotate sets one annotation and nothing else.
func (p *pass) annotate(ctx context.Context, point string, o client.Object, key, value string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": o.GetUID(), "annotations": map[string]string{key: value}}})
	if err != nil {
		return fmt.Errorf("annotate %s: %w", o.GetName(), err)
	}
	err = faults.Do(ctx, point, func() error {
		return client.IgnoreNotFound(p.Client.Patch(ctx, o, client.RawPatch(apimeta.MergePatchType, patch)))
	})
	if err != nil {
		return fmt.Errorf("annotate %s: %w", o.GetName(), err)
	}
	return nil
}
