package network_test

import (
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/build"
	"github.com/bedrock-bft/bedrock/controllers/names"
)

// An image that could not be asked, by the cluster's doing, is not called invalid; the
// reason is said, and it is asked again once its Job is gone. rule: schema-after-fleet
func TestAnImageThatCouldNotBeAskedIsAskedAgain(t *testing.T) {
	for _, tt := range []struct{ reads, reason, says string }{
		{"evicted", "NotAnswered", "low on resource: memory"},
		{"refused", "PodRefused", "kubectl describe job net-image"},
	} {
		t.Run(tt.reads, func(t *testing.T) {
			g := newRig(t)
			g.apply(4)
			g.until("ready", g.isReady)
			g.clock.SetTime(time.Now().Add(time.Hour)) // Jobs are made by the API server's clock
			g.reads = tt.reads
			g.setImage("bedrock:next")
			g.until(tt.reason, func() bool { return g.condition(v1alpha1.NetworkImage).Reason == tt.reason })
			if c := g.condition(v1alpha1.NetworkImage); !strings.Contains(c.Message, tt.says) || !strings.Contains(c.Message, "very node keeps its image") {
				t.Errorf("it says %s", c.Message)
			}
			var job batchv1.Job
			g.get(names.ImageJob(g.name), &job)
			if kept := job.Spec.TTLSecondsAfterFinished; kept == nil || *kept != 600 {
				t.Errorf("a Job that failed stays for %v seconds: its image is never asked again", kept)
			}
			g.reads = nextRelease
			if err := g.c.Delete(g.ctx(), &job, client.PropagationPolicy("Background")); err != nil {
				t.Fatal(err)
			}
			g.dropPods()
			g.until("the image is everywhere", func() bool { return g.allHave("bedrock:next") })
		})
	}
}

// The Job of an operator before, which nobody controls any more, is taken down where it
// asked another image. rule: schema-after-fleet
func TestAnOrphanedImageJobHoldsNothingUp(t *testing.T) {
	g := newRig(t)
	g.apply(4)
	g.until("ready", g.isReady)
	left := build.ImageJob(&build.ImageJobInput{Namespace: g.ns, Network: g.name, UID: g.network().UID, Image: "bedrock:before"})
	left.OwnerReferences = nil
	if err := g.c.Apply(g.ctx(), left, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	g.reads = nextRelease
	g.setImage("bedrock:next")
	g.until("the image is everywhere", func() bool { return g.allHave("bedrock:next") })
}
