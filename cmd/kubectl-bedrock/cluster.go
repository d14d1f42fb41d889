package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
)

// cluster is the API server and how nodes are reached through it.
type cluster struct {
	client.Client
	logs      kubernetes.Interface
	namespace string
	dial      chain.Dialer
	// administer reaches nodes' admin services.
	administer chain.AdminDialer
	// forward makes a pod's port reachable, as HOST:PORT, until stop is called.
	forward func(ctx context.Context, pod *corev1.Pod, port int) (at string, stop func(), err error)
	now     func() time.Time
}

// openCluster finds the cluster as kubectl does.
func openCluster(f *flags) (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w; name one by --kubeconfig, or nodes by --endpoint", err)
	}
	config.Timeout = f.timeout
	namespace := f.namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, fmt.Errorf("find the namespace: %w; name it by -n", err)
		}
	}
	return newCluster(config, namespace)
}

func newCluster(config *rest.Config, namespace string) (*cluster, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w; with --endpoint nodes are asked without it", err)
	}
	logs, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w", err)
	}
	forward, err := newForwarder(config)
	if err != nil {
		return nil, err
	}
	return &cluster{Client: c, logs: logs, namespace: namespace, dial: chain.NewDialer(chain.Options{}), administer: chain.NewAdminDialer(), forward: forward, now: time.Now}, nil
}

// network finds a network by name, or the only one of the namespace.
func (c *cluster) network(ctx context.Context, name string) (*v1alpha1.BedrockNetwork, error) {
	if name != "" {
		var n v1alpha1.BedrockNetwork
		if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, &n); err != nil {
			return nil, c.explain(err, "network", name)
		}
		return &n, nil
	}
	var list v1alpha1.BedrockNetworkList
	if err := c.List(ctx, &list, client.InNamespace(c.namespace), client.Limit(maxNetworks)); err != nil {
		return nil, c.explain(err, "networks", "")
	}
	switch len(list.Items) {
	case 0:
		return nil, fmt.Errorf("there is no BedrockNetwork in namespace %s: name another by -n", c.namespace)
	case 1:
		return &list.Items[0], nil
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return nil, fmt.Errorf("namespace %s has several networks, name one: %s", c.namespace, strings.Join(names, ", "))
}

// maxNetworks bounds those that are listed to choose from.
const maxNetworks = 100

// explain says what to do about a failed read.
func (c *cluster) explain(err error, kind, name string) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no %s %s in namespace %s (or the CRDs are not installed: kubectl apply -k config/crd)", kind, name, c.namespace)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w; ask for the cluster role bedrock-plugin in namespace %s", err, c.namespace)
	}
	return fmt.Errorf("read %s %s: %w; while the API server is down, `kubectl bedrock why --endpoint http://HOST:PORT` asks nodes alone", kind, name, err)
}

// validator finds a Validator.
func (c *cluster) validator(ctx context.Context, name string) (*v1alpha1.Validator, error) {
	var v v1alpha1.Validator
	if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, &v); err != nil {
		return nil, c.explain(err, "Validator", name)
	}
	return &v, nil
}

// validators are those of a network, by name.
func (c *cluster) validators(ctx context.Context, network string) ([]v1alpha1.Validator, error) {
	var list v1alpha1.ValidatorList
	if err := c.List(ctx, &list, client.InNamespace(c.namespace)); err != nil {
		return nil, c.explain(err, "Validators", "")
	}
	out := slices.DeleteFunc(list.Items, func(v v1alpha1.Validator) bool {
		return string(v.Spec.Chain.Network) != network
	})
	slices.SortFunc(out, func(x, y v1alpha1.Validator) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

// genesisKey is the document's key in its ConfigMap.
const genesisKey = "genesis.json"

// document is the genesis of a network.
func (c *cluster) document(ctx context.Context, n *v1alpha1.BedrockNetwork) ([]byte, error) {
	if n.Status.Genesis == nil {
		return nil, fmt.Errorf("network %s has no genesis yet: %s", n.Name, conditionText(n.Status.Conditions, v1alpha1.NetworkGenesisReady))
	}
	return c.configMap(ctx, n.Status.Genesis.ConfigMap)
}

func (c *cluster) configMap(ctx context.Context, name string) ([]byte, error) {
	var m corev1.ConfigMap
	if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, &m); err != nil {
		return nil, c.explain(err, "ConfigMap", name)
	}
	if m.Data[genesisKey] == "" {
		return nil, fmt.Errorf("ConfigMap %s has no %s", name, genesisKey)
	}
	return []byte(m.Data[genesisKey]), nil
}
