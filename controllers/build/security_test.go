package build_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
)

// pods are all that the operator runs for a validator.
func pods(t *testing.T) map[string]*corev1.PodSpec {
	t.Helper()
	out := map[string]*corev1.PodSpec{}
	add := func(name string, spec any) {
		raw, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var p corev1.PodSpec
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		out[name] = &p
	}
	for name, in := range map[string]*build.Instance{"sample": sample(), "full": full()} {
		add("node "+name, build.StatefulSet(in).Spec.Template.Spec)
		add("identity "+name, build.IdentityJob(in).Spec.Template.Spec)
	}
	return out
}

func TestPodsAreRestrictedAndGuaranteed(t *testing.T) {
	for name, p := range pods(t) {
		t.Run(name, func(t *testing.T) {
			checkPod(t, p)
			for i := range p.Containers {
				checkContainer(t, &p.Containers[i])
			}
			for _, v := range p.Volumes {
				if v.HostPath != nil || v.NFS != nil || v.ISCSI != nil || v.CSI != nil && v.PersistentVolumeClaim == nil {
					t.Errorf("volume %s is of a kind that the restricted standard refuses", v.Name)
				}
			}
		})
	}
}

func checkPod(t *testing.T, p *corev1.PodSpec) {
	t.Helper()
	s := p.SecurityContext
	switch {
	case p.HostNetwork || p.HostPID || p.HostIPC:
		t.Error("it shares the host's namespaces")
	case s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0:
		t.Error("it may run as root")
	case s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
		t.Error("it has no seccomp profile")
	case p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken:
		t.Error("it gets a token of the API server")
	case len(p.InitContainers) > 0 || len(p.Containers) != 1:
		t.Error("one container was expected")
	}
}

func checkContainer(t *testing.T, c *corev1.Container) {
	t.Helper()
	s := c.SecurityContext
	switch {
	case s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation:
		t.Error("it may gain privileges")
	case s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") || len(s.Capabilities.Add) > 0:
		t.Error("it keeps capabilities")
	case s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem:
		t.Error("its root file system can be written")
	}
	for _, r := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, limit := c.Resources.Requests[r], c.Resources.Limits[r]
		if request.IsZero() || request.Cmp(limit) != 0 {
			t.Errorf("%s: request %s, limit %s: not Guaranteed", r, request.String(), limit.String())
		}
	}
	for _, p := range c.Ports {
		if p.HostPort != 0 {
			t.Errorf("it takes port %d of its host unasked", p.HostPort)
		}
	}
	if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == "/tmp" && !m.ReadOnly }) {
		t.Error("it has no /tmp that it may write")
	}
}

// A brought key is read once: its Secret is mounted in the identity Job alone.
func TestOnlyTheIdentityJobSeesASecret(t *testing.T) {
	sees := func(p *corev1.PodSpec) bool {
		for _, v := range p.Volumes {
			if v.Secret != nil {
				return true
			}
		}
		return slices.ContainsFunc(p.Containers[0].Env, func(e corev1.EnvVar) bool { return e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil })
	}
	for name, p := range pods(t) {
		if want := name == "identity full"; sees(p) != want {
			t.Errorf("%s: sees a Secret: %v, want %v", name, sees(p), want)
		}
	}
}

// rule: probes
func TestProbes(t *testing.T) {
	c := pods(t)["node sample"].Containers[0]
	live, start, ready := c.LivenessProbe, c.StartupProbe, c.ReadinessProbe
	if live.HTTPGet.Path != "/healthz" || live.PeriodSeconds*live.FailureThreshold+live.TimeoutSeconds > 60 {
		t.Errorf("liveness is the event loop's minute, not %+v", live)
	}
	if hours := start.PeriodSeconds * start.FailureThreshold / 3600; start.HTTPGet.Path != "/healthz" || hours < 1 || hours > 24 {
		t.Errorf("a start is bounded by %d hours", hours)
	}
	if ready.HTTPGet.Path != "/readyz" {
		t.Errorf("readiness asks %s", ready.HTTPGet.Path)
	}
}

// A node needs neither the API server nor the operator to restart, sign or stop: the
// kubelet starts it again by itself, on what is mounted. // rule: safe-without-operator
func TestSafeWithoutOperator(t *testing.T) {
	for name, p := range pods(t) {
		if !strings.HasPrefix(name, "node ") {
			continue
		}
		c := &p.Containers[0]
		if p.RestartPolicy != "" && p.RestartPolicy != corev1.RestartPolicyAlways {
			t.Errorf("%s: a node that ends stays down: restart policy %s", name, p.RestartPolicy)
		}
		if len(p.InitContainers)+len(p.SchedulingGates)+len(p.ReadinessGates) > 0 || c.Lifecycle != nil {
			t.Errorf("%s: somebody else has to act before it runs or stops", name)
		}
		if p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken || slices.ContainsFunc(p.Volumes, func(v corev1.Volume) bool { return v.Projected != nil }) {
			t.Errorf("%s: it has a token of the API server", name)
		}
	}
	in := full()
	text := build.ConfigMap(in).Data["config.yaml"] + strings.Join(build.StatefulSet(in).Spec.Template.Spec.Containers[0].Args, " ")
	for _, word := range []string{"kubernetes", "KUBERNETES", in.OperatorNamespace + "."} {
		if strings.Contains(text, word) {
			t.Errorf("the node's configuration names %q:\n%s", word, text)
		}
	}
}

func TestValidatorsKeepApart(t *testing.T) {
	required := func(in *build.Instance) bool {
		a := build.StatefulSet(in).Spec.Template.Spec.Affinity.PodAntiAffinity
		j := build.IdentityJob(in).Spec.Template.Spec.Affinity.PodAntiAffinity
		one, two := len(a.RequiredDuringSchedulingIgnoredDuringExecution), len(j.RequiredDuringSchedulingIgnoredDuringExecution)
		if one != two {
			t.Errorf("the identity Job is placed by other rules than the node: its volume would bind where the node may not run")
		}
		return one > 0
	}
	if !required(sample()) {
		t.Error("validators of a network of four may share a host")
	}
	if required(with(func(in *build.Instance) { in.OwnHost = false })) {
		t.Error("two validators need two hosts")
	}
	for _, component := range []string{v1alpha1.ComponentValidator, v1alpha1.ComponentIdentity} {
		term := build.StatefulSet(sample()).Spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0]
		if !slices.Contains(term.LabelSelector.MatchExpressions[0].Values, component) {
			t.Errorf("a node may share its host with a pod of component %s", component)
		}
	}
}
