package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/cmd/kubectl-bedrock/diagnose"
)

// Bounds of a bundle.
const (
	maxLogBytes = 4 << 20
	maxObjects  = 2000 // of each kind
)

func newBundleCommand(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "bundle [NETWORK]",
		Short: "Gather what is needed to look into a trouble, without any secret",
		Long: `Writes a tar with the network's objects, their conditions, events, the pods' logs
and what the nodes say. No Secret is read. What could not be gathered is listed in
errors.txt, and the rest is there all the same.`,
		Example: "  kubectl bedrock bundle network-4 --file network-4.tar",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.open(&a.flags)
			if err != nil {
				return err
			}
			n, err := c.network(cmd.Context(), name(args))
			if err != nil {
				return err
			}
			if file == "" {
				file = fmt.Sprintf("bedrock-%s-%s.tar", n.Name, c.now().UTC().Format("20060102-150405"))
			}
			out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("write the bundle: %w", err)
			}
			b := &bundle{tar: tar.NewWriter(out), at: c.now()}
			b.gather(cmd.Context(), c, n)
			b.add("errors.txt", []byte(strings.Join(b.errors, "\n")+"\n"))
			if err := errors.Join(b.failed, b.tar.Close(), out.Close()); err != nil {
				return fmt.Errorf("write the bundle: %w", errors.Join(err, os.Remove(file)))
			}
			fmt.Fprintf(a.out, "%s: %d files, %d could not be gathered\n", file, b.files, len(b.errors))
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "tar to write; it must not exist (default: bedrock-NETWORK-TIME.tar)")
	return cmd
}

type bundle struct {
	tar    *tar.Writer
	at     time.Time
	files  int
	errors []string // what could not be gathered
	failed error    // of the tar itself
}

func (b *bundle) add(name string, body []byte) {
	if b.failed != nil {
		return
	}
	head := &tar.Header{Name: path.Join("bundle", name), Mode: 0o644, Size: int64(len(body)), ModTime: b.at}
	if b.failed = b.tar.WriteHeader(head); b.failed == nil {
		_, b.failed = b.tar.Write(body)
	}
	b.files++
}

func (b *bundle) miss(what string, err error) {
	b.errors = append(b.errors, what+": "+err.Error())
}

func (b *bundle) gather(ctx context.Context, c *cluster, n *v1alpha1.BedrockNetwork) {
	labelled := client.MatchingLabels{v1alpha1.LabelNetwork: n.Name}
	b.object("network.yaml", n)
	for _, kind := range []struct {
		folder  string
		list    client.ObjectList
		options []client.ListOption
	}{
		{"validators", &v1alpha1.ValidatorList{}, nil},
		{"pods", &corev1.PodList{}, []client.ListOption{labelled}},
		{"statefulsets", &appsv1.StatefulSetList{}, []client.ListOption{labelled}},
		{"jobs", &batchv1.JobList{}, []client.ListOption{labelled}},
		{"services", &corev1.ServiceList{}, []client.ListOption{labelled}},
		{"configmaps", &corev1.ConfigMapList{}, []client.ListOption{labelled}},
		{"volumeclaims", &corev1.PersistentVolumeClaimList{}, []client.ListOption{labelled}},
		{"disruptionbudgets", &policyv1.PodDisruptionBudgetList{}, []client.ListOption{labelled}},
		{"networkpolicies", &networkingv1.NetworkPolicyList{}, []client.ListOption{labelled}},
		{"events", &corev1.EventList{}, nil},
	} {
		b.list(ctx, c, kind.folder, kind.list, kind.options)
	}
	b.logs(ctx, c, n.Name)
	b.accounts(ctx, c, n)
}

func (b *bundle) list(ctx context.Context, c *cluster, folder string, list client.ObjectList, options []client.ListOption) {
	if err := c.List(ctx, list, append(options, client.InNamespace(c.namespace), client.Limit(maxObjects))...); err != nil {
		b.miss(folder, err)
		return
	}
	raw, err := json.Marshal(list)
	if err != nil {
		b.miss(folder, err)
		return
	}
	var items struct {
		Items []map[string]any `json:"items"`
	}
	if err := json.Unmarshal(raw, &items); err != nil {
		b.miss(folder, err)
		return
	}
	for _, item := range items.Items {
		meta, _ := item["metadata"].(map[string]any)
		b.object(path.Join(folder, fmt.Sprint(meta["name"])+".yaml"), item)
	}
}

// object writes one without what only machines read, and without the last applied
// manifest, which people write.
func (b *bundle) object(name string, o any) {
	raw, err := json.Marshal(o)
	if err != nil {
		b.miss(name, err)
		return
	}
	var plain map[string]any
	if err := json.Unmarshal(raw, &plain); err != nil {
		b.miss(name, err)
		return
	}
	if meta, ok := plain["metadata"].(map[string]any); ok {
		delete(meta, "managedFields")
		if notes, ok := meta["annotations"].(map[string]any); ok {
			delete(notes, corev1.LastAppliedConfigAnnotation)
		}
	}
	out, err := yaml.Marshal(plain)
	if err != nil {
		b.miss(name, err)
		return
	}
	b.add(name, out)
}

func (b *bundle) logs(ctx context.Context, c *cluster, network string) {
	pods, err := c.pods(ctx, network)
	if err != nil {
		b.miss("logs", err)
		return
	}
	for i := range pods {
		p := &pods[i]
		for _, container := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
			b.log(ctx, c, p, container.Name, false)
		}
		for _, s := range p.Status.ContainerStatuses {
			if s.RestartCount > 0 {
				b.log(ctx, c, p, s.Name, true)
			}
		}
	}
}

func (b *bundle) log(ctx context.Context, c *cluster, p *corev1.Pod, container string, previous bool) {
	name := path.Join("logs", p.Name+"-"+container+".log")
	if previous {
		name = path.Join("logs", p.Name+"-"+container+"-previous.log")
	}
	limit := int64(maxLogBytes)
	tail := int64(20_000)
	in, err := c.logs.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: container, Previous: previous, LimitBytes: &limit, TailLines: &tail}).Stream(ctx)
	if err != nil {
		b.miss(name, err)
		return
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, maxLogBytes))
	if err != nil {
		b.miss(name, err)
	}
	b.add(name, raw)
}

// accounts adds what the nodes say, and what that comes to.
func (b *bundle) accounts(ctx context.Context, c *cluster, n *v1alpha1.BedrockNetwork) {
	r, err := c.askPods(ctx, n)
	if err != nil {
		b.miss("nodes", err)
		return
	}
	defer r.close()
	for i := range r.accounts {
		a := &r.accounts[i]
		if a.Status == nil {
			b.miss("nodes/"+a.Node, a.Err)
			continue
		}
		b.json(path.Join("nodes", a.Node+"-status.json"), a.Status)
		b.json(path.Join("nodes", a.Node+"-set.json"), a.Set)
	}
	b.json("report.json", diagnose.Of(r.accounts))
}

func (b *bundle) json(name string, v any) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		b.miss(name, err)
		return
	}
	b.add(name, append(raw, '\n'))
}
