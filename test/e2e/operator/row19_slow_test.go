//go:build e2e

package operator

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/controllers/names"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// slowFor is over how many final heights a validator is slow.
const slowFor = 150

// Row 19: everything that a validator sends comes a third of a view timer late (half, where bounds are stretched), so that
// no certificate holds its signature: it is not missing, since its votes are seen.
func TestRow19Slow(t *testing.T) {
	n := shared.deploy(t, func(b *v1alpha1.BedrockNetwork) { b.Spec.FullNodes = nil })
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })

	victim := n.validators()[1].Name
	late := n.timer() / 3
	if slow > 1 {
		late = n.timer() / 2 // the others take longer, too
	}
	n.slowDown(n.process(n.running(victim)), late)
	// What was on its way when it began is past after some heights.
	from := n.tip(victim) + 20
	wait(t, "its first late heights", 2*time.Minute, func() (bool, string) { h := n.tip(victim); return h >= from, fmt.Sprint(h) })
	seenFrom, asked := n.newestVote(victim), 0
	wait(t, fmt.Sprintf("%d heights", slowFor), 5*time.Minute, func() (bool, string) {
		c := n.validator(victim).Status.Conditions
		if meta.IsStatusConditionTrue(c, v1alpha1.ValidatorMissing) {
			t.Fatalf("%s is slow and counts as missing: %s", victim, n.story(c, v1alpha1.ValidatorMissing))
		}
		asked++
		h := n.tip(victim)
		return h >= from+slowFor, fmt.Sprint(h)
	})
	to := n.tip(victim)
	held, checked := n.certificatesWith(victim, from, to)
	if held > 0 || checked == 0 {
		t.Errorf("%d of %d certificates of heights %d to %d hold the signature of %s: it is not slow", held, checked, from, to, victim)
	} else {
		t.Logf("none of %d certificates of heights %d to %d, as the three others hold them, has the signature of %s", checked, from, to, victim)
	}
	seenTo := n.newestVote(victim)
	if seenTo <= seenFrom || seenTo+8 < to {
		t.Errorf("votes of %s were seen up to height %d, then %d, while the tip went to %d", victim, seenFrom, seenTo, to)
	}
	t.Logf("its votes were seen by two others up to height %d, and %d at tip %d; Missing was looked at %d times", seenFrom, seenTo, to, asked)
	n.waitValidator(victim, v1alpha1.ValidatorMissing, "False", "VotesSeen", time.Minute)
	if v := n.validator(victim); len(v.Status.Instances) != 1 || v.Status.Takeover != nil {
		t.Errorf("%s is taken over", victim)
	}
	// Its power counts as up: another one may be drained beside it.
	n.waitCondition(v1alpha1.NetworkDisruptable, "True", v1alpha1.ReasonReady, time.Minute)
}

// tip is the newest final height that a node other than the validator's tells.
func (n *network) tip(not string) uint64 {
	n.Helper()
	var out uint64
	for pod, address := range n.endpoints(n.Context()) {
		if pod == names.Pod(not, 1) {
			continue
		}
		rpc, err := client.Connect(address, nil)
		if err != nil {
			continue
		}
		if res, err := rpc.GetStatus(n.Context(), connect.NewRequest(&nodev1.GetStatusRequest{})); err == nil {
			out = max(out, res.Msg.FinalHeight)
		}
	}
	return out
}

// certificatesWith counts the commit certificates of a span of heights, as each node but
// its own holds them, that have a validator's signature.
func (n *network) certificatesWith(validator string, from, to uint64) (held, checked int) {
	n.Helper()
	own := string(n.validator(validator).Status.Instances[0].Identity)
	for pod, set := range n.chainNodes() {
		if pod == names.Pod(validator, 1) {
			continue
		}
		index := -1
		for i, v := range set {
			if hex.EncodeToString(v.Validator.NetworkKey) == own {
				index = i
			}
		}
		if index < 0 {
			n.Fatalf("%s is in no set that %s tells", validator, pod)
		}
		rpc, err := client.Connect(n.endpoints(n.Context())[pod], nil)
		if err != nil {
			n.Fatal(err)
		}
		for h := from; h <= to; h++ {
			res, err := rpc.GetCommit(n.Context(), connect.NewRequest(&nodev1.GetCommitRequest{Height: h}))
			if err != nil {
				n.Fatalf("the certificate of height %d from %s: %v", h, pod, err)
			}
			checked++
			signers := res.Msg.Certificate.Commits.Signers
			if index>>3 < len(signers) && signers[index>>3]>>(index&7)&1 == 1 {
				held++
			}
		}
	}
	return held, checked
}
