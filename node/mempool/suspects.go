package mempool

import (
	"time"

	"github.com/bedrock-bft/bedrock/node/task"
	"github.com/bedrock-bft/bedrock/node/types"
)

// suspects are transactions of failed blocks, by the lists in which they are tried.
type suspects struct {
	marks   *timedSet      // hashes that are suspect should they come (again)
	lists   [][]types.Hash // to be tried, one after the other
	late    []types.Hash   // came after their block had failed: one more list
	blocked []types.Hash   // passed alone and failed together: tried again after a commit
}

func (s *suspects) waiting() bool { return len(s.lists) > 0 || len(s.late) > 0 }

// maxLists bounds the lists; more are joined to the last.
const maxLists = 64

func (s *suspects) push(list []types.Hash) {
	if len(list) == 0 {
		return
	}
	if len(s.lists) >= maxLists {
		last := len(s.lists) - 1
		s.lists[last] = append(s.lists[last], list...)
		return
	}
	s.lists = append(s.lists, list)
}

// Suspect tells the pool of the transactions of a failed block, in the block's
// order: it executed none of them, and one of them may make every block fail. They
// are proposed again once a run in the sandbox has cleared them.
// rule: failed-block
func (p *Pool) Suspect(txs [][]byte) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []types.Hash
	for _, tx := range txs {
		hash := types.TxHash(tx)
		p.suspects.marks.add(hash, now.Add(p.cfg.Limits.RefuseFor))
		e := p.book.byHash[hash]
		if e == nil || e.held {
			continue
		}
		if !e.suspect {
			e.suspect = true
			p.book.suspects++
		}
		list = append(list, hash)
	}
	p.suspects.push(list)
	p.tryLater()
}

// suspectLate marks a transaction that came after its block had failed. The lock is
// held.
func (p *Pool) suspectLate(e *entry) {
	e.suspect = true
	p.book.suspects++
	p.suspects.late = append(p.suspects.late, e.hash)
	p.tryLater()
}

func (p *Pool) tryLater() {
	select {
	case p.sandbox <- struct{}{}:
	default:
	}
}

// retrySuspects tries again, on the new state, what could not be told apart. The
// lock is held.
func (p *Pool) retrySuspects() {
	if len(p.suspects.blocked) == 0 {
		return
	}
	p.suspects.push(p.suspects.blocked)
	p.suspects.blocked = nil
	p.tryLater()
}

// bisect tries lists of suspects until none waits.
func (p *Pool) bisect() {
	for task.Select2(p.tasks, task.Recv(p.sandbox, nil), task.Done(p.ctx)) == 0 {
		for list := p.nextList(); list != nil; list = p.nextList() {
			p.tryList(list)
			p.mu.Lock()
			p.running--
			p.mu.Unlock()
		}
	}
}

func (p *Pool) nextList() []types.Hash {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.suspects
	var list []types.Hash
	switch {
	case p.ctx.Err() != nil:
		return nil
	case len(s.lists) > 0:
		list = s.lists[0]
		s.lists = s.lists[1:]
	case len(s.late) > 0:
		list, s.late = s.late, nil
	default:
		return nil
	}
	p.running++
	return list
}

// try runs those of a list that are still suspects, each behind what its sender has
// queued before it; true if they pass or none is left.
func (p *Pool) try(list []types.Hash) (bool, error) {
	var txs [][]byte
	p.mu.Lock()
	taken := make(map[*entry]bool)
	for _, h := range list {
		e := p.book.byHash[h]
		if e == nil || !e.suspect || e.held {
			continue
		}
		for _, before := range e.lane.txs[:e.nonce-e.lane.base+1] {
			if !taken[before] {
				taken[before] = true
				txs = append(txs, before.tx)
			}
		}
	}
	p.mu.Unlock()
	if len(txs) == 0 {
		return true, nil
	}
	p.metrics.sandboxRuns.Inc()
	return p.cfg.Sandbox.Try(p.ctx, txs)
}

// tryList clears a list that passes. One that fails is narrowed down by halves to a
// transaction that fails alone: a half that passes is cleared, of one that fails
// the other half becomes the next list.
func (p *Pool) tryList(list []types.Hash) {
	ok, err := p.try(list)
	if err != nil {
		p.block(list, err)
		return
	}
	if ok {
		p.clear(list)
		return
	}
	if !p.emptyPasses(list) {
		return
	}
	var untried []types.Hash
	failed := true // the list as it stands was seen to fail
	for len(list) > 1 {
		half, rest := list[:len(list)/2], list[len(list)/2:]
		if ok, err = p.try(half); err != nil {
			p.block(append(list[:len(list):len(list)], untried...), err)
			return
		}
		if ok {
			p.clear(half)
			list, failed = rest, false
		} else {
			untried = append(rest[:len(rest):len(rest)], untried...)
			list, failed = half, true
		}
	}
	if !failed {
		if ok, err = p.try(list); ok || err != nil {
			// It fails only together with others: they may be final soon.
			p.block(list, err)
			list = nil
		}
	}
	if len(list) == 1 && p.emptyPasses(list) { // the module may be another one by now
		p.dropPoison(list[0])
	}
	p.mu.Lock()
	p.suspects.push(untried)
	p.mu.Unlock()
}

// emptyPasses reports whether a block without transactions passes. A module that
// fails on that one too is to blame itself: the list is kept until it is gone.
// rule: epoch-revert
func (p *Pool) emptyPasses(list []types.Hash) bool {
	p.metrics.sandboxRuns.Inc()
	ok, err := p.cfg.Sandbox.Try(p.ctx, nil)
	if !ok || err != nil {
		p.block(list, err)
		return false
	}
	return true
}

// clear lets transactions be proposed again.
func (p *Pool) clear(list []types.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range list {
		p.suspects.marks.remove(h)
		if e := p.book.byHash[h]; e != nil && e.suspect {
			e.suspect = false
			p.book.suspects--
		}
	}
	p.signal()
}

// block keeps what could not be judged until the next commit.
func (p *Pool) block(list []types.Hash, err error) {
	if err != nil && p.ctx.Err() == nil {
		p.log.Error("suspects cannot be tried, again after the next block", "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.suspects.blocked = append(p.suspects.blocked, list...)
}

// dropPoison drops what fails alone and refuses its hash for a time.
func (p *Pool) dropPoison(h types.Hash) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused.add(h, now.Add(p.cfg.Limits.RefuseFor))
	p.suspects.marks.remove(h)
	if e := p.book.byHash[h]; e != nil && !e.held {
		p.book.dropAt(e.lane, int(e.nonce-e.lane.base), ReasonPoison, now)
	}
	p.log.Warn("a transaction makes blocks fail and is refused for a time", "tx", h, "for", p.cfg.Limits.RefuseFor.Round(time.Second))
}
