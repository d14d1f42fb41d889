package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	bedrockclient "github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/cmd/kubectl-bedrock/diagnose"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/names"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// maxAsked bounds the nodes that are asked, and maxAtOnce those at one time.
const (
	maxAsked  = 200
	maxAtOnce = 16
)

// reached is a network's nodes as they could be reached, each with its account.
type reached struct {
	client   chain.Client
	accounts []diagnose.Account
	at       []chain.Endpoint // of each account; empty: not reached
	stop     []func()
}

func (r *reached) close() {
	for _, s := range r.stop {
		s()
	}
}

// first is a node that answered, the one with the highest final height.
func (r *reached) first() (chain.Endpoint, bool) {
	best, height := chain.Endpoint(""), uint64(0)
	for i := range r.accounts {
		if s := r.accounts[i].Status; s != nil && (best == "" || s.FinalHeight > height) {
			best, height = r.at[i], s.FinalHeight
		}
	}
	return best, best != ""
}

// pods are those of a network's nodes.
func (c *cluster) pods(ctx context.Context, network string) ([]corev1.Pod, error) {
	var list corev1.PodList
	if err := c.List(ctx, &list, client.InNamespace(c.namespace), client.MatchingLabels{v1alpha1.LabelNetwork: network}); err != nil {
		return nil, c.explain(err, "pods", "")
	}
	out := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool {
		kind := p.Labels[v1alpha1.LabelComponent]
		return kind != v1alpha1.ComponentValidator && kind != v1alpha1.ComponentFullNode
	})
	slices.SortFunc(out, func(x, y corev1.Pod) int { return strings.Compare(x.Name, y.Name) })
	return out[:min(len(out), maxAsked)], nil
}

// askPods has every node of a network give its account, through the API server.
func (c *cluster) askPods(ctx context.Context, network *v1alpha1.BedrockNetwork) (*reached, error) {
	document, err := c.document(ctx, network)
	if err != nil {
		return nil, err
	}
	nodes, err := c.dial(document)
	if err != nil {
		return nil, fmt.Errorf("the genesis of network %s: %w", network.Name, err)
	}
	pods, err := c.pods(ctx, network.Name)
	if err != nil {
		return nil, err
	}
	r := &reached{client: nodes, accounts: make([]diagnose.Account, len(pods)), at: make([]chain.Endpoint, len(pods)), stop: make([]func(), len(pods))}
	atOnce(len(pods), func(i int) {
		r.stop[i] = func() {}
		r.accounts[i].Node = pods[i].Name
		if why := notRunning(&pods[i]); why != "" {
			r.accounts[i].Err = fmt.Errorf("%s", why)
			return
		}
		at, stop, err := c.forward(ctx, &pods[i], names.PortRPC)
		if err != nil {
			r.accounts[i].Err = err
			return
		}
		r.at[i], r.stop[i] = chain.Endpoint("http://"+at), stop
		r.accounts[i] = ask(ctx, nodes, pods[i].Name, r.at[i])
	})
	return r, nil
}

// ask has one node give its account.
func ask(ctx context.Context, nodes chain.Client, name string, at chain.Endpoint) diagnose.Account {
	a := diagnose.Account{Node: name}
	if a.Status, a.Err = nodes.Status(ctx, at); a.Err == nil {
		a.Set, a.Err = nodes.Set(ctx, at)
	}
	return a
}

func notRunning(p *corev1.Pod) string {
	if p.Status.Phase == corev1.PodRunning {
		return ""
	}
	for _, s := range p.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil {
			return strings.TrimSuffix("its pod waits: "+w.Reason+" "+w.Message, " ")
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status != corev1.ConditionTrue {
			return "its pod is not placed: " + c.Message
		}
	}
	return fmt.Sprintf("its pod is %s", strings.ToLower(string(p.Status.Phase)))
}

// atOnce runs f for 0 to n-1, a few at one time, and waits.
func atOnce(n int, f func(i int)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, maxAtOnce)
	for i := range n {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			f(i)
		})
	}
	wait.Wait()
}

// askEndpoints asks nodes that were named, without any API server.
func (a *app) askEndpoints(ctx context.Context) (*reached, error) {
	if len(a.flags.endpoints) > maxAsked {
		return nil, fmt.Errorf("%d endpoints: at most %d are asked", len(a.flags.endpoints), maxAsked)
	}
	dial := a.nodes
	if dial == nil {
		dial = a.namedNodes
	}
	nodes, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	n := len(a.flags.endpoints)
	r := &reached{client: nodes, accounts: make([]diagnose.Account, n), at: make([]chain.Endpoint, n)}
	atOnce(n, func(i int) {
		r.at[i] = chain.Endpoint(a.flags.endpoints[i])
		r.accounts[i] = ask(ctx, nodes, a.flags.endpoints[i], r.at[i])
	})
	return r, nil
}

func (a *app) namedNodes(ctx context.Context) (chain.Client, error) {
	document, err := a.genesisDocument(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := chain.NewDialer(chain.Options{Timeout: a.flags.timeout})(document)
	if err != nil {
		return nil, fmt.Errorf("the genesis document: %w", err)
	}
	return nodes, nil
}

// genesisDocument is the file that was named, or what the first node that answers gives.
func (a *app) genesisDocument(ctx context.Context) ([]byte, error) {
	if a.flags.genesis != "" {
		b, err := os.ReadFile(a.flags.genesis)
		if err != nil {
			return nil, fmt.Errorf("--genesis: %w", err)
		}
		return b, nil
	}
	var last error
	for _, at := range a.flags.endpoints {
		document, err := a.nodesDocument(ctx, at)
		if err == nil {
			fmt.Fprintln(a.err, "note: verified against the genesis that a node itself gave; --genesis FILE names yours")
			return document, nil
		}
		last = err
	}
	return nil, &exitError{exitFailed, fmt.Sprintf("no node of those named answers: %v", last)}
}

func (a *app) nodesDocument(ctx context.Context, at string) ([]byte, error) {
	rpc, err := bedrockclient.Connect(at, nil)
	if err != nil {
		return nil, fmt.Errorf("--endpoint %s: %w", at, err)
	}
	ctx, cancel := context.WithTimeout(ctx, max(time.Second, a.flags.timeout/4))
	defer cancel()
	res, err := rpc.GetGenesis(ctx, connect.NewRequest(&nodev1.GetGenesisRequest{}))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return res.Msg.Document, nil
}
