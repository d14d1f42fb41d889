package plan_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bedrock-bft/bedrock/controllers/validator/plan"
)

// live is a claim of val's on chain try-it with a UID, changed.
func live(uid string, change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "c", UID: types.UID(uid),
		Labels: map[string]string{"bedrock.dev/validator": "val"}, Annotations: map[string]string{"bedrock.dev/chain-id": "try-it"}}}
	c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	for _, f := range change {
		f(c)
	}
	return c
}

func going(c *corev1.PersistentVolumeClaim)   { now := metav1.Now(); c.DeletionTimestamp = &now }
func unbound(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending }
func gone(c *corev1.PersistentVolumeClaim)    { c.Status.Phase = corev1.ClaimLost }
func foreign(c *corev1.PersistentVolumeClaim) { c.Labels = nil }
func elsewhere(c *corev1.PersistentVolumeClaim) {
	c.Annotations["bedrock.dev/chain-id"] = "another"
}

// rule: own-pvcs, key-with-memory, ceremony
func TestClaim(t *testing.T) {
	const signer, chain = true, false
	for _, tt := range []struct {
		name       string
		signer     bool
		recorded   string
		live       *corev1.PersistentVolumeClaim
		identified bool
		genesis    plan.GenesisSays
		step       plan.Step
		reason     string
		lost       bool
	}{
		{"signer, first time", signer, "", nil, false, plan.GenesisSilent, plan.Create, "VolumeCreated", false},
		{"signer, a genesis names it", signer, "", nil, false, plan.GenesisNames, plan.Wait, "KeyMissing", false},
		{"signer, a genesis is unread", signer, "", nil, false, plan.GenesisUnread, plan.Wait, "Waiting", false},
		{"signer, gone before it had an identity", signer, "1", nil, false, plan.GenesisSilent, plan.Create, "VolumeCreated", false},
		{"signer, gone with its identity", signer, "1", nil, true, plan.GenesisSilent, plan.Wait, "KeyMissing", true},
		{"signer, gone, status restored without the UID", signer, "", nil, true, plan.GenesisSilent, plan.Wait, "KeyMissing", true},
		{"signer, another in its place", signer, "1", live("2"), true, plan.GenesisSilent, plan.Wait, "VolumeReplaced", true},
		{"signer, another before it had an identity", signer, "1", live("2"), false, plan.GenesisSilent, plan.Adopt, "VolumeCreated", false},
		{"signer, kept from before", signer, "", live("1"), false, plan.GenesisNames, plan.Adopt, "VolumeCreated", false},
		{"signer, somebody else's", signer, "", live("1", foreign), false, plan.GenesisSilent, plan.Wait, "VolumeNotOurs", false},
		{"signer, of another chain", signer, "", live("1", elsewhere), false, plan.GenesisSilent, plan.Wait, "GenesisConflict", false},
		{"signer, as recorded", signer, "1", live("1"), true, plan.GenesisSilent, plan.Keep, "Ready", false},
		{"signer, going", signer, "1", live("1", going), true, plan.GenesisSilent, plan.Wait, "VolumeDeleting", false},
		{"signer, its disk gone", signer, "1", live("1", gone), true, plan.GenesisSilent, plan.Wait, "VolumeLost", false},
		{"chain, first time", chain, "", nil, false, plan.GenesisSilent, plan.Create, "VolumeCreated", false},
		{"chain, gone", chain, "1", nil, true, plan.GenesisSilent, plan.Create, "VolumeCreated", false},
		{"chain, another in its place", chain, "1", live("2"), true, plan.GenesisSilent, plan.Adopt, "VolumeCreated", false},
		{"chain, of another chain", chain, "1", live("2", elsewhere), true, plan.GenesisSilent, plan.Wait, "GenesisConflict", false},
		{"chain, as recorded", chain, "1", live("1"), true, plan.GenesisSilent, plan.Keep, "Ready", false},
		{"chain, its class missing", chain, "1", live("1", unbound), true, plan.GenesisSilent, plan.Keep, "StorageClassMissing", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := &plan.Volume{Name: "c", Signer: tt.signer, Recorded: tt.recorded, Live: tt.live, Validator: "val", ChainID: "try-it",
				Size: resource.MustParse("1Gi"), Identified: tt.identified, Genesis: tt.genesis, Class: "no class"}
			step, got := plan.Claim(v)
			if step != tt.step || got.Reason != tt.reason || v.Lost() != tt.lost {
				t.Errorf("step %d, %+v, lost %v", step, got, v.Lost())
			}
			if got.Message == "" {
				t.Error("it says nothing")
			}
		})
	}
}

func TestAClaimGrowsInPlace(t *testing.T) {
	v := &plan.Volume{Name: "c", Recorded: "1", Live: live("1"), Validator: "val", Size: resource.MustParse("2Gi")}
	if step, got := plan.Claim(v); step != plan.Grow || !got.OK() {
		t.Errorf("step %d, %+v", step, got)
	}
	v.Size = resource.MustParse("512Mi") // the schema refuses it; a volume never shrinks
	if step, _ := plan.Claim(v); step != plan.Keep {
		t.Errorf("step %d", step)
	}
}

func TestEveryRefusalSaysWhatToDo(t *testing.T) {
	v := &plan.Volume{Name: "c", Signer: true, Recorded: "1", Validator: "val", ChainID: "try-it", Identified: true}
	if _, got := plan.Claim(v); !strings.Contains(got.Message, "kubectl bedrock takeover") {
		t.Error(got.Message)
	}
	v = &plan.Volume{Name: "c", Live: live("1", elsewhere), Validator: "val", ChainID: "try-it"}
	if _, got := plan.Claim(v); !strings.Contains(got.Message, "another") || !strings.Contains(got.Message, "try-it") {
		t.Errorf("it does not name both: %s", got.Message)
	}
}
