package load

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/codec"
	"github.com/bedrock-bft/bedrock/node/types"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// outcomePage is how many outcomes a node is asked for at once; nodesAtOnce how
// many nodes.
const (
	outcomePage = 1000
	nodesAtOnce = 8
)

// Agreement is what a comparison of nodes' outcomes gave.
type Agreement struct {
	Agree    bool
	Nodes    int    // that answered
	From, To uint64 // heights that all of them have
	// Height and URL are the first disagreement: that node's outcome is another
	// than the first node's. Zero if there is none.
	Height uint64
	URL    string
}

// String says it in a line.
func (a Agreement) String() string {
	if a.Agree {
		return fmt.Sprintf("outcomes of %d nodes agree at heights %d to %d", a.Nodes, a.From, a.To)
	}
	return fmt.Sprintf("the outcome of height %d at %s is another than the first node's", a.Height, a.URL)
}

// CompareOutcomes compares the outcomes of every height that all nodes that answer
// have. One that does not answer has nothing to compare; with fewer than two there
// is agreement.
func CompareOutcomes(ctx context.Context, clients []*client.Client) (Agreement, error) {
	a := Agreement{Agree: true, From: 1, To: ^uint64(0)}
	var live []*client.Client
	for _, c := range clients {
		s, err := c.Status(ctx)
		if err != nil {
			continue
		}
		live = append(live, c)
		a.From, a.To = max(a.From, s.BlocksFloor), min(a.To, s.FinalHeight)
	}
	if a.Nodes = len(live); a.Nodes == 0 {
		a.To = 0
	}
	for from := a.From; a.Nodes > 1 && from <= a.To; from += outcomePage {
		pages, err := outcomes(ctx, live, from, min(outcomePage, a.To-from+1))
		if err != nil {
			return a, err
		}
		for h := range pages[0] {
			for n := range pages {
				if pages[n][h] != pages[0][h] {
					a.Agree, a.Height, a.URL = false, from+uint64(h), live[n].URL()
					return a, nil
				}
			}
		}
	}
	return a, nil
}

// outcomes asks each node for the outcomes' hashes of n heights.
func outcomes(ctx context.Context, live []*client.Client, from, n uint64) ([][]types.Hash, error) {
	pages := make([][]types.Hash, len(live))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(nodesAtOnce)
	for i, c := range live {
		g.Go(func() error {
			res, err := c.RPC().ListOutcomes(ctx, connect.NewRequest(&nodev1.ListOutcomesRequest{From: from, Limit: uint32(n)}))
			if err != nil {
				return fmt.Errorf("outcomes of %s from height %d: %w", c.URL(), from, err)
			}
			if len(res.Msg.Outcomes) != int(n) {
				return fmt.Errorf("outcomes of %s: %d from height %d, want %d", c.URL(), len(res.Msg.Outcomes), from, n)
			}
			for k, m := range res.Msg.Outcomes {
				o, err := codec.OutcomeFrom(m)
				if err != nil || o.Height != from+uint64(k) {
					return fmt.Errorf("outcomes of %s: the one at place %d from height %d is malformed or of another height (%v)", c.URL(), k, from, err)
				}
				pages[i] = append(pages[i], o.Hash())
			}
			return nil
		})
	}
	return pages, g.Wait()
}
