package apitest

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var api *Server

func TestMain(m *testing.M) { os.Exit(Main(m, &api, Options{Audit: true})) }

func TestStoresAndReadsBack(t *testing.T) {
	ctx, c, namespace := t.Context(), api.Client(t), api.Namespace(t)
	wrote := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: namespace}, Data: map[string]string{"k": "v"}}
	if err := c.Create(ctx, wrote); err != nil {
		t.Fatal(err)
	}
	var read corev1.ConfigMap
	if err := c.Get(ctx, client.ObjectKeyFromObject(wrote), &read); err != nil {
		t.Fatal(err)
	}
	if read.Data["k"] != "v" || read.UID == "" {
		t.Errorf("read %v with UID %q", read.Data, read.UID)
	}
	waitForAudit(ctx, t, `"name":"a"`)
}

// A namespace is as strict as those that networks are meant for.
func TestNamespacesRefusePrivilegedPods(t *testing.T) {
	namespace := api.Namespace(t)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "root", Namespace: namespace},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "none"}}},
	}
	err := api.Client(t).Create(t.Context(), pod)
	if err == nil || !strings.Contains(err.Error(), "restricted") {
		t.Fatalf("got %v, want a refusal that names the restricted standard", err)
	}
}

// The log is written behind the answer.
func waitForAudit(ctx context.Context, t *testing.T, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for ctx.Err() == nil {
		log, err := os.ReadFile(api.AuditLog)
		if err == nil && bytes.Contains(log, []byte(want)) {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
	t.Fatalf("the audit log %s never held %s", api.AuditLog, want)
}
