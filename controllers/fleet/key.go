package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// seedEntry holds the Ed25519 seed in a Secret that the spec names.
const seedEntry = "seed"

// Errors that callers branch on.
var (
	// ErrNoKey says that the operator's key is not to be had: it is not there, is no
	// key, or may not be read.
	ErrNoKey = errors.New("the operator's key is not there")
	// ErrKeyAbsent is an ErrNoKey of a key that is nowhere.
	ErrKeyAbsent = errors.New("no such key")
)

// KeyPlace is where a network's operator key lies.
type KeyPlace struct {
	Secret, Entry string
	// Made: the operator makes it; otherwise the spec names a Secret of people's.
	Made bool
}

func (p KeyPlace) String() string { return fmt.Sprintf("Secret %s, entry %q", p.Secret, p.Entry) }

// KeyOf is where the operator's key on a network's chain lies. rule: delegate-only
func KeyOf(n *v1alpha1.BedrockNetwork) KeyPlace {
	if named := n.Spec.OperatorKey.Secret; named != "" {
		return KeyPlace{Secret: string(named), Entry: seedEntry}
	}
	return KeyPlace{Secret: names.OperatorKeys, Entry: n.Name, Made: true}
}

// Key is the operator's key on a network's chain, for one use; r must read past the
// cache. // rule: delegate-only
func Key(ctx context.Context, r client.Reader, n *v1alpha1.BedrockNetwork) (ed25519.PrivateKey, error) {
	at := KeyOf(n)
	var s corev1.Secret
	err := r.Get(ctx, client.ObjectKey{Namespace: n.Namespace, Name: at.Secret}, &s)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: %s: %w", ErrNoKey, at, ErrKeyAbsent)
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("%w: the operator may not read %s: grant it get on that Secret, by name, with a Role in this namespace (the chart's operatorSecrets)", ErrNoKey, at)
	case err != nil:
		return nil, fmt.Errorf("read the operator's key in %s: %w", at, err)
	}
	seed, there := s.Data[at.Entry]
	if !there && at.Made {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoKey, at, ErrKeyAbsent)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: %s has %d bytes, want the %d of an Ed25519 seed", ErrNoKey, at, len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
