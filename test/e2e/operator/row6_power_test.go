//go:build e2e

package operator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// Row 6: powers of 12, 7, 7, 7 and 7. The budget follows the power that the chain has; a
// pod that is unready and votes stays, one that is broken goes under a token; and an
// operator that dies between a grant and the opening forgets nothing.
func TestRow6UnevenPowers(t *testing.T) {
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) {
		big, small := int64(12), int64(7)
		b.Spec.FullNodes = nil
		b.Spec.Validators.Count = nil
		b.Spec.Validators.Groups = []v1alpha1.ValidatorGroup{{Name: "big", Count: 1, Power: &big}, {Name: "small", Count: 4, Power: &small}}
	})
	wait(t, "5 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(5) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })
	n.budgetFollowsPower(l)
	n.quiet(5)
	n.killedBetweenGrantAndOpening(l)
	n.quiet(5)
	n.unreadyAndVotingStays(l)
	n.quiet(5)
	n.brokenGoesUnderAToken(l)
	n.quiet(5)
}

// member is a validator of the network under test by its group and number.
func (n *network) member(group string, i int) string { return names.Validator(n.name, group, i) }

// quiet waits until all are Ready, the network says so, and nobody holds a token.
func (n *network) quiet(count int) {
	n.Helper()
	wait(n.T, fmt.Sprintf("%d validators Ready, and no token held", count), 3*time.Minute, func() (bool, string) {
		if ok, state := n.ready(count); !ok {
			return false, state
		}
		for _, v := range n.validators() {
			if meta.IsStatusConditionTrue(v.Status.Conditions, v1alpha1.ValidatorDisruption) {
				return false, v.Name + ": " + n.story(v.Status.Conditions, v1alpha1.ValidatorDisruption)
			}
		}
		c := n.get().Status.Conditions
		return meta.IsStatusConditionTrue(c, v1alpha1.NetworkReady), n.story(c, v1alpha1.NetworkReady)
	})
}

// weigh asks for another power of the big one, and waits until the chain has it.
func (n *network) weigh(power int64) {
	n.Helper()
	n.change(func(b *v1alpha1.BedrockNetwork) {
		for i := range b.Spec.Validators.Groups {
			if b.Spec.Validators.Groups[i].Name == "big" {
				b.Spec.Validators.Groups[i].Power = &power
			}
		}
	})
	wait(n.T, fmt.Sprintf("power %d on chain", power), 90*time.Second, func() (bool, string) {
		total := n.powers()
		return total[n.member("big", 0)] == uint64(power), fmt.Sprintf("%v; %s", total, n.story(n.get().Status.Conditions, v1alpha1.NetworkMembership))
	})
}

// budgetFollowsPower: of 40 no two of 7 may be down, of 43 two may; one of 15 of 43 never,
// one of 12 of 40 again.
func (n *network) budgetFollowsPower(l *load) {
	n.Helper()
	one, two, big := n.member("small", 0), n.member("small", 1), n.member("big", 0)
	hosts := map[string]string{one: n.host(one), two: n.host(two), big: n.host(big)}
	was := map[string]types.UID{one: n.running(one), two: n.running(two), big: n.running(big)}
	n.cordon(hosts[one])
	first := n.drain(hosts[one], one)
	n.goes(one, was[one])
	n.cordon(hosts[two])
	second := n.drain(hosts[two], two)
	n.waitValidator(two, v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonPowerBudgetExhausted, time.Minute,
		"14 of 40 would be down, 13 allowed; "+one+" draining since ")
	n.Log(n.story(n.validator(two).Status.Conditions, v1alpha1.ValidatorDisruption))
	n.stays(l, two, was[two], 50)

	n.weigh(15)
	n.goes(two, was[two])
	if pod, err := n.pod(one, 1); err == nil && pod.Spec.NodeName != "" && pod.DeletionTimestamp == nil {
		n.Fatalf("the pod of %s is on %s again: that two are down at once is not shown", one, pod.Spec.NodeName)
	}
	n.finals(l, 50, "with 14 of 43 down")
	n.cordon(hosts[big])
	n.waitValidator(big, v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonUndrainable, time.Minute, "15 of 43")
	n.stays(l, big, was[big], 20)
	n.kubectl(n.T, "uncordon", hosts[one], hosts[two], hosts[big])
	for host, ended := range map[string]chan error{hosts[one]: first, hosts[two]: second} {
		if err := <-ended; err != nil {
			n.Errorf("drain of %s: %v", host, err)
		}
	}
	n.quiet(5)

	n.weigh(12)
	n.cordon(hosts[big])
	ended := n.drain(hosts[big], big)
	n.goes(big, was[big])
	n.finals(l, 50, "with 12 of 40 down")
	n.kubectl(n.T, "uncordon", hosts[big])
	if err := <-ended; err != nil {
		n.Errorf("drain of %s: %v", hosts[big], err)
	}
}

