//go:build e2e

package operator

import (
	"testing"
	"time"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Row 9: a new image goes to full nodes first and then to validators, one by one under
// tokens, each seen voting before the next; a bad one stops at the first, which is named;
// going back works within one schema, and is refused across a migration before anything
// starts. rule: schema-after-fleet
func TestRow9Rollout(t *testing.T) {
	shared.buildNext(t)
	shared.buildBroken(t)
	n := shared.deploy(t, nil)
	wait(t, "4 validators Ready and finalising", 90*time.Second, func() (bool, string) { return n.ready(4) })
	n.waitFullNodes(nodeImage, 2*time.Minute)
	l := n.startLoad()
	wait(t, "20 transfers final", 60*time.Second, func() (bool, string) { return l.progress() >= 20, "" })

	n.refusedBeforeStart(l)
	n.rollOut(l, nextImage)
	n.schemas(1, 2)
	n.waitCondition(v1alpha1.NetworkSchema, "True", v1alpha1.ReasonMigrationOffered, time.Minute, "databaseSchema: 2")
	n.rollOut(l, nodeImage) // going back within one schema
	n.schemas(1, 1)

	n.stopsAtTheFullNode(l)
	n.stopsAtTheFirstValidator(l)

	n.rollOut(l, nextImage)
	n.waitCondition(v1alpha1.NetworkSchema, "True", v1alpha1.ReasonMigrationOffered, time.Minute)
	n.migrate(l)
	n.refusedAcrossTheMigration(l)
	n.goesOn(l, 20)
}

// refusedBeforeStart: an image that cannot be had, and one that is no node's: every pod
// stays.
func (n *network) refusedBeforeStart(l *load) {
	n.Helper()
	before := n.pods()
	n.setImage(absentImage)
	n.waitCondition(v1alpha1.NetworkImage, "False", "ImageUnavailable", 2*time.Minute, absentImage)
	n.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkImage))
	n.setImage(strangeImage)
	n.waitCondition(v1alpha1.NetworkImage, "False", "ImageInvalid", 2*time.Minute, strangeImage)
	n.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkImage))
	n.goesOn(l, 50)
	n.samePods(before)
	n.setImage(nodeImage)
	n.waitCondition(v1alpha1.NetworkImage, "True", "Accepted", time.Minute)
}

// stopsAtTheFullNode: an image that tells its version and does not start is named with
// the full node that got it; no validator is touched.
func (n *network) stopsAtTheFullNode(l *load) {
	n.Helper()
	before := n.validatorPods()
	n.setImage(brokenImage)
	n.waitCondition(v1alpha1.NetworkRollout, "False", "FullNodesFirst", 3*time.Minute, brokenImage, n.name+"-full-0", "this build is broken")
	n.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkRollout))
	n.goesOn(l, 50)
	n.same(before, n.validatorPods())
	n.setImage(nodeImage)
	n.waitFullNodes(nodeImage, 3*time.Minute)
	n.same(before, n.validatorPods())
}

// stopsAtTheFirstValidator: where there are no full nodes the first validator stops it;
// the others stay, and going back brings it back.
func (n *network) stopsAtTheFirstValidator(l *load) {
	n.Helper()
	before := n.validatorPods()
	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.FullNodes.Replicas = new(int32(0)) })
	n.setImage(brokenImage)
	first := ""
	n.waitBroken(3*time.Minute, before, &first)
	n.waitCondition(v1alpha1.NetworkRollout, "False", "RolloutPaused", 2*time.Minute, first, brokenImage, "this build is broken")
	n.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkRollout))
	n.goesOn(l, 100)
	n.sameBut(before, n.validatorPods(), first)
	n.setImage(nodeImage)
	wait(n.T, "4 validators Ready with the image before", 4*time.Minute, func() (bool, string) {
		ok, state := n.ready(4)
		return ok && n.allRun(nodeImage), state + "; " + n.story(n.get().Status.Conditions, v1alpha1.NetworkRollout)
	})
	n.sameBut(before, n.validatorPods(), first) // the others were never of another image
	n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.FullNodes.Replicas = new(int32(1)) })
	n.waitFullNodes(nodeImage, 3*time.Minute)
}

// migrate asks for the next schema: it goes as an image does.
func (n *network) migrate(l *load) {
	n.Helper()
	two := int32(2)
	n.orderly(l, "every database migrated", func() {
		n.change(func(b *v1alpha1.BedrockNetwork) { b.Spec.DatabaseSchema = &two })
	}, func() (bool, string) {
		ok, state := n.haveSchema(2, 2)
		return ok, state + "; " + n.story(n.get().Status.Conditions, v1alpha1.NetworkSchema)
	})
	n.waitCondition(v1alpha1.NetworkSchema, "True", "Current", time.Minute)
	n.schemas(2, 2)
}

// refusedAcrossTheMigration: the image before does not read the databases any more: it
// is refused and no pod restarts.
func (n *network) refusedAcrossTheMigration(l *load) {
	n.Helper()
	before := n.pods()
	n.setImage(nodeImage)
	n.waitCondition(v1alpha1.NetworkImage, "False", v1alpha1.ReasonSchemaOutOfReach, 2*time.Minute, nodeImage, "migrated to 2", "Nothing was started")
	n.Log(n.story(n.get().Status.Conditions, v1alpha1.NetworkImage))
	n.goesOn(l, 50)
	n.samePods(before)
	n.setImage(nextImage)
	n.waitCondition(v1alpha1.NetworkImage, "True", "Accepted", time.Minute)
	n.samePods(before)
}
