//go:build e2e

package operator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 6: a second budget by others is named and refused for as long as it is there; and
// nothing passes while kube-controller-manager, which alone keeps the status of budgets,
// is away between the close of one and an eviction.
func TestRow6BudgetsOfOthersAndNobodysStatus(t *testing.T) {
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) { b.Name, b.Spec.FullNodes = "others", nil })
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	n.secondBudget(l)
	n.quiet(4)
	n.nobodySetsTheStatus(l)
	n.quiet(4)
}

func (n *network) secondBudget(l *load) {
	n.Helper()
	victim := n.validators()[1].Name
	was, host := n.running(victim), n.host(victim)
	most := intstr.FromInt32(1)
	theirs := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "theirs", Namespace: n.ns}, Spec: policyv1.PodDisruptionBudgetSpec{
		MaxUnavailable: &most, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.LabelNetwork: n.name}}}}
	if err := n.Create(n.Context(), theirs); err != nil {
		n.Fatal(err)
	}
	n.cordon(host)
	ended := n.drainLater(host, victim)
	n.waitValidator(victim, v1alpha1.ValidatorDisruption, "False", "ForeignDisruptionBudget", time.Minute, "theirs", "delete it, or narrow its selector")
	n.Log(n.story(n.validator(victim).Status.Conditions, v1alpha1.ValidatorDisruption))
	if err := n.evict(victim); err == nil {
		n.Fatal("an eviction was let pass under two budgets")
	} else {
		n.Logf("eviction under two budgets: %v", err)
	}
	n.stays(l, victim, was, 50)
	if n.budgetOpen(victim) {
		n.Error("its budget is open though another one selects its pod")
	}
	if err := n.Delete(n.Context(), theirs); err != nil {
		n.Fatal(err)
	}
	n.waitValidator(victim, v1alpha1.ValidatorDisruption, "True", "Granted", time.Minute)
	close(ended.begin)
	n.goes(victim, was)
	n.kubectl(n.T, "uncordon", host)
	if err := <-ended.ended; err != nil {
		n.Errorf("drain of %s: %v", host, err)
	}
}

// later is a drain that begins when it is told to: `kubectl drain` gives up at once on
// the refusal of a pod under two budgets, which is no wait.
type later struct {
	begin chan struct{}
	ended chan error
}

func (n *network) drainLater(host, validator string) later {
	out := later{make(chan struct{}), make(chan error, 1)}
	go func() {
		select {
		case <-out.begin:
			out.ended <- <-n.drain(host, validator)
		case <-n.Context().Done():
			out.ended <- n.Context().Err()
		}
	}()
	return out
}

// nobodySetsTheStatus: a budget is open and its status lets one go; kube-controller-manager
// stops, the budget is closed, and its status still says what it said: the API server
// lets nothing pass. Another budget that opens meanwhile lets nothing pass either, and
// does when the status is kept again.
func (n *network) nobodySetsTheStatus(l *load) {
	n.Helper()
	first, second := n.validators()[2].Name, n.validators()[3].Name
	firstWas, secondWas := n.running(first), n.running(second)
	firstHost, secondHost := n.host(first), n.host(second)
	n.cordon(firstHost)
	wait(n.T, "an open budget that lets one go", time.Minute, func() (bool, string) {
		b := n.budget(first)
		return b.Status.DisruptionsAllowed == 1 && b.Status.ObservedGeneration == b.Generation && n.budgetOpen(first), fmt.Sprintf("%+v", b.Status)
	})
	n.ctl(n.T, "controller-manager", "stop")
	stopped := true
	n.Cleanup(func() {
		if stopped {
			n.ctlAfter(n.T, "controller-manager", "start")
		}
	})
	n.kubectl(n.T, "uncordon", firstHost)
	wait(n.T, "the budget to be closed and its token gone", time.Minute, func() (bool, string) {
		return !n.budgetOpen(first) && n.token(first) == "", fmt.Sprintf("token %q", n.token(first))
	})
	b := n.budget(first)
	if b.Status.DisruptionsAllowed != 1 || b.Status.ObservedGeneration >= b.Generation {
		n.Fatalf("the status of the closed budget is not the one from before: generation %d, %+v", b.Generation, b.Status)
	}
	n.refused(first, "whose closed budget has a status from before")
	n.stays(l, first, firstWas, 30)

	n.cordon(secondHost)
	ended := n.drain(secondHost, second)
	n.waitValidator(second, v1alpha1.ValidatorDisruption, "True", "Granted", time.Minute)
	wait(n.T, "its budget to be open", time.Minute, func() (bool, string) { return n.budgetOpen(second), "it is closed" })
	n.refused(second, "whose budget is open and whose status is from before")
	n.stays(l, second, secondWas, 30)
	n.ctl(n.T, "controller-manager", "start")
	stopped = false
	n.goes(second, secondWas)
	n.refused(first, "beside one that is down")
	n.kubectl(n.T, "uncordon", secondHost)
	if err := <-ended; err != nil {
		n.Errorf("drain of %s: %v", secondHost, err)
	}
	if n.running(first) != firstWas {
		n.Errorf("%s was evicted after its budget was closed", first)
	}
}

// refused holds that the API server refuses an eviction, by its budget.
func (n *network) refused(validator, what string) {
	n.Helper()
	err := n.evict(validator)
	if err == nil {
		n.Fatalf("an eviction of %s was let pass, %s", validator, what)
	}
	// A client that is told to try again does so until its context ends.
	if !apierrors.IsTooManyRequests(err) && !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		n.Fatalf("an eviction of %s ended by something else than its budget: %v", validator, err)
	}
	n.Logf("eviction of %s, %s: %v", validator, what, err)
}

// Row 6: of three validators none may go: it is said when the network is made, a drain
// waits, and one explicit act lets one go.
func TestRow6ThreeAreUndrainable(t *testing.T) {
	three := int32(3)
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) {
		b.Name, b.Spec.FullNodes, b.Spec.Validators.Count = "three", nil, &three
	})
	n.waitCondition(v1alpha1.NetworkDisruptable, "False", v1alpha1.ReasonUndrainable, 90*time.Second, "3 validators", "disruption.halt: Allowed", "kubectl bedrock disrupt --halt")
	t.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkDisruptable))
	wait(t, "3 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(3) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	victim := n.validators()[1].Name
	was, host := n.running(victim), n.host(victim)
	n.cordon(host)
	ended := n.drain(host, victim)
	n.waitValidator(victim, v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonUndrainable, time.Minute)
	n.stays(l, victim, was, 50)
	if meta.IsStatusConditionTrue(n.validator(victim).Status.Conditions, v1alpha1.ValidatorDisruption) || n.budgetOpen(victim) {
		t.Fatal("its budget is open")
	}
	t.Log(n.bedrock("disrupt", victim, "--halt", "--reason", "a new disk"))
	n.goes(victim, was)
	n.kubectl(t, "uncordon", host)
	if err := <-ended; err != nil {
		t.Errorf("drain of %s: %v", host, err)
	}
	wait(t, "3 validators Ready again", 2*time.Minute, func() (bool, string) { return n.ready(3) })
	n.finals(l, 20, "after the chain stood still")
}
