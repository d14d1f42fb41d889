package metrics_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bedrock-bft/bedrock/controllers/metrics"
)

const page = "../../docs/operator-metrics.md"

// The page is what the program has. UPDATE=1 writes it.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Metrics of the operator\n\nServed by the manager at `/metrics`, beside controller-runtime's own (`controller_runtime_*`, `workqueue_*`, `rest_client_*`). Written by `UPDATE=1 go test ./controllers/metrics`.\n\n| name | kind | labels | unit | what |\n| --- | --- | --- | --- | --- |\n")
	for _, m := range metrics.All {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Kind, m.Labels, m.Unit, m.Help)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), b.String()); diff != "" {
		t.Errorf("docs/operator-metrics.md is not current (UPDATE=1 writes it):\n%s", diff)
	}
}
