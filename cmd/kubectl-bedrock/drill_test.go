package main

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// identifying is for how many heights an instance has no key yet: far more than a drill
// watches here.
const identifying = 100

// operate stands for the operator and the namespace controller while a drill runs: the
// first Validator gets the claim, others do not, and namespaces that are deleted end.
// Before that, as long as their identities are being made, nothing can be said of keys.
// sign has the last one say that it signs.
func (w *world) operate(ctx context.Context, sign bool) <-chan error {
	ended := make(chan error, 1)
	kube, err := kubernetes.NewForConfig(api.Config)
	if err != nil {
		w.t.Fatal(err)
	}
	began := uint64(0)
	go func() {
		for ctx.Err() == nil {
			if err := w.operateOnce(ctx, kube, sign, &began); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	return ended
}

func (w *world) operateOnce(ctx context.Context, kube kubernetes.Interface, sign bool, began *uint64) error {
	status, err := w.chain.Status(ctx, "http://val-0:7601")
	if err != nil {
		return err
	}
	var list corev1.NamespaceList
	if err := w.kube.List(ctx, &list); err != nil {
		return err
	}
	claimed := false
	for i := range list.Items {
		ns := &list.Items[i]
		if !strings.HasPrefix(ns.Name, "bedrock-drill-") {
			continue
		}
		if ns.DeletionTimestamp != nil {
			ns.Spec.Finalizers = nil
			if _, err := kube.CoreV1().Namespaces().Finalize(ctx, ns, metav1.UpdateOptions{}); err != nil {
				return err
			}
			continue
		}
		v := &v1alpha1.Validator{}
		if err := w.kube.Get(ctx, client.ObjectKey{Namespace: ns.Name, Name: drillName}, v); err != nil {
			return err
		}
		v.Status.Conditions = []metav1.Condition{
			says(v1alpha1.ValidatorKeyClaimed, metav1.ConditionTrue, "Claimed", "no other Validator of the cluster has the key"),
			says(v1alpha1.ValidatorSigning, metav1.ConditionFalse, "NotInSet", "no validator of the epoch has this instance's keys"),
		}
		if claimed {
			v.Status.Conditions = []metav1.Condition{says(v1alpha1.ValidatorKeyClaimed, metav1.ConditionFalse, v1alpha1.ReasonKeyClaimedElsewhere, "another Validator has the key")}
			if sign {
				v.Status.Conditions = append(v.Status.Conditions, says(v1alpha1.ValidatorSigning, metav1.ConditionTrue, "Signing", "it signs"))
			}
		}
		if *began == 0 {
			*began = status.FinalHeight
		}
		if !sign && status.FinalHeight < *began+identifying {
			v.Status.Conditions = []metav1.Condition{says(v1alpha1.ValidatorKeyClaimed, metav1.ConditionFalse, v1alpha1.ReasonWaiting, "it has no key yet")}
		}
		claimed = true
		if err := w.kube.Status().Update(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) drill(sign bool, args ...string) (int, string) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	operator := w.operate(ctx, sign)
	go w.chain.Run(ctx, 20*time.Millisecond)
	code, text := w.run(append([]string{"drill", "double-sign", "net", "--blocks", "5", "--wait", "50s"}, args...)...)
	cancel()
	if err := <-operator; err != nil {
		w.t.Fatal(err)
	}
	var list corev1.NamespaceList
	if err := w.kube.List(context.Background(), &list); err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		if strings.HasPrefix(list.Items[i].Name, "bedrock-drill-") {
			w.t.Errorf("namespace %s is left behind", list.Items[i].Name)
		}
	}
	return code, text
}

func TestDrillLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	code, text := w.drill(false)
	for _, want := range []string{"a new key, given to two Validators", "KeyClaimedElsewhere", "no validator of the epoch has this instance's keys", "nothing signed with it"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if code != exitFine {
		t.Errorf("exit %d", code)
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestDrillSaysThatSomethingSigned(t *testing.T) {
	w := newWorld(t)
	if code, text := w.drill(true); code != exitHalted || !strings.Contains(text, "FAULT: bedrock-drill-") {
		t.Errorf("a second instance signs, and it says\n%s", text)
	}
}

func TestDrillWithALiveKey(t *testing.T) {
	w := newWorld(t)
	if code, text := w.drill(false, "--secret", "our-key"); code != exitFailed || !strings.Contains(text, "there is no Secret our-key") {
		t.Errorf("without the Secret it says\n%s", text)
	}
	data, err := newKeystore("ed25519")
	if err != nil {
		t.Fatal(err)
	}
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "our-key"}, Data: data})
	if code, text := w.drill(false, "--secret", "our-key"); code != exitFine || !strings.Contains(text, "the key of a Validator that runs") {
		t.Errorf("with the Secret it says\n%s", text)
	}
}
