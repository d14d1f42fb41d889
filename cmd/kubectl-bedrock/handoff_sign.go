package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/consent"
	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/names"
	"github.com/bedrock-bft/bedrock/node/types"
)

// consentToHandoff has the instance that was born here agree to take the place of the
// identity that the chain names now. Its own node is asked for that, and verified.
func (a *app) consentToHandoff(ctx context.Context, c *cluster, v *v1alpha1.Validator, terms *handoffTerms, o *handoffOptions) error {
	if o.validFor == 0 {
		return errors.New("--valid-for: a consent needs a last height, at least 1 from now")
	}
	document, genesis, err := c.chainOf(ctx, v)
	if err != nil {
		return err
	}
	nodes, err := c.dial(document)
	if err != nil {
		return fmt.Errorf("the genesis of %s: %w", v.Name, err)
	}
	at, stop, err := a.reachNew(ctx, c, v, terms, o)
	if err != nil {
		return err
	}
	defer stop()
	name := fleet.ID(terms.Validator)
	expected, height, err := present(ctx, nodes, at.rpc, name)
	if err != nil {
		return err
	}
	if expected.String() == terms.Identity {
		return fmt.Errorf("the chain names this instance already: nothing is left to hand over")
	}
	said, err := c.askConsent(ctx, v, terms, at.admin, name, expected, height+o.validFor)
	if err != nil {
		return fmt.Errorf("instance %d does not consent: %w", terms.Instance, err)
	}
	if said.Genesis != genesis || said.Identity.String() != terms.Identity || hex.EncodeToString(said.ConsensusKey) != terms.ConsensusKey {
		return fmt.Errorf("identity %s answers for chain %s: it is not the one that was born here: see the condition %s of %s", said.Identity, said.Genesis, v1alpha1.ValidatorSigning, v.Name)
	}
	t := consent.Consent{Kind: consent.KindRotate, Genesis: ledger.ID(said.Genesis), Identity: said.Identity, ConsensusKey: hex.EncodeToString(said.ConsensusKey),
		Possession: hex.EncodeToString(said.Possession), Validator: name, Expected: expected, ValidUntil: said.ValidUntil, Signature: hex.EncodeToString(said.Signature[:])}
	raw, err := json.MarshalIndent(&t, "", "  ")
	if err != nil {
		return err
	}
	if err := a.write(o.consent, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "instance %d of %s consents to follow identity %s until height %d: it is public, give it to the holder\n", terms.Instance, v.Name, expected, t.ValidUntil)
	return nil
}

// present is the identity that the chain names for a validator, and its height.
func present(ctx context.Context, nodes chain.Client, at chain.Endpoint, name ledger.ID) (ledger.ID, uint64, error) {
	set, err := nodes.Set(ctx, at)
	if err != nil {
		return ledger.ID{}, 0, fmt.Errorf("what the chain names now: %w", err)
	}
	m := set.Find(name)
	if m == nil {
		return ledger.ID{}, 0, fmt.Errorf("the chain has no validator %s: write its name on the chain (bedrock query validators)", name)
	}
	status, err := nodes.Status(ctx, at)
	if err != nil {
		return ledger.ID{}, 0, fmt.Errorf("the chain's height: %w", err)
	}
	return m.Identity, max(status.FinalHeight, status.Target), nil
}

// newNode is where the node of the new instance is reached.
type newNode struct {
	rpc   chain.Endpoint
	admin string // http://HOST:PORT
}

// reachNew reaches it through the API server, or where the caller says that it is.
func (a *app) reachNew(ctx context.Context, c *cluster, v *v1alpha1.Validator, terms *handoffTerms, o *handoffOptions) (newNode, func(), error) {
	if (o.admin == "") != (len(a.flags.endpoints) == 0) {
		return newNode{}, nil, errors.New("--endpoint and --admin together say where the new node is: give both, or neither")
	}
	if o.admin != "" {
		return newNode{chain.Endpoint(a.flags.endpoints[0]), o.admin}, func() {}, nil
	}
	var pod corev1.Pod
	if err := c.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: names.Pod(v.Name, terms.Instance)}, &pod); err != nil {
		return newNode{}, nil, c.explain(err, "pod", names.Pod(v.Name, terms.Instance))
	}
	if why := notRunning(&pod); why != "" {
		return newNode{}, nil, fmt.Errorf("the node of instance %d cannot be asked: %s", terms.Instance, why)
	}
	rpc, stopRPC, err := c.forward(ctx, &pod, names.PortRPC)
	if err != nil {
		return newNode{}, nil, err
	}
	admin, stopAdmin, err := c.forward(ctx, &pod, names.PortAdmin)
	if err != nil {
		stopRPC()
		return newNode{}, nil, err
	}
	return newNode{chain.Endpoint("http://" + rpc), "http://" + admin}, func() { stopRPC(); stopAdmin() }, nil
}

