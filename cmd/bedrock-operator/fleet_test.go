//go:build scale

package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/apitest"
)

var (
	api *apitest.Server

	fleetNetworks = flag.Int("networks", 10, "networks of four validators in TestFleet")
	fleetShared   = flag.Int("shared", 5, "how many of them are in one namespace; each other one has its own")
	fleetSteady   = flag.Duration("steady", time.Minute, "how long TestFleet watches the steady state; it begins when nothing was written for a fifth of that")
	fleetLimit    = flag.Duration("converge", 10*time.Minute, "bound on its convergence, and on the steady state's beginning")
)

func TestMain(m *testing.M) {
	flag.Parse()
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	os.Exit(apitest.Main(m, &api, apitest.Options{Audit: true}))
}

// operatorUser is who the operator is, by its manifests.
const operatorUser = "system:serviceaccount:bedrock-system:bedrock-operator"

// maxReads is how many requests that read may reach the API server a second.
const maxReads = 1.0

// TestFleet runs the whole operator, with the rights that config/rbac grants it, over
// many networks: they come up; then nothing is written, and at most one read a second
// reaches the API server, though heights, votes and ages change all the while.
func TestFleet(t *testing.T) {
	c := clusterOf(t)
	grant(t, c)
	w := newWorld(t, c)
	makeNetworks(t, c)
	log := &audit{t: t}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w.run(ctx)
	ended := startOperator(t, ctx, w)
	from := time.Now()
	awaitReady(t, c, ended)
	t.Logf("%d networks, %d validators Ready after %.0f s", *fleetNetworks, 4**fleetNetworks, time.Since(from).Seconds())
	t.Logf("requests until then: %s", told(log.requests(from, time.Now())))

	from = awaitQuiet(t, log)
	select {
	case <-time.After(*fleetSteady): // the subject is what happens in this time
	case err := <-ended:
		t.Fatalf("the operator ended: %v", err)
	}
	judge(t, log.requests(from, from.Add(*fleetSteady)))
	if missing, why := notReady(t, c); missing > 0 {
		t.Errorf("after the steady state %d objects are not Ready, for one %s", missing, why)
	}
	with, resident := heap(), residentMiB()
	stop()
	w.groups.Wait()
	if err := <-ended; err != nil {
		t.Errorf("the operator: %v", err)
	}
	without := heap()
	t.Logf("memory: heap %.0f MiB with the operator, %.0f MiB without it (the fake chains, the audit log's lines): the operator has %.0f MiB; the test's process has %.0f MiB resident",
		with, without, with-without, resident)
}

// judge holds a steady state to no write and few reads.
func judge(t *testing.T, steady []asked) {
	t.Helper()
	writes, reads := split(steady)
	rate := float64(reads) / fleetSteady.Seconds()
	t.Logf("steady state of %s: %d writes, %d reads, %.2f reads a second: %s", *fleetSteady, writes, reads, rate, told(steady))
	if rate > maxReads {
		t.Errorf("%.2f reads a second, want at most %.0f", rate, maxReads)
	}
	if writes == 0 {
		return
	}
	const most = 10
	var text strings.Builder
	first := slices.DeleteFunc(steady, asked.reads)
	for _, a := range first[:min(len(first), most)] {
		fmt.Fprintf(&text, "\n%s %s %s", a.at.Format(time.TimeOnly), a.verb, a.uri)
	}
	t.Errorf("%d writes in the steady state, want none; the first:%s", writes, &text)
}

