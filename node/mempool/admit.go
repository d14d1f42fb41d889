package mempool

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bedrock-bft/bedrock/node/task"
)

const (
	// admitTxs is the most that one round of admission checks together.
	admitTxs = 1024
	// maxOvertaken is how often a transaction is checked again because a commit
	// touched its sender meanwhile.
	maxOvertaken = 8
)

// admission is the one goroutine that checks on the state and changes lanes by it.
func (p *Pool) admission() {
	var items []*item
	for {
		switch task.Select3(p.tasks, task.Recv(p.verified, &items), task.Recv(p.nudge, nil), task.Done(p.ctx)) {
		case 0:
			for more := true; more && len(items) < admitTxs; {
				select {
				case next := <-p.verified:
					items = append(items, next...)
				default:
					more = false
				}
			}
			p.admit(items)
		case 1:
			p.recheck()
		case 2:
			return
		}
	}
}

// admit runs rounds until every item is settled: an item comes back when a commit
// overtook its check, and a held one joins when its gap has closed.
func (p *Pool) admit(items []*item) {
	for len(items) > 0 {
		var next []*item
		for part := range slices.Chunk(items, admitTxs) {
			next = append(next, p.admitRound(part)...)
		}
		items = next
	}
}

func (p *Pool) admitRound(items []*item) []*item {
	items = p.renew(items)
	// A sender's own order, so that what comes together is not taken for a gap.
	slices.SortStableFunc(items, func(a, b *item) int {
		if c := strings.Compare(a.verdict.Sender, b.verdict.Sender); c != 0 {
			return c
		}
		switch {
		case a.verdict.Nonce < b.verdict.Nonce:
			return -1
		case a.verdict.Nonce > b.verdict.Nonce:
			return 1
		}
		return 0
	})
	p.mu.Lock()
	commit := p.touched.commit
	asked := make([]CheckItem, len(items))
	for i, it := range items {
		asked[i] = CheckItem{Tx: it.tx, Queued: p.book.queuedCost(it.verdict.Sender, it.verdict.Nonce)}
	}
	p.mu.Unlock()
	verdicts, err := p.checkItems(items, asked)
	if err != nil {
		p.settleFailed(items, err)
		return nil
	}
	return p.place(items, verdicts, commit)
}

// renew verifies items again whose verdict is of an earlier executor.
func (p *Pool) renew(items []*item) []*item {
	p.mu.Lock()
	executor := p.executor
	p.mu.Unlock()
	stale := func(it *item) bool { return it.executor != executor }
	if !slices.ContainsFunc(items, stale) {
		return items
	}
	return p.verifyItems(items)
}

// checkItems checks items that are sorted by sender. One that has others of its
// sender before it is checked a second time, with their cost.
func (p *Pool) checkItems(items []*item, asked []CheckItem) ([]CheckVerdict, error) {
	verdicts, err := p.check(asked)
	if err != nil {
		return nil, err
	}
	var again []int
	var ahead Amount
	for i, it := range items {
		if i == 0 || items[i-1].verdict.Sender != it.verdict.Sender {
			ahead = Amount{}
		}
		if verdicts[i].Code != 0 {
			continue
		}
		if ahead != (Amount{}) {
			asked[i].Queued = asked[i].Queued.Add(ahead)
			again = append(again, i)
		}
		ahead = ahead.Add(verdicts[i].MaxCost)
	}
	if len(again) == 0 {
		return verdicts, nil
	}
	second := make([]CheckItem, len(again))
	for i, at := range again {
		second[i] = asked[at]
	}
	found, err := p.check(second)
	if err != nil {
		return nil, err
	}
	for i, at := range again {
		verdicts[at] = found[i]
	}
	return verdicts, nil
}

func (p *Pool) check(items []CheckItem) ([]CheckVerdict, error) {
	verdicts, err := p.cfg.Checker.Check(p.ctx, items)
	if err != nil {
		return nil, fmt.Errorf("check %d transactions: %w", len(items), err)
	}
	if len(verdicts) != len(items) {
		return nil, fmt.Errorf("check %d transactions: %d verdicts came", len(items), len(verdicts))
	}
	return verdicts, nil
}

// place puts checked items into the book and answers those to go round again.
func (p *Pool) place(items []*item, verdicts []CheckVerdict, commit uint64) []*item {
	var again []*item
	var done []*item
	var settled []Result
	var entered, local [][]byte
	now := p.cfg.Now()
	p.mu.Lock()
	for i, it := range items {
		sender := it.verdict.Sender
		if p.touched.since(sender, commit) && it.again < maxOvertaken {
			it.again++
			again = append(again, it)
			continue
		}
		if it.executor != p.executor {
			again = append(again, it)
			continue
		}
		if verdicts[i].Later {
			p.keepForLater(it, now)
			continue
		}
		r := p.placeOne(it, verdicts[i])
		if r.Status == Accepted {
			entered = append(entered, it.tx)
			if it.source == Local {
				local = append(local, it.tx)
				p.locals = append(p.locals, arrival{p.book.byHash[it.hash], now})
			}
		}
		settled = append(settled, r)
		done = append(done, it)
		again = append(again, p.promote(sender)...)
	}
	p.mu.Unlock()
	if p.journal != nil {
		p.journal.append(entered)
	}
	// Accepted means: in the journal too.
	p.mu.Lock()
	for i, it := range done {
		p.settle(it, settled[i])
	}
	p.mu.Unlock()
	for _, tx := range local {
		p.passOn(tx)
	}
	if len(entered) > 0 {
		p.signal()
	}
	return again
}

// placeOne turns one verdict into a result. The lock is held.
func (p *Pool) placeOne(it *item, v CheckVerdict) Result {
	if v.Code != 0 {
		r := Result{Hash: it.hash, Status: Rejected, Reason: ReasonCheck, Code: v.Code,
			Text: orText(v.Log, "the transaction cannot be paid for or is not allowed now")}
		if v.Sender != "" {
			r.NextNonce = v.AccountNonce
			if it.verdict.Nonce < v.AccountNonce {
				r.Reason = ReasonNonceLow
				r.Text = fmt.Sprintf("nonce %d is used: the sender's next is %d", it.verdict.Nonce, v.AccountNonce)
			}
		}
		return r
	}
	if p.executed.has(it.hash) { // meanwhile: of no machine but one with nonces does check know
		return Result{Hash: it.hash, Status: Duplicate, Reason: ReasonExecuted, Text: "the transaction was executed already"}
	}
	now := p.cfg.Now()
	e := &entry{hash: it.hash, tx: it.tx, nonce: it.verdict.Nonce, price: v.GasPrice, gas: it.verdict.GasLimit,
		cost: v.MaxCost, validUntil: v.ValidUntil, source: it.source, added: now}
	r := p.book.insert(e, it.verdict.Sender, v.AccountNonce)
	if r.Status == Accepted || r.Status == Held {
		p.publish(Event{Hash: it.hash, Added: true})
	}
	if r.Status == Accepted && p.suspects.marks.has(it.hash, now) {
		p.suspectLate(e)
	}
	return r
}

// promote takes what was held for the nonce that a sender has reached. The lock is
// held.
func (p *Pool) promote(sender string) []*item {
	var out []*item
	for _, e := range p.book.ripe(sender) {
		it := &item{hash: e.hash, tx: e.tx, source: e.source}
		if v, ok := p.verdicts.Get(p.executor, e.hash); ok {
			it.verdict, it.executor = v, p.executor
		}
		out = append(out, it)
	}
	return out
}
