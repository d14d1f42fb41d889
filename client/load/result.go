package load

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/bedrock-bft/bedrock/client"
	nodev1 "github.com/bedrock-bft/bedrock/proto/bedrock/node/v1"
)

// result puts the figures together.
func (r *run) result(ctx context.Context, before []*nodev1.GetStatusResponse) (*Result, error) {
	after, _, err := r.statuses(ctx)
	if err != nil {
		return nil, err
	}
	agree, err := OutcomesAgree(ctx, r.clients)
	if err != nil {
		return nil, fmt.Errorf("compare the nodes' outcomes: %w", err)
	}
	t := r.track
	t.mu.Lock()
	defer t.mu.Unlock()
	rep := Report{
		CommittedTx: t.committed, OfferedTx: t.offered, Heights: t.heights, StateRootsAgree: agree,
		FinalityMs: Quantiles{
			P50: milliseconds(t.all.quantile(0.5)), P90: milliseconds(t.all.quantile(0.9)),
			P99: milliseconds(t.all.quantile(0.99)), Max: milliseconds(t.all.max),
		},
		BlockIntervalMs: Interval{P50: milliseconds(t.intervals.quantile(0.5)), P99: milliseconds(t.intervals.quantile(0.99))},
		Nodes:           make([]NodeReport, len(after)),
	}
	took := max(r.opt.Duration, time.Millisecond)
	if !t.lastFinal.IsZero() {
		took = max(took, t.lastFinal.Sub(t.start))
	}
	rep.GoodputTPS = float64(t.committed) / took.Seconds()
	for i, s := range after {
		if s == nil {
			continue
		}
		rep.Nodes[i] = NodeReport{Height: s.FinalHeight, StateRoot: hex.EncodeToString(s.StateRoot)}
		var b nodev1.GetStatusResponse
		if before[i] != nil && before[i].StartedTimeMs == s.StartedTimeMs { // the same process
			proto.Merge(&b, before[i])
		}
		rep.Timeouts += s.Timeouts - min(s.Timeouts, b.Timeouts)
		rep.EmptyViews = max(rep.EmptyViews, s.EmptyViews-min(s.EmptyViews, b.EmptyViews))
	}
	return &Result{Report: rep, Seconds: t.seconds, Refused: t.refused, LastRefusal: t.lastRefusal, Failed: t.failed}, nil
}

// OutcomesAgree compares the outcomes of every height that all nodes that answer
// have.
func OutcomesAgree(ctx context.Context, clients []*client.Client) (bool, error) {
	const page = 1000
	var live []*client.Client
	lo, hi := uint64(1), ^uint64(0)
	for _, c := range clients {
		s, err := c.Status(ctx)
		if err != nil {
			continue // a node that is down has nothing to compare
		}
		live = append(live, c)
		lo, hi = max(lo, s.BlocksFloor), min(hi, s.FinalHeight)
	}
	for from := lo; len(live) > 1 && from <= hi; from += page {
		limit := uint32(min(page, hi-from+1))
		var first *nodev1.ListOutcomesResponse
		for _, c := range live {
			res, err := c.RPC().ListOutcomes(ctx, connect.NewRequest(&nodev1.ListOutcomesRequest{From: from, Limit: limit}))
			if err != nil {
				return false, fmt.Errorf("%s: outcomes from height %d: %w", c.URL(), from, err)
			}
			if len(res.Msg.Outcomes) != int(limit) {
				return false, fmt.Errorf("%s: %d outcomes from height %d, want %d", c.URL(), len(res.Msg.Outcomes), from, limit)
			}
			if first == nil {
				first = res.Msg
			} else if !proto.Equal(first, res.Msg) {
				return false, nil
			}
		}
	}
	return true, nil
}