// clusterOf gives the cluster a storage class and hosts.
func clusterOf(t *testing.T) client.WithWatch {
	t.Helper()
	o := options{}
	c, err := client.NewWithWatch(api.Config, client.Options{Scheme: o.manager().Scheme})
	if err != nil {
		t.Fatal(err)
	}
	class := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "example.test/disk", "reclaimPolicy": "Retain",
		"metadata": map[string]any{"name": "standard", "annotations": map[string]any{"storageclass.kubernetes.io/is-default-class": "true"}}}}
	objects := []client.Object{class}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i), Labels: map[string]string{corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", i)}}})
	}
	for _, o := range objects {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// grant applies what config/rbac gives the operator.
func grant(t *testing.T, c client.Client) {
	t.Helper()
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "bedrock-system"}}); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"operator", "claims", "nodes"} {
		files, err := filepath.Glob("../../config/rbac/" + folder + "/role*.yaml")
		if err != nil || len(files) != 2 {
			t.Fatalf("config/rbac/%s: %v, %v", folder, files, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			o := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(raw, &o.Object); err != nil {
				t.Fatal(err)
			}
			if err := c.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// makeNetworks makes networks of four.
func makeNetworks(t *testing.T, c client.Client) {
	t.Helper()
	shared := api.Namespace(t)
	for i := range *fleetNetworks {
		ns := shared
		if i >= *fleetShared {
			ns = api.Namespace(t)
		}
		count, name := int32(4), fmt.Sprintf("net%d", i)
		n := &v1alpha1.BedrockNetwork{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Spec: v1alpha1.BedrockNetworkSpec{
			ChainID: chainIDOf(ns, name), Image: "bedrock.dev/node:dev", Validators: v1alpha1.Validators{Count: &count}}}
		if err := c.Create(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
}

// startOperator runs it as the program does, but for its nodes; the channel has its end.
func startOperator(t *testing.T, ctx context.Context, w *world) <-chan error {
	t.Helper()
	o := options{metricsAddr: "0", probeAddr: "0", claims: true, ownSpace: "bedrock-system"}
	config := rest.CopyConfig(api.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: operatorUser, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:bedrock-system", "system:authenticated"}}
	mgr, err := ctrl.NewManager(config, o.manager())
	if err != nil {
		t.Fatal(err)
	}
	if err := setUp(mgr, &o, w.nodes()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	return ended
}

// awaitReady waits until every network and Validator is Ready.
func awaitReady(t *testing.T, c client.Client, ended <-chan error) {
	t.Helper()
	deadline := time.NewTimer(*fleetLimit)
	defer deadline.Stop()
	// Reading a large fleet takes as long as it takes to be worth it.
	tick := time.NewTicker(time.Second * time.Duration(1+*fleetNetworks/15))
	defer tick.Stop()
	for {
		missing, why := notReady(t, c)
		if missing == 0 {
			return
		}
		select {
		case <-tick.C:
			t.Logf("%s: %d objects are not Ready yet, for one %s", time.Now().Format(time.TimeOnly), missing, why)
		case err := <-ended:
			t.Fatalf("the operator ended: %v", err)
		case <-deadline.C:
			t.Fatalf("waited %s for %d networks; %d of their objects are not Ready, for one %s", *fleetLimit, *fleetNetworks, missing, why)
		}
	}
}

// notReady counts networks and Validators that are not, and tells of one.
func notReady(t *testing.T, c client.Client) (int, string) {
	t.Helper()
	var networks v1alpha1.BedrockNetworkList
	var validators v1alpha1.ValidatorList
	for _, list := range []client.ObjectList{&networks, &validators} {
		if err := c.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	missing, why := max(0, 4**fleetNetworks-len(validators.Items)), "a Validator that is not made"
	look := func(name, kind string, conditions []metav1.Condition) {
		if c := meta.FindStatusCondition(conditions, kind); c == nil || c.Status != metav1.ConditionTrue {
			missing++
			why = name + " says nothing"
			if c != nil {
				why = fmt.Sprintf("%s: %s %s", name, c.Reason, c.Message)
			}
		}
	}
	for i := range networks.Items {
		look(networks.Items[i].Name, v1alpha1.NetworkReady, networks.Items[i].Status.Conditions)
	}
	for i := range validators.Items {
		look(validators.Items[i].Name, v1alpha1.ValidatorReady, validators.Items[i].Status.Conditions)
	}
	return missing, why
}

// awaitQuiet waits until the operator has written nothing for a while, and says since
// when the steady state is looked at.
func awaitQuiet(t *testing.T, log *audit) time.Time {
	t.Helper()
	quiet := *fleetSteady / 5
	deadline := time.Now().Add(*fleetLimit)
	for {
		from := time.Now()
		<-time.After(quiet)
		last := log.requests(from, time.Now())
		writes, _ := split(last)
		if writes == 0 {
			return time.Now()
		}
		t.Logf("%s: %d writes in %s", time.Now().Format(time.TimeOnly), writes, quiet)
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s without a write; the last had %s", *fleetLimit, quiet, told(last))
		}
	}
}

// heap is what is in use after a collection, in MiB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// residentMiB is the process's memory as the kernel counts it.
func residentMiB() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}