// unreadyAndVotingStays: a node's kubelet stops, so that the pod on it counts as unready,
// and its process votes on: no eviction passes.
func (n *network) unreadyAndVotingStays(l *load) {
	n.Helper()
	victim, pod := n.awayFromOperator()
	number := strings.TrimPrefix(pod.Spec.NodeName, "node")
	n.ctl(n.T, "node", "stop", number)
	n.Cleanup(func() { n.ctlAfter(n.T, "node", "start", number) })
	wait(n.T, "the pod of "+victim.Name+" to count as unready", 90*time.Second, func() (bool, string) {
		now, err := n.pod(victim.Name, 1)
		if err != nil {
			n.Fatalf("the pod of %s is gone: %v", victim.Name, err)
		}
		return !podReady(now), "it counts as ready"
	})
	from := n.newestVote(victim.Name)
	for range 5 {
		if err := n.evict(victim.Name); err == nil {
			n.Fatalf("an eviction of %s was let pass: it is unready and votes, and its budget is closed", victim.Name)
		} else {
			n.Logf("eviction of %s: %v", victim.Name, err)
		}
		done := l.progress()
		wait(n.T, "transfers final", time.Minute, func() (bool, string) { return l.progress() >= done+10, "" })
	}
	now, err := n.pod(victim.Name, 1)
	if err != nil || podReady(now) || now.DeletionTimestamp != nil || now.UID != pod.UID {
		n.Fatalf("the pod of %s did not stay unready all the while: %v, %v", victim.Name, now, err)
	}
	if to := n.newestVote(victim.Name); to <= from {
		n.Errorf("%s voted up to height %d before and %d after: that it votes is not shown", victim.Name, from, to)
	} else {
		n.Logf("%s is unready and voted on, from height %d to %d as others saw", victim.Name, from, to)
	}
	if c := n.validator(victim.Name).Status.Conditions; meta.IsStatusConditionTrue(c, v1alpha1.ValidatorMissing) {
		n.Error(n.story(c, v1alpha1.ValidatorMissing))
	}
	n.ctl(n.T, "node", "start", number)
}

// brokenGoesUnderAToken: a node that cannot start ends again and again. It is not
// evictable without a token, and with one it is, though it never becomes ready.
func (n *network) brokenGoesUnderAToken(l *load) {
	n.Helper()
	victim := n.member("small", 3)
	host, pod := n.host(victim), n.running(victim)
	repair := n.breakChain(victim)
	n.killNode(pod)
	n.waitValidator(victim, v1alpha1.ValidatorRunning, "False", "NodeEnds", 2*time.Minute)
	n.waitValidator(victim, v1alpha1.ValidatorMissing, "True", "VotesNotSeen", 90*time.Second)
	n.waitCondition(v1alpha1.NetworkReady, "False", v1alpha1.ReasonValidatorsNotReady, time.Minute, victim)
	n.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkReady))
	if err := n.evict(victim); err == nil {
		n.Fatalf("an eviction of %s was let pass without a token", victim)
	} else {
		n.Logf("without a token: %v", err)
	}
	n.cordon(host)
	ended := n.drain(host, victim)
	n.goes(victim, pod)
	n.finals(l, 20, "while it is away")
	repair()
	n.kubectl(n.T, "uncordon", host)
	if err := <-ended; err != nil {
		n.Errorf("drain of %s: %v", host, err)
	}
}

