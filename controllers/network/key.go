package network

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/faults"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// seedKey is the entry of the Secret that holds the Ed25519 seed.
const seedKey = "seed"

// errBadKey says that a Secret holds something else.
var errBadKey = errors.New("not an Ed25519 seed")

// operatorKey is the key with which the operator acts on the chain. It is read when
// there is something to sign, and written nowhere. // rule: delegate-only
type operatorKey struct {
	private ed25519.PrivateKey
}

func (k *operatorKey) public() v1alpha1.Ed25519Key {
	return v1alpha1.Ed25519Key(hex.EncodeToString(k.private.Public().(ed25519.PublicKey)))
}

func (p *pass) keySecret() (name string, own bool) {
	if s := p.network.Spec.OperatorKey.Secret; s != "" {
		return string(s), false
	}
	return names.OperatorSecret(p.network.Name), true
}

// operatorKey has the key made once, by Create, where none is known and no chain is:
// where one is, a missing key is said and never made anew. // rule: ceremony
func (p *pass) operatorKey(ctx context.Context) error {
	if p.status.OperatorKey != "" {
		return nil // read when there is something to sign
	}
	name, own := p.keySecret()
	key, err := p.readKey(ctx)
	if apierrors.IsNotFound(err) && own && p.status.Genesis == nil {
		kept, lookErr := p.keptGenesis(ctx)
		if lookErr != nil {
			return lookErr
		}
		if len(kept) == 0 {
			return p.makeKey(ctx, name)
		}
	}
	if apierrors.IsNotFound(err) || errors.Is(err, errBadKey) {
		p.sayKeyMissing(name, err)
		return nil // the chain may run without it
	}
	if err != nil {
		return err
	}
	p.key = key
	p.status.OperatorKey = key.public()
	return nil
}

func (p *pass) sayKeyMissing(secret string, err error) {
	p.wake(later)
	p.say(verdict.Unknown(v1alpha1.NetworkAuthority, v1alpha1.ReasonKeyMissing,
		fmt.Sprintf("the operator's key (32 bytes under %q in Secret %s) is not there: put it back. It is not made anew where a chain exists or the spec names it; until then nothing can be changed on the chain (%v)", seedKey, secret, err)))
}

// signer is the key, read now if it was not yet; nil and no error where it is missing,
// which is said. // rule: delegate-only
func (p *pass) signer(ctx context.Context) (*operatorKey, error) {
	if p.key != nil {
		return p.key, nil
	}
	key, err := p.readKey(ctx)
	if apierrors.IsNotFound(err) || errors.Is(err, errBadKey) {
		name, _ := p.keySecret()
		p.sayKeyMissing(name, err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p.status.OperatorKey != "" && key.public() != p.status.OperatorKey {
		name, _ := p.keySecret()
		p.say(verdict.Unknown(v1alpha1.NetworkAuthority, v1alpha1.ReasonKeyMissing,
			fmt.Sprintf("Secret %s holds the key %s, the operator's on this chain is %s: put that one back", name, key.public(), p.status.OperatorKey)))
		return nil, nil
	}
	p.key = key
	return key, nil
}

func (p *pass) readKey(ctx context.Context) (*operatorKey, error) {
	name, _ := p.keySecret()
	var s corev1.Secret
	if err := p.Reader.Get(ctx, client.ObjectKey{Namespace: p.network.Namespace, Name: name}, &s); err != nil {
		return nil, fmt.Errorf("read the operator's key in Secret %s: %w", name, err)
	}
	seed := s.Data[seedKey]
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: Secret %s has %d bytes under %q, want %d", errBadKey, name, len(seed), seedKey, ed25519.SeedSize)
	}
	return &operatorKey{private: ed25519.NewKeyFromSeed(seed)}, nil
}

// makeKey creates the Secret; who finds one there takes it. // rule: no-owner
func (p *pass) makeKey(ctx context.Context, name string) error {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand.Reader, seed); err != nil {
		return fmt.Errorf("make the operator's key: %w", err)
	}
	immutable := true
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.network.Namespace, Labels: p.labels(""), Annotations: p.ownerUID()},
		Immutable:  &immutable, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{seedKey: seed},
	}
	err := faults.Do(ctx, "network/create-key", func() error { return p.Client.Create(ctx, s) })
	if apierrors.IsAlreadyExists(err) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("make Secret %s of the operator's key: %w", name, err)
	}
	key, err := p.readKey(ctx)
	if err != nil {
		return err
	}
	p.key = key
	p.status.OperatorKey = key.public()
	return nil
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
