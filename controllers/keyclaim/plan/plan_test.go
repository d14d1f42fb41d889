package plan_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/keyclaim/plan"
)

func key(b byte) v1alpha1.Key {
	k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(b)), 32)))
	return v1alpha1.Key(hex.EncodeToString(k.Public().(ed25519.PublicKey)))
}

func TestJudge(t *testing.T) {
	self := &v1alpha1.Validator{ObjectMeta: metav1.ObjectMeta{Namespace: "b", Name: "val", UID: "u-2"}}
	claim := func(ns, name, uid string, k v1alpha1.Key) *v1alpha1.ValidatorKeyClaim {
		return &v1alpha1.ValidatorKeyClaim{ObjectMeta: metav1.ObjectMeta{Name: "key-x"}, Spec: v1alpha1.ValidatorKeyClaimSpec{ConsensusKey: k,
			Validator: v1alpha1.ClaimHolder{Namespace: v1alpha1.Name(ns), Name: v1alpha1.Name(name), UID: uid}}}
	}
	deleting := claim("b", "val", "u-2", key('a'))
	now := metav1.Now()
	deleting.DeletionTimestamp = &now
	for _, tt := range []struct {
		name   string
		claim  *v1alpha1.ValidatorKeyClaim
		holder plan.Holder
		step   plan.Step
		reason string
		says   string
	}{
		{"none", nil, plan.HolderThere, plan.Create, "Waiting", "being made"},
		{"its own", claim("b", "val", "u-2", key('a')), plan.HolderThere, plan.Keep, "Claimed", "no other"},
		{"its own, of another key", claim("b", "val", "u-2", key('b')), plan.HolderThere, plan.Wait, "ClaimDamaged", "delete it"},
		{"its own, going", deleting, plan.HolderThere, plan.Wait, "Waiting", "made again"},
		{"another one's", claim("a", "first", "u-1", key('a')), plan.HolderThere, plan.Wait, "KeyClaimedElsewhere", "Validator first in namespace a"},
		{"another one's, gone", claim("a", "first", "u-1", key('a')), plan.HolderGone, plan.Release, "Waiting", "a/first"},
		{"its predecessor's of the same name", claim("b", "val", "u-1", key('a')), plan.HolderGone, plan.Release, "Waiting", "b/val"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			step, v := plan.Judge(self, &plan.Keys{Key: key('a')}, tt.claim, tt.holder)
			if step != tt.step || v.Reason != tt.reason || !strings.Contains(v.Message, tt.says) || v.OK() != (tt.step == plan.Keep) {
				t.Errorf("step %d, %+v", step, v)
			}
		})
	}
}

func TestAClaimNeedsPossession(t *testing.T) {
	good := plan.Keys{Key: key('a')}
	name, err := good.Name()
	if err != nil || !strings.HasPrefix(name, "key-") {
		t.Fatalf("%s, %v", name, err)
	}
	for name, k := range map[string]plan.Keys{
		"BLS without possession":   {Key: v1alpha1.Key(strings.Repeat("91", 96))},
		"possession that is noise": {Key: key('a'), Possession: "zz"},
	} {
		if _, err := k.Name(); err == nil {
			t.Errorf("%s: a claim was named", name)
		}
	}
}

func TestWantedLeavesSupersededKeysOut(t *testing.T) {
	v := &v1alpha1.Validator{Status: v1alpha1.ValidatorStatus{Instances: []v1alpha1.Instance{
		{Number: 1, Role: v1alpha1.InstanceSuperseded, ConsensusKey: key('a')},
		{Number: 2, Role: v1alpha1.InstanceActive, ConsensusKey: key('b')},
		{Number: 3, Role: v1alpha1.InstanceSuccessor},
	}}}
	if got := plan.Wanted(v); len(got) != 1 || got[0].Key != key('b') {
		t.Errorf("wanted %v", got)
	}
}
