package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/disruption"
	"github.com/bedrock-bft/bedrock/controllers/fleet"
	"github.com/bedrock-bft/bedrock/controllers/keyclaim"
	"github.com/bedrock-bft/bedrock/controllers/network"
	"github.com/bedrock-bft/bedrock/controllers/takeover"
	"github.com/bedrock-bft/bedrock/controllers/validator"
	"github.com/bedrock-bft/bedrock/executor/module"
)

// version is set by the linker.
var version = "dev"

// nodeTimeout bounds one question to a node.
const nodeTimeout = 5 * time.Second

// options are the flags.
type options struct {
	metricsAddr string
	probeAddr   string
	elect       bool
	namespaces  string
	level       string
	claims      bool
	ownSpace    string // the operator's own namespace
	check       string // a URL to ask instead of running
}

func (o *options) bind(f *flag.FlagSet) {
	f.StringVar(&o.metricsAddr, "metrics-bind-address", ":8080", "address of /metrics; 0 for none")
	f.StringVar(&o.probeAddr, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	f.BoolVar(&o.elect, "leader-elect", true, "only one of several operators acts")
	f.StringVar(&o.namespaces, "namespaces", "", "namespaces to watch, with commas between; empty: all (needs cluster roles)")
	f.BoolVar(&o.claims, "key-claims", true, "make cluster-wide claims on consensus keys (needs their cluster role)")
	f.StringVar(&o.ownSpace, "operator-namespace", os.Getenv("POD_NAMESPACE"), "namespace of the operator's own pods, which validators' policies let in")
	f.StringVar(&o.check, "check", "", "ask this URL and end: 0 if it answers 200 (the chart's test, in an image without a shell)")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bedrock-operator:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	o.bind(flag.CommandLine)
	flag.Parse()
	if o.check != "" {
		return check(ctx, o.check)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return fmt.Errorf("--log-level: %w", err)
	}
	handler := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	slog.SetDefault(slog.New(handler))
	ctrl.SetLogger(logr.FromSlogHandler(handler))

	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster (in a pod, or by KUBECONFIG): %w", err)
	}
	mgr, err := ctrl.NewManager(config, o.manager())
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	if err := setUp(mgr, &o, nodes{dial: chain.NewDialer(chain.Options{Timeout: nodeTimeout}), administer: chain.NewAdminDialer()}); err != nil {
		return err
	}
	slog.Info("operator starts", "version", version, "namespaces", o.namespaces)
	return mgr.Start(ctx)
}

func (o *options) manager() ctrl.Options {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // a type registered twice: a bug of this program
		}
	}
	out := ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddr},
		HealthProbeBindAddress:        o.probeAddr,
		LeaderElection:                o.elect,
		LeaderElectionID:              "bedrock-operator.bedrock.dev",
		LeaderElectionReleaseOnCancel: true,
	}
	// Only what the operator made is kept in memory; Secrets never are.
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy})}
	out.Cache.ByObject = map[client.Object]cache.ByObject{
		&corev1.ConfigMap{}: ours, &corev1.Service{}: ours, &corev1.ServiceAccount{}: ours,
		&corev1.Pod{}: ours, &corev1.PersistentVolumeClaim{}: ours,
		&appsv1.StatefulSet{}: ours, &batchv1.Job{}: ours,
		&networkingv1.NetworkPolicy{}: ours, // budgets of others matter: all are read
	}
	for _, ns := range o.watched() {
		if out.Cache.DefaultNamespaces == nil {
			out.Cache.DefaultNamespaces = map[string]cache.Config{}
		}
		out.Cache.DefaultNamespaces[ns] = cache.Config{}
	}
	return out
}

// watched are the namespaces of the flag; none: all.
func (o *options) watched() []string {
	var out []string
	for ns := range strings.SplitSeq(o.namespaces, ",") {
		if ns = strings.TrimSpace(ns); ns != "" {
			out = append(out, ns)
		}
	}
	return out
}

// nodes is how the operator reaches those of its networks.
type nodes struct {
	dial       chain.Dialer
	administer chain.AdminDialer
}

// setUp puts the operator together; nothing else does.
func setUp(mgr ctrl.Manager, o *options, n nodes) error {
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add the health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	executor, err := module.Hash()
	if err != nil {
		return err
	}
	if err := fleet.IndexValidators(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := network.Setup(mgr, network.Deps{Dial: n.dial, Administer: n.administer, Executor: executor, OperatorNamespace: o.ownSpace}); err != nil {
		return err
	}
	if err := validator.Setup(mgr, validator.Deps{Dial: n.dial, OperatorNamespace: o.ownSpace, WithoutClaims: !o.claims}); err != nil {
		return err
	}
	if err := disruptions(mgr, n); err != nil {
		return err
	}
	if o.claims {
		return keyclaim.Setup(mgr, keyclaim.Deps{Namespaces: o.watched()})
	}
	return nil
}

// rightsTimeout bounds the question what the operator may read.
const rightsTimeout = 30 * time.Second

// disruptions are the controllers that look at nodes of the cluster where they may.
func disruptions(mgr ctrl.Manager, n nodes) error {
	ctx, cancel := context.WithTimeout(context.Background(), rightsTimeout)
	defer cancel()
	readable, err := disruption.NodesReadable(ctx, mgr.GetClient())
	if err != nil {
		return err
	}
	if err := disruption.Setup(mgr, disruption.Deps{Dial: n.dial, Nodes: readable}); err != nil {
		return err
	}
	return takeover.Setup(mgr, takeover.Deps{Dial: n.dial, Administer: n.administer, Nodes: readable})
}
