package apitest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// startLimit bounds the start of etcd and of the API server, on a busy machine.
const startLimit = 6 * time.Minute

// serviceAddresses are enough for the Services of a fleet; envtest's own are 254.
const serviceAddresses = "10.0.0.0/16"

// auditLogMiB is a size that no test's audit log reaches: it is one file to its end.
const auditLogMiB = "65536"

// Options say what a server is like; the zero value is a server with the project's CRDs.
type Options struct {
	// Audit has the server log every request's metadata: see Server.AuditLog.
	Audit bool
	// WithoutCRDs leaves the project's types out.
	WithoutCRDs bool
}

// Server is a running API server. Its methods may be called by parallel tests.
type Server struct {
	// Config reaches it with all rights.
	Config *rest.Config
	// AuditLog is the path of its audit log, one JSON event a line; empty without
	// Options.Audit.
	AuditLog string

	environment *envtest.Environment
	folder      string
}

// Main runs a package's tests with a server, which it stores at server and stops after
// them. It returns the tests' exit code.
func Main(m *testing.M, server **Server, options Options) int {
	s, err := Start(options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*server = s
	code := m.Run()
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Start starts etcd and an API server on free loopback ports. The caller stops it.
func Start(options Options) (*Server, error) {
	root, err := root()
	if err != nil {
		return nil, err
	}
	assets, err := assets(root)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "bedrock-apitest-*")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, environment: &envtest.Environment{
		BinaryAssetsDirectory:    assets,
		ControlPlaneStartTimeout: startLimit,
		ControlPlaneStopTimeout:  startLimit,
		CRDInstallOptions:        envtest.CRDInstallOptions{MaxTime: startLimit},
	}}
	s.environment.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", serviceAddresses)
	if !options.WithoutCRDs {
		s.environment.CRDDirectoryPaths = []string{filepath.Join(root, "config", "crd", "bases")}
		s.environment.ErrorIfCRDPathMissing = true
	}
	if options.Audit {
		if err := s.audit(root); err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
	}
	if s.Config, err = s.environment.Start(); err != nil {
		return nil, fmt.Errorf("start an API server with the programs in %s: %w", assets, errors.Join(err, s.Stop()))
	}
	// A test's requests are not held back: the server bounds them.
	s.Config.QPS, s.Config.Burst = -1, 0
	return s, nil
}

// audit takes the same policy as the local cluster's.
func (s *Server) audit(root string) error {
	policy := filepath.Join(root, "hack", "cluster", "files", "audit.yaml")
	if _, err := os.Stat(policy); err != nil {
		return fmt.Errorf("the audit policy: %w", err)
	}
	s.AuditLog = filepath.Join(s.folder, "audit.log")
	s.environment.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).
		Set("audit-log-path", s.AuditLog).
		Set("audit-log-maxsize", auditLogMiB)
	return nil
}

// Stop ends the server and removes what it wrote.
func (s *Server) Stop() error {
	return errors.Join(s.environment.Stop(), os.RemoveAll(s.folder))
}

// Client returns a client without a cache: it reads what is there now. It knows
// Kubernetes' own types and those that add registers.
func (s *Server) Client(t testing.TB, add ...func(*runtime.Scheme) error) client.Client {
	t.Helper()
	types := runtime.NewScheme()
	for _, f := range append([]func(*runtime.Scheme) error{scheme.AddToScheme}, add...) {
		if err := f(types); err != nil {
			t.Fatalf("register types: %v", err)
		}
	}
	c, err := client.New(s.Config, client.Options{Scheme: types})
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	return c
}

// Kubeconfig writes a file for programs that reach the server with all rights.
func (s *Server) Kubeconfig(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, s.environment.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Namespace makes a namespace for one test and returns its name. It enforces the
// restricted Pod Security Standard. It stays until the server ends.
func (s *Server) Namespace(t testing.TB) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "test-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := s.Client(t).Create(ctx, ns); err != nil {
		t.Fatalf("make a namespace: %v", err)
	}
	return ns.Name
}

// EndNamespace deletes a namespace and waits until the server takes nothing new in it.
// Nothing here takes its objects away: it ends as one does that something holds.
func (s *Server) EndNamespace(t testing.TB, name string) {
	t.Helper()
	c := s.Client(t)
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := c.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatalf("delete namespace %s: %v", name, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		probe := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name, GenerateName: "probe-"}}
		err := c.Create(ctx, probe, client.DryRunAll)
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %s for namespace %s to take nothing new; the last answer: %v", startLimit, name, err)
		}
	}
}

// root finds the repository from a test's folder.
func root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := folder; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "hack", "cluster", "ctl")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not in the repository: hack/cluster/ctl is in no folder above it", folder)
		}
	}
}

// assets returns the folder of etcd and kube-apiserver: $KUBEBUILDER_ASSETS, or what
// "hack/setup envtest" made.
func assets(root string) (string, error) {
	if folder := os.Getenv("KUBEBUILDER_ASSETS"); folder != "" {
		return folder, nil
	}
	out, err := exec.Command(filepath.Join(root, "hack", "cluster", "ctl"), "assets", "--check").Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("find the API server's programs: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("find the API server's programs: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
