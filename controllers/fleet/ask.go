package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/bedrock-bft/bedrock/client/ledger"
	"github.com/bedrock-bft/bedrock/controllers/chain"
	"github.com/bedrock-bft/bedrock/controllers/disruption/plan"
)

const (
	// askAtOnce nodes are asked together, until wanted have answered, at most askMost:
	// whoever is in question, two others are among them. // rule: seen
	askAtOnce = 4
	wanted    = 4
	askMost   = 16
	// askTimeout bounds the questions to one node.
	askTimeout = 5 * time.Second
)

// Ask asks nodes for themselves and the set, in their order, and says who answered: what
// is asked next is asked of them.
func Ask(ctx context.Context, c chain.Client, nodes []Node) (out []plan.Answer, answered []Node) {
	for first := 0; first < min(len(nodes), askMost) && len(out) < wanted; first += askAtOnce {
		some := nodes[first:min(len(nodes), first+askAtOnce)]
		answers := make([]plan.Answer, len(some))
		var wait sync.WaitGroup
		for i := range some {
			wait.Go(func() { answers[i] = askOne(ctx, c, some[i]) })
		}
		wait.Wait()
		for i, a := range answers {
			if a.Status != nil {
				out, answered = append(out, a), append(answered, some[i])
			}
		}
	}
	return out, answered
}

// askOne is an empty answer where there is none, or where another one answers.
func askOne(ctx context.Context, c chain.Client, n Node) plan.Answer {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, err := c.Status(ctx, n.At)
	if err != nil || n.Identity != (ledger.ID{}) && status.Identity != n.Identity {
		return plan.Answer{}
	}
	set, err := c.Set(ctx, n.At)
	if err != nil {
		return plan.Answer{}
	}
	return plan.Answer{Status: status, Set: set}
}
