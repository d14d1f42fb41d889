package validator

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
	"github.com/bedrock-bft/bedrock/node/genesis"
)

// maxChains bounds the chains whose clients are kept.
const maxChains = 1024

// document reads a genesis document past the cache, and holds it to its hash.
func (r *Reconciler) document(ctx context.Context, key client.ObjectKey, hash v1alpha1.Hash) (*genesis.Genesis, error) {
	var m corev1.ConfigMap
	if err := r.live.Get(ctx, key, &m); err != nil {
		return nil, fmt.Errorf("read the genesis in ConfigMap %s: %w", key.Name, err)
	}
	g, err := genesis.Parse([]byte(m.Data[build.GenesisKey]))
	if err != nil {
		return nil, fmt.Errorf("the genesis in ConfigMap %s: %w", key.Name, err)
	}
	if got := g.Hash().String(); got != string(hash) {
		return nil, fmt.Errorf("the genesis in ConfigMap %s has the hash %s, wanted is %s: bring the document that the chain was started with", key.Name, got, hash)
	}
	return g, nil
}

// readScheme takes the scheme and chain id of a given document; what is wrong with it
// is a verdict, since only a person can mend it.
func (s *scope) readScheme(ctx context.Context, given *v1alpha1.GivenGenesis) error {
	r := s.r
	r.mu.Lock()
	scheme, ok := r.schemes[given.Hash]
	r.mu.Unlock()
	if ok && s.facts.chainID != "" {
		s.facts.scheme = scheme
		return nil
	}
	g, err := r.document(ctx, client.ObjectKey{Namespace: s.validator.Namespace, Name: string(given.ConfigMap)}, given.Hash)
	if err == nil {
		scheme, err = plan.SchemeNamed(g.Scheme)
	}
	if err != nil {
		if apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) {
			return err
		}
		s.facts.known = false
		s.setAll(verdict.False(v1alpha1.ValidatorReady, "GenesisUnreadable", err.Error()))
		return nil
	}
	s.facts.scheme, s.facts.chainID = scheme, g.ChainID
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.schemes) >= maxChains {
		clear(r.schemes)
	}
	r.schemes[given.Hash] = scheme
	return nil
}

// dial is the client of the chain with the scope's genesis.
func (s *scope) dial(ctx context.Context) (chain.Client, error) {
	r := s.r
	r.mu.Lock()
	c := r.chains[s.facts.genesis]
	r.mu.Unlock()
	if c != nil {
		return c, nil
	}
	g, err := r.document(ctx, client.ObjectKey{Namespace: s.validator.Namespace, Name: s.facts.configMap}, s.facts.genesis)
	if err != nil {
		return nil, err
	}
	if c, err = r.deps.Dial(g.Bytes()); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.chains) >= maxChains {
		clear(r.chains)
	}
	r.chains[s.facts.genesis] = c
	return c, nil
}
