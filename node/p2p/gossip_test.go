package p2p

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

func TestGossipReachesAllAndIsJudged(t *testing.T) {
	nodes := cluster(t, 4, nil)
	var subs []<-chan Message
	for _, n := range nodes {
		sub, err := n.Subscribe(TopicTx, func(_ context.Context, _ PeerID, data []byte) Verdict {
			switch {
			case bytes.HasPrefix(data, []byte("bad")):
				return Reject
			case bytes.HasPrefix(data, []byte("old")):
				return Ignore
			}
			return Accept
		})
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	meshed(t, nodes, TopicTx)
	big := bytes.Repeat([]byte("x"), 3<<20)
	for _, m := range [][]byte{[]byte("bad"), []byte("old"), []byte("good"), big} {
		if err := nodes[0].Publish(TopicTx, m); err != nil {
			t.Fatal(err)
		}
	}
	for i, sub := range subs[1:] {
		got := map[int]bool{}
		for range 2 {
			got[len(take(t, sub).Data)] = true
		}
		if !got[len("good")] || !got[len(big)] {
			t.Errorf("node %d heard messages of sizes %v", i+1, got)
		}
	}
	if len(subs[0]) != 0 {
		t.Error("a node heard itself")
	}
	eventually(t, "what was refused is counted", func() bool {
		return metric(t, nodes[1].reg, "bedrock_p2p_gossip_refused_messages_total", "reason", "invalid") > 0 &&
			metric(t, nodes[1].reg, "bedrock_p2p_gossip_refused_messages_total", "reason", "ignored") > 0
	})
	if _, err := nodes[0].Subscribe(TopicTx, nil); err == nil {
		t.Error("a second subscription was given")
	}
}

// TestGossipLosesNothingInABurst publishes more than pubsub's defaults would hold.
func TestGossipLosesNothingInABurst(t *testing.T) {
	nodes := cluster(t, 2, nil)
	var subs []<-chan Message
	for _, n := range nodes {
		sub, err := n.Subscribe(TopicEvidence, nil)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	meshed(t, nodes, TopicEvidence)
	const count = 300
	for i := range count {
		if err := nodes[0].Publish(TopicEvidence, []byte(fmt.Sprint("message ", i))); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for range count {
		seen[string(take(t, subs[1]).Data)] = true
	}
	if len(seen) != count {
		t.Errorf("%d of %d messages arrived", len(seen), count)
	}
	if lost := metric(t, nodes[0].reg, "bedrock_p2p_dropped_messages_total", "channel", "gossip"); lost != 0 {
		t.Errorf("%v messages were dropped", lost)
	}
}

// meshed waits until all nodes know one another's subscription.
func meshed(t *testing.T, nodes []*node, topic Topic) {
	t.Helper()
	for _, n := range nodes {
		eventually(t, "subscriptions are known", func() bool {
			return len(n.pubsub.ListPeers(n.topicName(topic))) == len(nodes)-1
		})
	}
}
