package task

import (
	"sync"
	"sync/atomic"
)

// Group is tasks that somebody waits for. The zero Group runs on the machine; it must
// not be copied once used.
type Group struct {
	on Runtime
	wg sync.WaitGroup
	n  atomic.Int64 // on a Scheduler
}

// NewGroup makes one on a Runtime.
func NewGroup(r Runtime) *Group { return &Group{on: r} }

// Go starts a task of the group. The name is for reports.
func (g *Group) Go(name string, f func()) {
	if g.on.scheduler == nil {
		g.wg.Go(f)
		return
	}
	g.n.Add(1)
	g.on.scheduler.Go(name, func() {
		defer g.n.Add(-1)
		f()
	})
}

// Wait waits until all tasks of the group have ended.
func (g *Group) Wait() {
	if g.on.scheduler == nil {
		g.wg.Wait()
		return
	}
	g.on.scheduler.Wait((*ended)(g))
}

// ended is a Group as something to wait for.
type ended Group

// Try implements Try.
func (g *ended) Try() bool { return g.n.Load() == 0 }
