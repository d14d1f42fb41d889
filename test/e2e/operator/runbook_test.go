//go:build e2e

package operator

import (
	"crypto/ed25519"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

func key(namespace, name string) kube.ObjectKey {
	return kube.ObjectKey{Namespace: namespace, Name: name}
}

func (n *network) payerPublic() ed25519.PublicKey { return n.payer.Public().(ed25519.PublicKey) }

// runbookPod is the pod in a runbook's block of YAML, with its words put in.
func (n *network) runbookPod(name string, words map[string]string) *corev1.Pod {
	n.Helper()
	raw, err := os.ReadFile(filepath.Join(n.root, "docs/runbooks", name))
	if err != nil {
		n.Fatal(err)
	}
	_, rest, found := strings.Cut(string(raw), "```yaml\n")
	block, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		n.Fatalf("docs/runbooks/%s has no block of YAML", name)
	}
	for word, value := range words {
		block = strings.ReplaceAll(block, word, value)
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(block), &pod); err != nil {
		n.Fatalf("the pod of docs/runbooks/%s: %v", name, err)
	}
	return &pod
}

// bedrockNode runs the node's command line here, and answers what it prints.
func (n *network) bedrockNode(password string, args ...string) string {
	n.Helper()
	program := filepath.Join(n.root, "bin", "bedrock-e2e")
	if n.program == "" {
		run(n.T, n.root, "go", "build", "-o", program, "./cmd/bedrock")
		n.program = program
	}
	cmd := exec.CommandContext(n.Context(), program, args...)
	cmd.Dir = n.root
	var problems strings.Builder
	cmd.Stderr = &problems
	if password != "" {
		raw, err := os.ReadFile(password)
		if err != nil {
			n.Fatal(err)
		}
		cmd.Env = append(os.Environ(), "BEDROCK_PASSWORD="+strings.TrimSpace(string(raw)))
	}
	out, err := cmd.Output()
	if err != nil {
		n.Fatalf("bedrock %s: %v\n%s", strings.Join(args, " "), err, problems.String())
	}
	return string(out)
}