// breakChain damages the chain database of a validator, and gives what mends it. Whoever
// signs twice would do it by the signer volume, which stays as it is.
func (n *network) breakChain(validator string) (repair func()) {
	n.Helper()
	var claim corev1.PersistentVolumeClaim
	if err := n.Get(n.Context(), client.ObjectKey{Namespace: n.ns, Name: names.ChainClaim(validator, 1)}, &claim); err != nil {
		n.Fatal(err)
	}
	var current string
	err := filepath.WalkDir(n.folderOf(&claim), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "CURRENT" {
			current = path
		}
		return err
	})
	if err != nil || current == "" {
		n.Fatalf("no database in the chain volume of %s: %v", validator, err)
	}
	good, err := os.ReadFile(current)
	if err != nil {
		n.Fatal(err)
	}
	write := func(content []byte) {
		if err := os.WriteFile(current, content, 0o600); err != nil {
			n.Errorf("write %s: %v", current, err)
		}
	}
	write([]byte("MANIFEST-damaged\n"))
	return func() { write(good) }
}

// killedBetweenGrantAndOpening: the API server refuses to open budgets, so that a grant is
// on record and nothing is open; there the operator is killed. What follows it counts the
// token, opens the budget, and lets nobody else down.
func (n *network) killedBetweenGrantAndOpening(l *load) {
	n.Helper()
	one, two := n.member("small", 0), n.member("small", 1)
	hosts := []string{n.host(one), n.host(two)}
	was := []types.UID{n.running(one), n.running(two)}
	allow := n.refuseOpening(one)
	n.cordon(hosts[0])
	first := n.drain(hosts[0], one)
	wait(n.T, "a grant on record whose budget is closed", time.Minute, func() (bool, string) {
		state, open := n.token(one), n.budgetOpen(one)
		return state == "Granted" && !open, fmt.Sprintf("token %q, open %v", state, open)
	})
	killed := n.killOperator()
	if n.token(one) != "Granted" || n.budgetOpen(one) || n.running(one) != was[0] {
		n.Fatalf("the operator was not killed between grant and opening: token %q, open %v", n.token(one), n.budgetOpen(one))
	}
	n.cordon(hosts[1])
	second := n.drain(hosts[1], two)
	n.waitOperator(killed)
	n.waitValidator(two, v1alpha1.ValidatorDisruption, "False", v1alpha1.ReasonPowerBudgetExhausted, 90*time.Second, one)
	n.waitValidator(one, v1alpha1.ValidatorDisruption, "False", "BudgetNotOpened", 90*time.Second, "a test keeps budgets closed")
	if n.running(one) != was[0] || n.running(two) != was[1] {
		n.Fatal("a pod went while no budget could be opened")
	}
	allow()
	n.goes(one, was[0])
	n.stays(l, two, was[1], 50)
	n.kubectl(n.T, "uncordon", hosts[0])
	n.goes(two, was[1])
	if now := n.running(one); now == "" || now == was[0] {
		n.Errorf("%s was evicted before %s ran again", two, one)
	}
	n.kubectl(n.T, "uncordon", hosts[1])
	for i, ended := range []chan error{first, second} {
		if err := <-ended; err != nil {
			n.Errorf("drain of %s: %v", hosts[i], err)
		}
	}
}

// killOperator ends the operator's process with SIGKILL, so that it gives nothing back,
// and answers its pid.
func (n *network) killOperator() int {
	n.Helper()
	pid := n.operatorProcess()
	if pid == 0 {
		n.Fatal("no operator runs on this machine")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		n.Fatalf("kill the operator, process %d: %v", pid, err)
	}
	return pid
}

func (n *network) waitOperator(before int) {
	n.Helper()
	wait(n.T, "another operator process", 2*time.Minute, func() (bool, string) {
		now := n.operatorProcess()
		return now != 0 && now != before, fmt.Sprintf("process %d, before %d", now, before)
	})
}

// operatorProcess is the operator's; 0: none runs.
func (n *network) operatorProcess() int {
	n.Helper()
	var pods corev1.PodList
	if err := n.List(n.Context(), &pods, client.InNamespace("bedrock-system"), client.MatchingLabels{v1alpha1.LabelName: "bedrock-operator"}); err != nil {
		n.Fatal(err)
	}
	for i := range pods.Items {
		if pid := n.processOf(pods.Items[i].UID, "bedrock-operator\x00"); pid != 0 {
			return pid
		}
	}
	return 0
}