// askConsent asks the instance's node by its admin service: on the pod's loopback, or,
// where a network's operator administers it, with that operator's key. // rule: pinned-admin
func (c *cluster) askConsent(ctx context.Context, v *v1alpha1.Validator, terms *handoffTerms, at string, name, expected ledger.ID, until uint64) (*chain.Consent, error) {
	endpoint := chain.AdminEndpoint{URL: at}
	_, key, err := ed25519.GenerateKey(nil) // who reaches the loopback needs none
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if v.Spec.Chain.Network != "" {
		n, err := c.network(ctx, string(v.Spec.Chain.Network))
		if err != nil {
			return nil, err
		}
		if key, err = fleet.Key(ctx, c, n); err != nil {
			return nil, fmt.Errorf("%w; its node lets only that operator in", err)
		}
		endpoint = chain.AdminEndpoint{URL: "https" + strings.TrimPrefix(at, "http"), Keys: []ledger.ID{fleet.ID(terms.Identity)}}
	}
	admin, err := c.administer(key)
	if err != nil {
		return nil, err
	}
	return admin.ConsentToRotate(ctx, endpoint, name, expected, until)
}

// chainOf is a Validator's chain: the genesis document and its hash.
func (c *cluster) chainOf(ctx context.Context, v *v1alpha1.Validator) ([]byte, [32]byte, error) {
	if f := v.Spec.Chain.Foreign; f != nil {
		document, err := c.configMap(ctx, string(f.Genesis.ConfigMap))
		return document, fleet.ID(string(f.Genesis.Hash)), err
	}
	n, err := c.network(ctx, string(v.Spec.Chain.Network))
	if err != nil {
		return nil, [32]byte{}, err
	}
	document, err := c.document(ctx, n)
	if err != nil {
		return nil, [32]byte{}, err
	}
	return document, fleet.ID(string(n.Status.Genesis.Hash)), nil
}

// signHandoff signs, as who holds the validator now, that the identity of a consent
// takes its place. Nothing is sent. // rule: delegate
func (a *app) signHandoff(ctx context.Context, c *cluster, v *v1alpha1.Validator, o *handoffOptions) error {
	if v.Spec.Chain.Network == "" {
		return fmt.Errorf("%s is of a foreign chain: no operator here holds its key; its owner signs by `bedrock tx validator rotate %s --consent FILE --sign-only OUT`", v.Name, v.Status.ChainName)
	}
	raw, err := a.readFile(o.sign, consent.MaxBytes+1)
	if err != nil {
		return err
	}
	t, err := consent.Parse(raw, consent.KindRotate)
	if err != nil {
		return fmt.Errorf("%s: %w", o.sign, err)
	}
	n, err := c.network(ctx, string(v.Spec.Chain.Network))
	if err != nil {
		return err
	}
	r, err := c.askPods(ctx, n)
	if err != nil {
		return err
	}
	defer r.close()
	m, height, err := r.member(ctx, fleet.ChainName(v))
	if err != nil {
		return err
	}
	if t.ValidUntil <= height {
		return fmt.Errorf("%s: its last height is %d and the chain is at %d: get another consent", o.sign, t.ValidUntil, height)
	}
	// Nodes differ in their heights, and what the new one said of its own was not proven.
	if left := t.ValidUntil - height; left/2 >= o.validFor {
		return fmt.Errorf("%s: its last height is %d, which is %d heights from now: so long could what you sign move %s; get another consent, or say that you mean it by --valid-for %d", o.sign, t.ValidUntil, left, v.Name, left)
	}
	genesis := fleet.ID(string(n.Status.Genesis.Hash))
	op, err := t.Rotate(genesis, m.Name, m.Identity)
	if err != nil {
		return fmt.Errorf("%s: %w", o.sign, err)
	}
	key, err := fleet.Key(ctx, c, n)
	if err != nil {
		return err
	}
	if own := ledger.ID(key.Public().(ed25519.PublicKey)); m.Row.Delegate != own {
		return fmt.Errorf("the operator's key %s is not the delegate of %s (that is %s): its owner signs by `bedrock tx validator rotate %s --consent FILE --sign-only OUT`", own, v.Name, m.Row.Delegate, m.Name)
	}
	tx, err := chain.Rotate(key, types.Hash(genesis), op, t.ValidUntil)
	if err != nil {
		return err
	}
	// Whoever has it may move the validator there: it is not for everybody to read.
	if err := a.write(o.out, []byte(hex.EncodeToString(tx)+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "signed: until height %d, identity %s may take the place of %s (%s), and nothing else follows from it; import it where that was born: --authorise\n", t.ValidUntil, t.Identity, v.Name, m.Identity)
	return nil
}

// member is a validator by the node of the highest final height, with that height.
func (r *reached) member(ctx context.Context, name ledger.ID) (*chain.Member, uint64, error) {
	at, ok := r.first()
	if !ok {
		return nil, 0, &exitError{exitFailed, "no node of the network answers: what the chain names now is not known"}
	}
	set, err := r.client.Set(ctx, at)
	if err != nil {
		return nil, 0, fmt.Errorf("what the chain names now: %w", err)
	}
	m := set.Find(name)
	if m == nil {
		return nil, 0, fmt.Errorf("the chain has no validator %s", name)
	}
	status, err := r.client.Status(ctx, at)
	if err != nil {
		return nil, 0, fmt.Errorf("the chain's height: %w", err)
	}
	return m, status.FinalHeight, nil
}

// write makes a file that is not there yet, or prints.
func (a *app) write(path string, raw []byte, mode os.FileMode) error {
	if path == "-" {
		_, err := a.out.Write(raw)
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: name another file", path)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(raw))
	return errors.Join(err, f.Close())
}

// readFile reads a file, or standard input for "-", up to a bound.
func (a *app) readFile(path string, most int64) ([]byte, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return raw, nil
}
