package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client/keystore"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// drillName is that of everything that a drill makes in its namespaces.
const drillName = "drill"

// maxPeers bounds the peers that a drill's node is given.
const maxPeers = 16

// drillRun is a drill under way.
type drillRun struct {
	app        *app
	cluster    *cluster
	network    *v1alpha1.BedrockNetwork
	reached    *reached
	options    *drillOptions
	key        string   // public, hex
	namespaces []string // that were made
	identities map[string]bool
}

// start makes the Validators: one beside a live one, or two with a new key.
func (d *drillRun) start(ctx context.Context) error {
	d.identities = map[string]bool{}
	count := 2
	var secret map[string][]byte
	var err error
	if d.options.secret != "" {
		count = 1
		secret, err = d.brought(ctx)
	} else {
		secret, err = newKeystore(d.scheme())
	}
	if err != nil {
		return err
	}
	public, err := keystore.Inspect(secret[keystoreKey])
	if err != nil {
		return fmt.Errorf("the key: %w", err)
	}
	d.key = public.PublicKey
	document, err := d.cluster.document(ctx, d.network)
	if err != nil {
		return err
	}
	peers, err := d.peers(ctx)
	if err != nil {
		return err
	}
	for range count {
		if err := d.instance(ctx, secret, document, peers); err != nil {
			return err
		}
	}
	return nil
}

// Keys of a Secret with a brought key.
const (
	keystoreKey = "keystore.json"
	passwordKey = "password"
)

func (d *drillRun) brought(ctx context.Context) (map[string][]byte, error) {
	var s corev1.Secret
	if err := d.cluster.Get(ctx, client.ObjectKey{Namespace: d.cluster.namespace, Name: d.options.secret}, &s); err != nil {
		return nil, d.cluster.explain(err, "Secret", d.options.secret)
	}
	if len(s.Data[keystoreKey]) == 0 || len(s.Data[passwordKey]) == 0 {
		return nil, fmt.Errorf("the Secret %s has no %s and %s: it is no brought key", s.Name, keystoreKey, passwordKey)
	}
	return map[string][]byte{keystoreKey: s.Data[keystoreKey], passwordKey: s.Data[passwordKey]}, nil
}

// scheme is the chain's, by its validators' keys.
func (d *drillRun) scheme() string {
	if c := d.network.Spec.Genesis.Ceremony; c != nil && c.Scheme == v1alpha1.SchemeBLS12381 {
		return "bls12381"
	}
	return "ed25519"
}

func newKeystore(scheme string) (map[string][]byte, error) {
	secret, password := make([]byte, 32), make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if _, err := rand.Read(password); err != nil {
		return nil, fmt.Errorf("make a password: %w", err)
	}
	if scheme == "bls12381" {
		secret[0] &= 0x3f // below the group's order
	}
	key, err := keystore.NewKey(keystore.KindConsensus, scheme, secret)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	text := hex.EncodeToString(password)
	file, err := keystore.Encrypt(key, text, keystore.Standard)
	if err != nil {
		return nil, fmt.Errorf("make a keystore: %w", err)
	}
	return map[string][]byte{keystoreKey: file, passwordKey: []byte(text)}, nil
}

// peers are the network's validators by their p2p Services' names.
func (d *drillRun) peers(ctx context.Context) ([]string, error) {
	fleet, err := d.cluster.validators(ctx, d.network.Name)
	if err != nil {
		return nil, err
	}
	var out []string
	for i := range fleet {
		v := &fleet[i]
		for _, in := range v.Status.Instances {
			if in.Number == v.Status.ActiveInstance && in.Identity != "" && len(out) < maxPeers {
				out = append(out, fmt.Sprintf("%s@%s.%s.svc:%d", in.Identity, names.P2PService(v.Name, in.Number), v.Namespace, names.PortP2P))
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no validator of the network has an identity yet: wait until it is Ready")
	}
	return out, nil
}

// instance makes a namespace with a Validator that holds the key.
func (d *drillRun) instance(ctx context.Context, secret map[string][]byte, document []byte, peers []string) error {
	c := d.cluster
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bedrock-drill-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if err := c.Create(ctx, ns); err != nil {
		return fmt.Errorf("make the drill's namespace: %w", err)
	}
	d.namespaces = append(d.namespaces, ns.Name)
	meta := metav1.ObjectMeta{Namespace: ns.Name, Name: drillName}
	rpc := fmt.Sprintf("http://%s.%s.svc:%d", names.RPCService(d.network.Name), d.network.Namespace, names.PortRPC)
	for _, o := range []client.Object{
		&corev1.Secret{ObjectMeta: meta, Data: secret},
		&corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{genesisKey: string(document)}},
		&v1alpha1.Validator{ObjectMeta: meta, Spec: v1alpha1.ValidatorSpec{
			Chain: v1alpha1.ChainRef{Type: v1alpha1.ChainForeign, Foreign: &v1alpha1.ForeignChain{
				Genesis: v1alpha1.GivenGenesis{ConfigMap: drillName, Hash: d.network.Status.Genesis.Hash}, Peers: peers, RPC: []string{rpc}}},
			Image:          d.network.Spec.Image,
			Keys:           v1alpha1.KeySource{Source: v1alpha1.KeysSecret, Secret: drillName},
			Bootstrap:      v1alpha1.Bootstrap{Type: v1alpha1.BootstrapPeers},
			Exposure:       v1alpha1.Exposure{Type: v1alpha1.ExposureClusterIP},
			Compute:        d.network.Spec.Validators.Template.Compute,
			Storage:        d.network.Spec.Validators.Template.Storage,
			DeletionPolicy: v1alpha1.DeletionDelete,
		}},
	} {
		if err := c.Create(ctx, o); err != nil {
			return fmt.Errorf("make the drill's %T: %w", o, err)
		}
	}
	return nil
}
