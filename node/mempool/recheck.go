package mempool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// probe is what is asked about one sender: its last transaction with the cost of
// all before it, which stands for the whole lane, or each of them.
type probe struct {
	sender  string
	full    bool
	entries []*entry
}

// recheck checks the senders that commits touched, and what waited for a migration
// to end. A sender costs one check while its queue stays payable. Where there is no
// answer now it stops: the next commit, or the sweep, begins again.
func (p *Pool) recheck() {
	if !p.admitLater() {
		return
	}
	for p.ctx.Err() == nil {
		probes, asked, commit := p.nextProbes()
		if probes == nil {
			return
		}
		again, unanswered, err := p.runProbes(probes, asked, commit)
		p.mu.Lock()
		p.running--
		if err != nil {
			unanswered = probes
		}
		for _, pr := range unanswered {
			p.dirty.add(pr.sender, pr.full || err == nil)
		}
		if p.book.txs > 0 && slices.ContainsFunc(probes, func(pr probe) bool { return pr.full }) {
			p.signal() // what a new executor kept back may be proposed now
		}
		p.mu.Unlock()
		if err != nil && p.ctx.Err() == nil {
			p.log.Error("senders cannot be checked again now", "error", err)
		}
		p.admit(again)
		if len(unanswered) > 0 {
			return
		}
	}
}

// nextProbes takes senders that wait, about admitTxs transactions' worth.
func (p *Pool) nextProbes() (probes []probe, asked []CheckItem, commit uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.dirty.len() > 0 && len(asked) < admitTxs {
		senders, full := p.dirty.take(1)
		l := p.book.lanes[senders[0]]
		if l == nil {
			continue
		}
		pr := probe{sender: senders[0], full: full[0]}
		switch {
		case len(l.txs) == 0:
			pr.full = false
			pr.entries = l.held[:1:1]
			asked = append(asked, CheckItem{Tx: l.held[0].tx})
		case !pr.full:
			pr.entries = []*entry{l.tail()}
			asked = append(asked, CheckItem{Tx: l.tail().tx, Queued: l.cost.Sub(l.tail().cost)})
		default:
			pr.entries = append(pr.entries, l.txs...)
			var ahead Amount
			for _, e := range l.txs {
				asked = append(asked, CheckItem{Tx: e.tx, Queued: ahead})
				ahead = ahead.Add(e.cost)
			}
		}
		probes = append(probes, pr)
	}
	if probes != nil {
		p.running++
	}
	return probes, asked, p.touched.commit
}

// runProbes asks, and applies the answers to senders that no commit touched since.
// It returns those, too, that could not be judged yet.
func (p *Pool) runProbes(probes []probe, asked []CheckItem, commit uint64) (again []*item, unanswered []probe, err error) {
	p.mu.Lock()
	executor, gen := p.executor, p.book.gen
	p.mu.Unlock()
	verdicts, err := p.verifyFull(probes, executor)
	if err != nil {
		return nil, nil, err
	}
	found, err := p.check(asked)
	if err != nil {
		return nil, nil, err
	}
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pr := range probes {
		c := found[:len(pr.entries)]
		found = found[len(pr.entries):]
		var v []Verdict
		if pr.full {
			v, verdicts = verdicts[:len(pr.entries)], verdicts[len(pr.entries):]
		}
		l := p.book.lanes[pr.sender]
		if l == nil || p.touched.since(pr.sender, commit) || gen != p.book.gen {
			continue // gone, or waits again already
		}
		if slices.ContainsFunc(c, func(v CheckVerdict) bool { return v.Later }) {
			unanswered = append(unanswered, pr)
			continue
		}
		if pr.full {
			p.applyFull(l, pr.entries, v, c, now)
		} else {
			p.applyTail(l, pr.entries[0], c[0], now)
		}
		again = append(again, p.promote(pr.sender)...)
	}
	return again, unanswered, nil
}

// verifyFull verifies the transactions of full probes by the present executor: from
// the cache, unless it is new.
func (p *Pool) verifyFull(probes []probe, executor types.Hash) ([]Verdict, error) {
	var txs [][]byte
	for _, pr := range probes {
		if !pr.full {
			continue
		}
		for _, e := range pr.entries {
			txs = append(txs, e.tx)
		}
	}
	if len(txs) == 0 {
		return nil, nil
	}
	return VerifyAll(p.ctx, p.tasks, p.cfg.Verifier, p.verdicts, executor, txs, p.cfg.Workers)
}

// applyTail takes the answer about a lane's last transaction for the whole lane.
func (p *Pool) applyTail(l *lane, probed *entry, v CheckVerdict, now time.Time) {
	if v.Code == 0 || v.Sender != "" {
		p.book.setBase(l, v.AccountNonce, now)
	}
	if v.Code == 0 || probed.lane != l || probed.held {
		return
	}
	if len(l.txs) == 1 {
		p.book.dropAt(l, 0, ReasonCheck, now)
		return
	}
	p.dirty.add(l.sender, true)
	p.wake()
}

// applyFull takes the answers about each transaction: the first that fails goes, and
// what is behind it is held.
func (p *Pool) applyFull(l *lane, entries []*entry, v []Verdict, c []CheckVerdict, now time.Time) {
	for i := range c {
		if c[i].Code == 0 || c[i].Sender != "" {
			p.book.setBase(l, c[i].AccountNonce, now)
			break
		}
	}
	for i, e := range entries {
		if e.lane != l || e.held {
			continue
		}
		if v[i].Code != 0 || c[i].Code != 0 {
			p.book.dropAt(l, int(e.nonce-l.base), ReasonCheck, now)
			break
		}
		e.price, e.gas, e.cost, e.gen = c[i].GasPrice, v[i].GasLimit, c[i].MaxCost, p.book.gen
	}
	l.refresh()
	p.book.reorder(l)
}

// Flush waits until nothing is on its way into the pool and no sender waits to be
// checked again.
func (p *Pool) Flush(ctx context.Context) error {
	again := p.tasks.Timer()
	defer again.Stop()
	for {
		p.mu.Lock()
		quiet := len(p.pending) == len(p.later) && p.dirty.len() == 0 && p.running == 0 && !p.suspects.waiting()
		p.mu.Unlock()
		if quiet {
			return nil
		}
		again.Reset(time.Millisecond)
		switch task.Select3(p.tasks, task.Fired(again), task.Done(ctx), task.Done(p.ctx)) {
		case 1:
			return fmt.Errorf("flush the mempool: %w", ctx.Err())
		case 2:
			return ErrClosed
		}
	}
}
