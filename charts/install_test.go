package charts_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// frozen is the first version of the chart, as it was given out.
const frozen = "testdata/bedrock-operator-0.1.0.tgz"

func kubeconfig(t *testing.T) string {
	t.Helper()
	c := clientcmdapi.NewConfig()
	c.Clusters["x"] = &clientcmdapi.Cluster{Server: api.Config.Host, CertificateAuthorityData: api.Config.CAData}
	c.AuthInfos["x"] = &clientcmdapi.AuthInfo{ClientCertificateData: api.Config.CertData, ClientKeyData: api.Config.KeyData}
	c.Contexts["x"] = &clientcmdapi.Context{Cluster: "x", AuthInfo: "x"}
	c.CurrentContext = "x"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInstallUpgradeUninstall: from the frozen first version to this one, with a
// network that outlives the chart.
func TestInstallUpgradeUninstall(t *testing.T) {
	ctx := context.Background()
	config := kubeconfig(t)
	release := func(verb string, args ...string) {
		t.Helper()
		mustHelm(t, append([]string{verb, "bedrock-operator"}, append(args, "--kubeconfig", config, "-n", "bedrock-system")...)...)
	}
	release("install", frozen, "--create-namespace")
	c := api.Client(t, v1alpha1.AddToScheme, apiextensionsv1.AddToScheme)
	network := applySample(t, c)

	release("upgrade", chart, "--dry-run=server")
	release("upgrade", chart)
	crd := crdOf(t, c)
	if crd.Annotations["helm.sh/resource-policy"] != "keep" {
		t.Error("the upgraded CRD is not kept")
	}
	var operator appsv1.Deployment
	key := client.ObjectKey{Namespace: "bedrock-system", Name: "bedrock-operator"}
	if err := c.Get(ctx, key, &operator); err != nil {
		t.Fatal(err)
	}
	release("uninstall")
	if err := c.Get(ctx, key, &operator); !apierrors.IsNotFound(err) {
		t.Errorf("after the uninstall the operator: %v", err)
	}
	if got := crdOf(t, c); got.UID != crd.UID {
		t.Error("the CRD went and came back: its networks are gone")
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(network), network); err != nil {
		t.Errorf("the network did not outlive the chart: %v", err)
	}
	release("install", chart) // again, over the CRDs that stayed
	second := func(namespace, of string) (string, error) {
		return helm(t, "install", "second", chart, "--set", "namespaces="+of, "--set", "userRoles=false", "--set", "crds.install=false", "--create-namespace", "--kubeconfig", config, "-n", namespace)
	}
	for _, name := range []string{"a", "b"} {
		if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(namespace, of, says string) {
		t.Helper()
		if out, err := second(namespace, of); err == nil || !strings.Contains(out, says) {
			t.Errorf("a second release in %s for the namespaces %s: %v\n%s\nwant %q", namespace, of, err, out, says)
		}
	}
	refused("bedrock-system", "{a}", "has an operator already, Deployment bedrock-operator") // it would never act
	refused("bedrock-second", "null", "Deployment bedrock-operator in namespace bedrock-system runs the networks of all namespaces")
	refused("bedrock-second", "{a}", "this release would run those of a")
	release("upgrade", chart, "--set", "namespaces={a,default}")
	refused("bedrock-second", "null", "runs the networks of a,default, and this release would run those of all namespaces")
	refused("bedrock-second", "{b,a}", "give each other `namespaces`")
	if out, err := second("bedrock-second", "{b}"); err != nil {
		t.Errorf("a second release in a namespace of its own, for others: %v\n%s", err, out)
	}
	release("upgrade", chart, "--set", "namespaces={a}")
}

func crdOf(t *testing.T, c client.Client) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := c.Get(context.Background(), client.ObjectKey{Name: "bedrocknetworks.bedrock.dev"}, crd); err != nil {
		t.Fatal(err)
	}
	return crd
}

func applySample(t *testing.T, c client.Client) *v1alpha1.BedrockNetwork {
	t.Helper()
	raw, err := os.ReadFile("../config/samples/network-4.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n := &v1alpha1.BedrockNetwork{}
	if err := yaml.UnmarshalStrict(raw, n); err != nil {
		t.Fatal(err)
	}
	n.Namespace = "default"
	if err := c.Create(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	return n
}
