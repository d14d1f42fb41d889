package consensus

import "github.com/bedrock-bft/bedrock/node/types"

func (n *simNode) execute(x ExecuteBlock) {
	w := n.w
	id := x.Block.ID()
	if n.execs[id] {
		w.fail("node %d executes a block twice in one life", n.i)
	}
	n.execs[id] = true
	ev := BlockExecuted{ID: id, Success: true, ReceiptsRoot: types.ListRoot(x.Block.Payload),
		StateRoot: types.SumHash(append(x.Parent.StateRoot[:], id[:]...))}
	if len(x.Block.Payload) > 0 && len(x.Block.Payload[0]) > 5 && string(x.Block.Payload[0][:5]) == "epoch" {
		next := w.epochAfter(x.Block.Header.Epoch)
		ev.Change = &next
		n.changes[id] = &next
	}
	n.later(uint64(1+w.rnd.Intn(w.plan.slowExec+3)), ev)
}

func (n *simNode) finalize(x Finalize) {
	d := &n.disk
	for _, b := range x.Blocks {
		if h := uint64(len(d.finals)) + 1; b.Outcome.Height != h {
			n.w.fail("node %d: final height %d after %d", n.i, b.Outcome.Height, h-1)
			return
		}
		n.w.agree(n, b.Outcome)
		d.finals, d.certs = append(d.finals, b), append(d.certs, x.Certificate)
		d.changes[b.Outcome.Height] = n.changes[b.Block.ID()]
	}
	if n.w.rnd.Intn(3) == 0 {
		d.synced = uint64(len(d.finals))
		n.later(1, StoreProgress{SyncedHeight: d.synced})
	}
}
