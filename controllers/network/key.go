package network

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// operatorKey is the key with which the operator acts on the chain. It is read when
// there is something to sign, and written nowhere. // rule: delegate-only
type operatorKey struct {
	private ed25519.PrivateKey
}

func (k *operatorKey) public() v1alpha1.Ed25519Key {
	return v1alpha1.Ed25519Key(hex.EncodeToString(k.private.Public().(ed25519.PublicKey)))
}

// operatorKey has the key made once, where none is known and no chain is: where one is,
// a missing key is said and never made anew. // rule: ceremony
func (p *pass) operatorKey(ctx context.Context) error {
	if p.status.OperatorKey != "" {
		return nil // read when there is something to sign
	}
	key, err := p.readKey(ctx)
	if errors.Is(err, fleet.ErrKeyAbsent) && fleet.KeyOf(p.network).Made && p.status.Genesis == nil {
		kept, lookErr := p.keptGenesis(ctx, p.Reader)
		if lookErr != nil {
			return lookErr
		}
		if len(kept) == 0 {
			key, err = p.makeKey(ctx)
		}
	}
	if errors.Is(err, fleet.ErrNoKey) {
		p.sayKeyMissing(err)
		return nil // the chain may run without it
	}
	if err != nil {
		return err
	}
	p.key = key
	p.status.OperatorKey = key.public()
	return nil
}

func (p *pass) sayKeyMissing(err error) {
	p.wake(later)
	p.say(verdict.Unknown(v1alpha1.NetworkAuthority, v1alpha1.ReasonKeyMissing, fmt.Sprintf(
		"%v. Put its 32 bytes there: it is not made anew where a chain exists or the spec names a Secret, and until then nothing can be changed on the chain. (Operators up to 0.1 kept it in Secret %s-operator under \"seed\": see docs/kubernetes.md, Rights)", err, p.network.Name)))
}

// signer is the key, read now if it was not yet; nil and no error where it is missing,
// which is said. // rule: delegate-only
func (p *pass) signer(ctx context.Context) (*operatorKey, error) {
	if p.key != nil {
		return p.key, nil
	}
	key, err := p.readKey(ctx)
	if errors.Is(err, fleet.ErrNoKey) {
		p.sayKeyMissing(err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p.status.OperatorKey != "" && key.public() != p.status.OperatorKey {
		p.say(verdict.Unknown(v1alpha1.NetworkAuthority, v1alpha1.ReasonKeyMissing,
			fmt.Sprintf("%s holds the key %s, the operator's on this chain is %s: put that one back", fleet.KeyOf(p.network), key.public(), p.status.OperatorKey)))
		return nil, nil
	}
	p.key = key
	return key, nil
}

func (p *pass) readKey(ctx context.Context) (*operatorKey, error) {
	private, err := fleet.Key(ctx, p.Reader, p.network)
	if err != nil {
		return nil, err
	}
	return &operatorKey{private: private}, nil
}

// makeKey adds the network's entry to the Secret of its namespace, and reads what is
// there then. The apply takes nothing from others and has a field manager of its own a
// key: an entry that another pass or a person made in between stays. It is no Create,
// since the right to create by name holds for an apply alone. // rule: no-owner
func (p *pass) makeKey(ctx context.Context) (*operatorKey, error) {
	at := fleet.KeyOf(p.network)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the operator's key: %w", err)
	}
	want := corev1ac.Secret(at.Secret, p.network.Namespace).
		WithLabels(map[string]string{v1alpha1.LabelName: "bedrock", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}).
		WithData(map[string][]byte{at.Entry: private.Seed()})
	err = faults.Do(ctx, "network/create-key", func() error {
		return p.Client.Apply(ctx, want, client.FieldOwner(fmt.Sprintf("%s-key-%x", Manager, public[:8])))
	})
	if err != nil && !apierrors.IsConflict(err) {
		return nil, fmt.Errorf("make the operator's key in %s: %w", at, err)
	}
	return p.readKey(ctx)
}

// dropKey deletes the network's entry of the Secret, and the Secret with its last one.
func (p *pass) dropKey(ctx context.Context) error {
	at := fleet.KeyOf(p.network)
	if !at.Made {
		return nil
	}
	var s corev1.Secret
	if err := p.Reader.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: at.Secret}, &s); err != nil {
		return client.IgnoreNotFound(err)
	}
	if _, there := s.Data[at.Entry]; !there {
		return nil
	}
	return faults.Do(ctx, "network/delete-key", func() error {
		if len(s.Data) == 1 {
			return client.IgnoreNotFound(p.Client.Delete(ctx, &s, client.Preconditions{UID: &s.UID, ResourceVersion: &s.ResourceVersion}))
		}
		patch := client.MergeFromWithOptions(s.DeepCopy(), client.MergeFromWithOptimisticLock{})
		delete(s.Data, at.Entry)
		return client.IgnoreNotFound(p.Client.Patch(ctx, &s, patch))
	})
}

// labels are those of the network's objects; component may be empty.
func (p *pass) labels(component string) map[string]string {
	l := map[string]string{v1alpha1.LabelName: "bedrock", v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelNetwork: p.network.Name}
	if component != "" {
		l[v1alpha1.LabelComponent] = component
	}
	return l
}

// ownerUID binds what carries no owner reference. // rule: no-owner
func (p *pass) ownerUID() map[string]string {
	return map[string]string{v1alpha1.AnnotationOwnerUID: string(p.network.UID)}
}
